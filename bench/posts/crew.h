/* crew.h - threads that run one function. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_POSTS_CREW_H
#define BENCH_POSTS_CREW_H

#include <pthread.h>
#include <stddef.h>

#define CREW_MAX 64

struct crew {
    pthread_t threads[CREW_MAX];
    size_t count;
};

/* Start `count` of them, at most CREW_MAX. Returns 0, or a negative errno: join those that there
 * are. */
int crew_start(struct crew *crew, size_t count, void *(*body)(void *), void *argument);

/* Wait until all have ended. */
void crew_join(struct crew *crew);

#endif
