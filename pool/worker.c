/* worker.c - one thread of a pool: take a completion, run its callback, account for it. */
/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <iocp/port.h>

#include "pool.h"

#define THREAD_NAME_SIZE 16 /* the kernel's limit, end included */

static _Thread_local const struct iocp_pool *own_pool;

const struct iocp_pool *worker_own_pool(void)
{
    return own_pool;
}

/* Marks a completion as a quit; workers know it by its address and do not call it. Whoever does
 * call it is a stranger who takes completions while the pool stops: a worker would now be
 * waited for in vain. */
static void quit_pool(struct iocp_op *op, void *pool)
{
    (void)op;
    (void)pool;
    abort();
}

/* A counter with a single writer needs no read-modify-write instruction. */
static void count_one(_Atomic(uint64_t) *counter)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static void serve(struct worker *worker, const struct iocp_completion *completion)
{
    /* Relaxed: a callback that was about to run when the pool stopped may run. */
    if (atomic_load_explicit(&worker->pool->discard, memory_order_relaxed)) {
        worker->dropped++;
    } else if (completion->callback) {
        completion->callback(completion->op, iocp_op_context(completion->op));
        count_one(&worker->callbacks);
    } else {
        count_one(&worker->packets);
    }
}

/* One at a time, so that a callback which takes long holds up nothing but itself. Returns false
 * when the worker is to end. */
static bool take_and_serve(struct worker *worker)
{
    struct iocp_completion completion;
    int error = iocp_port_wait(worker->pool->port, &completion, IOCP_INFINITE);

    count_one(&worker->waits);
    if (error < 0)
        return false; /* the port is closed */
    if (completion.callback == quit_pool) {
        assert(iocp_op_context(completion.op) == worker->pool);
        return false;
    }
    serve(worker, &completion);
    return true;
}

static void name_thread(unsigned index)
{
    char name[THREAD_NAME_SIZE];

    /* There is room for three digits. */
    (void)snprintf(name, sizeof name, "iocp-worker-%u", index % 1000);
    pthread_setname_np(pthread_self(), name);
}

static void *run(void *self)
{
    struct worker *worker = self;

    own_pool = worker->pool;
    name_thread(worker->index);
    if (iocp_event_wait(&worker->pool->start, IOCP_INFINITE) == 0 && !worker->pool->given_up)
        while (take_and_serve(worker))
            continue;
    if (atomic_fetch_sub_explicit(&worker->pool->left, 1, memory_order_relaxed) == 1)
        iocp_event_set(&worker->pool->ended);
    return NULL;
}

int worker_start(struct worker *worker, struct iocp_pool *pool, unsigned index)
{
    worker->pool = pool;
    worker->index = index;
    return -pthread_create(&worker->thread, NULL, run, worker);
}

int worker_post_quit(struct worker *worker)
{
    return iocp_port_post_callback(worker->pool->port, &worker->quit, 0, quit_pool, worker->pool);
}

uint64_t worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    return worker->dropped;
}
