/* port.h - the completion port: completions go in from any thread, workers take them out. */
/* SPDX-License-Identifier: MIT */
/*
 * Source   CreateIoCompletionPort, PostQueuedCompletionStatus and
 *          GetQueuedCompletionStatus[Ex] of Windows.
 * Order    Completions come first in, first out; but what one thread has found at once it takes
 *          itself, one after the other, unless it is long in a callback: meanwhile later ones may
 *          come to others. Of the waiting threads the one that came last is released first, and
 *          only while fewer threads than the concurrency value are between two waits.
 * Threads  Every function may be called from any thread.
 */
#ifndef IOCP_PORT_H
#define IOCP_PORT_H

#include <stddef.h>
#include <stdint.h>

#include <iocp/export.h>
#include <iocp/op.h>

struct iocp_port;

/* One completion, as taken from the port. */
struct iocp_completion {
    struct iocp_op *op;      /* the operation; or the pointer that was posted, verbatim */
    iocp_callback *callback; /* to be called with op; NULL: posted by iocp_port_post */
    uintptr_t key;           /* of the socket, or as posted */
    size_t count;            /* bytes moved, or as posted */
    int error;               /* 0, or the operation's negative errno */
};

/* What a port is doing at this moment; for tests and statistics. */
struct iocp_port_statistics {
    size_t queued;    /* completions that nobody has taken yet */
    unsigned waiting; /* threads inside a wait */
    unsigned running; /* threads between two waits, but for those that block there */
    unsigned concurrency;
};

/*
 * Create a port.
 *
 * `engine` carries the operations of its sockets out: "io_uring", "epoll", "blocking", or NULL
 * or "auto" for the best one that works here. `concurrency` is how many threads may be between two
 * waits at once, at most IOCP_CONCURRENCY_MAX; 0: as many as processors are available.
 *
 * Ownership  The caller ends it with iocp_port_free.
 * Returns    0. -EINVAL: no engine of that name, or concurrency is out of range. -ENOTSUP: the
 *            kernel refuses that engine. -ENOMEM, -EMFILE, -ENFILE.
 */
IOCP_API IOCP_MUST_CHECK int iocp_port_create(const char *engine, unsigned concurrency,
                                              struct iocp_port **port);
#define IOCP_CONCURRENCY_MAX 1024

/* Why a better engine than the port's was passed over by "auto", in one line; NULL: none was. Valid
 * as long as the port. */
IOCP_API const char *iocp_port_engine_note(const struct iocp_port *port);

/* The name of the port's engine. */
IOCP_API const char *iocp_port_engine(const struct iocp_port *port);

/* The names of all engines built in, best first; NULL past the last one. */
IOCP_API const char *iocp_engine_name(size_t index);

/*
 * Post a packet: the three values come out of a wait exactly as they are. They are never
 * looked at; `pointer` may be any pattern of bits.
 *
 * Returns  0. -ENOMEM. -ESHUTDOWN: the port is closed. It never waits.
 */
IOCP_API IOCP_MUST_CHECK int iocp_port_post(struct iocp_port *port, size_t count, uintptr_t key,
                                            void *pointer);

/*
 * Post a completion whose `callback` is to be run with `op` and `context` by a worker: a way
 * to hand work to the pool which allocates nothing. No end is due, and no event is set.
 *
 * Ownership  As a begin: `op` belongs to the library until the callback starts.
 * Returns    0: the callback will run exactly once. -EINVAL (no callback), -EBUSY (`op` is in
 *            flight), -ESHUTDOWN: it will never run.
 */
IOCP_API IOCP_MUST_CHECK int iocp_port_post_callback(struct iocp_port *port, struct iocp_op *op,
                                                     uintptr_t key, iocp_callback *callback,
                                                     void *context);

/*
 * Take one completion; wait for it at most `timeout_ms` milliseconds, 0 for not at all,
 * IOCP_INFINITE for ever. Signals do not end the wait. The calling thread then counts as
 * running, whatever the result, until it waits on a port again or ends. (So a thread that looks
 * once and never again keeps a place for ever; and a look finds nothing while all are taken.)
 * errno is left as it was.
 *
 * Returns  0 and *completion; an operation that failed is a completion like any other.
 *          -ETIMEDOUT: nothing came; *completion is untouched.
 *          -ESHUTDOWN: the port was closed during the wait. -EBADF: before it.
 */
IOCP_API IOCP_MUST_CHECK int iocp_port_wait(struct iocp_port *port,
                                            struct iocp_completion *completion, int timeout_ms);

/*
 * Take up to `capacity` completions; waits only for the first one.
 *
 * Returns  How many, at least 1. -EINVAL: capacity is 0. Else as iocp_port_wait.
 */
IOCP_API IOCP_MUST_CHECK int iocp_port_wait_many(struct iocp_port *port,
                                                 struct iocp_completion completions[],
                                                 size_t capacity, int timeout_ms);

/*
 * Ask for every operation in flight on every socket of the port to be cancelled. Each still
 * completes, exactly once: with -ECANCELED, or as it would have if that came first. Operations
 * begun meanwhile may or may not be among them. No socket is closed and no data is lost.
 */
IOCP_API void iocp_port_cancel_all(struct iocp_port *port);

/* The same for receives and accepts alone; sends go on. */
IOCP_API void iocp_port_cancel_receives(struct iocp_port *port);

/*
 * A thread that took a completion is about to block for something the library does not know: a
 * read(2), a mutex, a sleep. Between the two calls it does not count as running, so another
 * waiter may run in its place. They may be nested; do not wait on a port between them. The
 * library's own waits (iocp_event_wait, an end on an incomplete operation) do this themselves.
 * In other threads they do nothing.
 */
IOCP_API void iocp_blocking_begin(void);
IOCP_API void iocp_blocking_end(void);

/* Completions waited while no thread was free to take them. */
struct iocp_starvation {
    unsigned milliseconds; /* for how long; at least 100 */
    unsigned threads;      /* between two waits meanwhile: all there are */
    unsigned blocked;      /* of these, still asleep in their callbacks */
    size_t queued;         /* completions that wait now */
};

typedef void iocp_starved(void *context, const struct iocp_starvation *starvation);

/*
 * Name the function that is told, by the first thread that comes back to wait, that all of them
 * were inside callbacks for a tenth of a second or more, and completions waited: there are too
 * few threads, or a callback takes too long. It is called at most once a second, with no lock
 * held, and must be short, and not wait at a port. NULL takes it away.
 */
IOCP_API void iocp_port_on_starvation(struct iocp_port *port, iocp_starved *starved, void *context);

/*
 * Close the port. Waits in progress return -ESHUTDOWN, later ones -EBADF; every begin and post
 * fails with -ESHUTDOWN. Operations in flight are cancelled, and all completions that nobody
 * took, now or from now on, are dropped: their callbacks never run, but end works on them, and
 * after it they are the caller's. To lose none: close the sockets, take what comes of it, then
 * close the port. Closing again is harmless.
 *
 * Returns  How many completions stood in the queue.
 */
IOCP_API size_t iocp_port_close(struct iocp_port *port);

/*
 * Close the port and give it up; end what was accepted before this. Its memory goes when its last
 * socket is closed and the last thread that took completions from it has ended or gone to another
 * port. NULL is allowed.
 */
IOCP_API void iocp_port_free(struct iocp_port *port);

/* Tell what the port is doing. */
IOCP_API void iocp_port_read_statistics(struct iocp_port *port,
                                        struct iocp_port_statistics *statistics);

#endif
