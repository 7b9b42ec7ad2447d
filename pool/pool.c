/* pool.c - the life of a pool: start all workers, end all workers. */
/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct iocp_pool *allocate(struct iocp_port *port, unsigned size)
{
    size_t bytes = sizeof(struct iocp_pool) + size * sizeof(struct worker);
    struct iocp_pool *pool = aligned_alloc(_Alignof(struct iocp_pool), bytes);

    if (!pool)
        return NULL;
    memset(pool, 0, bytes);
    pool->port = port;
    pool->size = size;
    iocp_event_init(&pool->start, IOCP_MANUAL_RESET, false);
    iocp_event_init(&pool->ended, IOCP_MANUAL_RESET, false);
    atomic_init(&pool->left, size);
    return pool;
}

static void release(struct iocp_pool *pool)
{
    iocp_event_destroy(&pool->ended);
    iocp_event_destroy(&pool->start);
    free(pool);
}

static uint64_t join_first(struct iocp_pool *pool, unsigned count)
{
    uint64_t dropped = 0;

    for (unsigned i = 0; i < count; i++)
        dropped += worker_join(&pool->workers[i]);
    return dropped;
}

/* Threads inherit the mask of their creator. A worker's own faults stay open: blocked, they
 * would kill the process before any crash handler could say where. */
static void block_signals(sigset_t *before)
{
    static const int faults[] = {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
    sigset_t blocked;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

/* All workers start to take, or none does. */
static int start_workers(struct iocp_pool *pool)
{
    sigset_t before;
    unsigned started = 0;
    int error = 0;

    block_signals(&before);
    while (started < pool->size && !error) {
        error = worker_start(&pool->workers[started], pool, started);
        if (!error)
            started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    pool->given_up = error < 0;
    iocp_event_set(&pool->start);
    if (error < 0)
        join_first(pool, started);
    return error;
}

int iocp_pool_create(struct iocp_port *port, unsigned workers, struct iocp_pool **pool)
{
    struct iocp_pool *made;
    int error;

    if (workers == 0 || workers > IOCP_WORKERS_MAX)
        return -EINVAL;
    made = allocate(port, workers);
    if (!made)
        return -ENOMEM;
    error = start_workers(made);
    if (error < 0) {
        release(made);
        return error;
    }
    *pool = made;
    return 0;
}

/* The quits stand in the port behind all it holds now, and each ends one worker. */
long iocp_pool_stop(struct iocp_pool *pool, enum iocp_stop how)
{
    if (worker_own_pool() == pool)
        return -EDEADLK;
    if (atomic_exchange_explicit(&pool->stopped, true, memory_order_relaxed))
        return -EALREADY;
    if (how == IOCP_DISCARD)
        atomic_store_explicit(&pool->discard, true, memory_order_relaxed);
    for (unsigned i = 0; i < pool->size; i++)
        if (worker_post_quit(&pool->workers[i]) < 0)
            break; /* the port is closed: all end without being told */
    /* The caller may count as running on the port: in this wait, unlike in a join, it does not. */
    while (iocp_event_wait(&pool->ended, IOCP_INFINITE) < 0)
        continue;
    return (long)join_first(pool, pool->size);
}

void iocp_pool_free(struct iocp_pool *pool)
{
    if (!pool)
        return;
    assert(atomic_load_explicit(&pool->stopped, memory_order_relaxed));
    release(pool);
}

unsigned iocp_pool_size(const struct iocp_pool *pool)
{
    return pool->size;
}

int iocp_pool_read_statistics(const struct iocp_pool *pool, unsigned index,
                              struct iocp_worker_statistics *statistics)
{
    const struct worker *worker;

    if (index >= pool->size)
        return -EINVAL;
    worker = &pool->workers[index];
    *statistics = (struct iocp_worker_statistics){
        .callbacks = atomic_load_explicit(&worker->callbacks, memory_order_relaxed),
        .packets = atomic_load_explicit(&worker->packets, memory_order_relaxed),
        .waits = atomic_load_explicit(&worker->waits, memory_order_relaxed),
    };
    return 0;
}
