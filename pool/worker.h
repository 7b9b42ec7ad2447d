/* worker.h - one thread of a pool: take a completion, run its callback, account for it. */
/* SPDX-License-Identifier: MIT */
#ifndef POOL_WORKER_H
#define POOL_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <iocp/op.h>

/* A worker's counters have cache lines of their own: each callback writes to them. */
#define WORKER_ALIGNMENT 64

struct iocp_pool;

struct worker {
    _Alignas(WORKER_ALIGNMENT) struct iocp_pool *pool;
    _Atomic(uint64_t) callbacks; /* written by the worker alone, read by anybody: relaxed */
    _Atomic(uint64_t) packets;   /* as callbacks */
    _Atomic(uint64_t) waits;     /* as callbacks */
    uint64_t dropped;            /* the worker's own until it is joined */
    unsigned index;
    pthread_t thread;
    struct iocp_op quit; /* posted once, to end a worker: whichever takes it */
};

/* Start the thread; it touches the port when the pool's start is set. Returns 0, -EAGAIN. */
int worker_start(struct worker *worker, struct iocp_pool *pool, unsigned index);

/* Let one worker of the pool end, after all that the port holds now. Returns 0; -ESHUTDOWN: the
 * port is closed, and so the workers end without being told. */
int worker_post_quit(struct worker *worker);

/* Wait for the thread's end. Returns how many completions it has dropped. */
uint64_t worker_join(struct worker *worker);

/* The pool that the calling thread works for, or NULL. */
const struct iocp_pool *worker_own_pool(void);

#endif
