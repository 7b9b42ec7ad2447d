/* slow_crowd.h - clients in a process of their own that send a byte now and then, and no message.
 */
/* SPDX-License-Identifier: MIT */
/*
 * Each sends its first byte when it is connected, and from then on one in each pause, spread
 * evenly over it, until the server has ended the last of them or their patience is over.
 */
#ifndef BENCH_SLOW_CROWD_H
#define BENCH_SLOW_CROWD_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "child.h"
#include "histogram.h"

struct slow_crowd {
    struct child child;
    struct sockaddr_in server;
    size_t count;
    int64_t pause_ns;
    int64_t patience_ns; /* counted from when all are connected */
};

/* Returns 0 or a negative errno. */
int slow_crowd_start(struct slow_crowd *crowd);

/* Wait until all are connected. Returns 0, or the first one's negative errno. */
int slow_crowd_await(struct slow_crowd *crowd);

/* Wait until all are ended, or patience is over. `ages` gets a value for each that the server has
 * ended: the nanoseconds from its first byte. Returns 0; -ECHILD. */
int slow_crowd_end(struct slow_crowd *crowd, struct histogram *ages);

#endif
