/* posts.h - ways to hand something from one thread to another: libiocp's, and a plain queue. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_POSTS_POSTS_H
#define BENCH_POSTS_POSTS_H

#include <stddef.h>

#include <iocp/op.h>

/* Storage of the caller's for one that is handed over; its own again when it has arrived. */
struct posted {
    struct iocp_op op;
    struct posted *next;
    void (*arrived)(void *context); /* runs on the thread that takes it; may be NULL */
    void *context;
};

struct post_line;

struct post_ops {
    /* Returns 0 or a negative errno. */
    int (*start)(const char *engine, size_t workers, struct post_line **line);
    /* Any thread. Returns 0 or a negative errno. */
    int (*post)(struct post_line *line, struct posted *posted);
    /* Returns when everything has arrived and the workers have ended: 0 or a negative errno. */
    int (*stop)(struct post_line *line);
};

extern const struct post_ops posts_pool;  /* a callback on a worker of libiocp's pool */
extern const struct post_ops posts_port;  /* threads that wait on libiocp's port themselves */
extern const struct post_ops posts_plain; /* threads that wait on a mutex and a condition */

#endif
