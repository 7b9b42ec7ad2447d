/* plain.c - what most programs have: a list, a mutex, a condition variable. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "crew.h"
#include "posts.h"

struct post_line {
    pthread_mutex_t mutex;
    pthread_cond_t filled; /* one was added, or there will be no more */
    struct posted *first;
    struct posted **last;
    bool over;
    struct crew crew;
};

/* NULL: there will be no more. */
static struct posted *take(struct post_line *line)
{
    struct posted *posted;

    pthread_mutex_lock(&line->mutex);
    while (!line->first && !line->over)
        pthread_cond_wait(&line->filled, &line->mutex);
    posted = line->first;
    if (posted)
        line->first = posted->next;
    if (!line->first)
        line->last = &line->first;
    pthread_mutex_unlock(&line->mutex);
    return posted;
}

static void *take_all(void *self)
{
    struct posted *posted;

    while ((posted = take(self)))
        if (posted->arrived)
            posted->arrived(posted->context);
    return NULL;
}

static int post(struct post_line *line, struct posted *posted)
{
    posted->next = NULL;
    pthread_mutex_lock(&line->mutex);
    *line->last = posted;
    line->last = &posted->next;
    pthread_mutex_unlock(&line->mutex);
    pthread_cond_signal(&line->filled);
    return 0;
}

static int stop(struct post_line *line)
{
    pthread_mutex_lock(&line->mutex);
    line->over = true;
    pthread_mutex_unlock(&line->mutex);
    pthread_cond_broadcast(&line->filled);
    crew_join(&line->crew);
    pthread_cond_destroy(&line->filled);
    pthread_mutex_destroy(&line->mutex);
    free(line);
    return 0;
}

static int start(const char *engine, size_t workers, struct post_line **line)
{
    struct post_line *made = calloc(1, sizeof *made);
    int error;

    (void)engine;
    if (!made)
        return -ENOMEM;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->filled, NULL);
    made->last = &made->first;
    error = crew_start(&made->crew, workers, take_all, made);
    if (error < 0)
        (void)stop(made);
    else
        *line = made;
    return error;
}

const struct post_ops posts_plain = {start, post, stop};
