/* pool.h - a fixed number of threads that take completions from a port and run callbacks. */
/* SPDX-License-Identifier: MIT */
/*
 * Source   The system thread pool behind .NET's AsyncCallback, and the worker threads of every
 *          Windows completion-port server.
 * Threads  The number of workers never changes between create and stop.
 */
#ifndef IOCP_POOL_H
#define IOCP_POOL_H

#include <stdint.h>

#include <iocp/export.h>
#include <iocp/port.h>

struct iocp_pool;

/* The most workers of one pool. */
#define IOCP_WORKERS_MAX 1024

enum iocp_stop {
    IOCP_DRAIN,   /* what the port holds at the stop is run, then the workers end */
    IOCP_DISCARD, /* callbacks that run are waited for; what the port holds is dropped */
};

/* What one worker has done since its start. */
struct iocp_worker_statistics {
    uint64_t callbacks; /* run to their end */
    uint64_t packets;   /* posted by iocp_port_post; a pool has no use for them and drops them */
    uint64_t waits;     /* returns from the port's wait */
};

/*
 * Start `workers` threads, named iocp-worker-N, that take completions from `port`. Signals are
 * blocked in them, but for those of a fault of their own (SIGSEGV and its like).
 *
 * Ownership  The port is borrowed until the pool is freed. The caller stops and frees the pool.
 *            One pool to a port: when it stops, it must be the only one that takes.
 * Returns    0. -EINVAL: workers is 0 or above IOCP_WORKERS_MAX. -ENOMEM, -EAGAIN (no threads).
 */
IOCP_API IOCP_MUST_CHECK int iocp_pool_create(struct iocp_port *port, unsigned workers,
                                              struct iocp_pool **pool);

/*
 * End all workers and wait for them. The port stays open: what is posted or completes
 * afterwards waits there for other takers, who must not take anything before.
 *
 * Threads  Any but the pool's own workers; once.
 * Returns  How many completions were dropped, 0 with IOCP_DRAIN. -EDEADLK: called by a callback
 *          of this pool; nothing is done. -EALREADY: it was stopped before.
 */
IOCP_API IOCP_MUST_CHECK long iocp_pool_stop(struct iocp_pool *pool, enum iocp_stop how);

/* Free a stopped pool. NULL is allowed. */
IOCP_API void iocp_pool_free(struct iocp_pool *pool);

/* The number of workers. */
IOCP_API unsigned iocp_pool_size(const struct iocp_pool *pool);

/* Read what worker `index` (from 0) has done. Returns 0; -EINVAL: there is no such worker. */
IOCP_API IOCP_MUST_CHECK int iocp_pool_read_statistics(const struct iocp_pool *pool, unsigned index,
                                                       struct iocp_worker_statistics *statistics);

#endif
