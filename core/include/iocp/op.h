/* op.h - one asynchronous operation: its storage, its state, its outcome. */
/* SPDX-License-Identifier: MIT */
/*
 * Source     IAsyncResult of .NET and OVERLAPPED of Windows.
 * Ownership  The caller supplies the storage, best inside a structure of its own, and zeroes
 *            it once before the first use. From a successful begin until its callback starts
 *            (without a callback: until end has returned) it belongs to the library, and so
 *            do the buffers. Nothing is allocated per operation.
 */
#ifndef IOCP_OP_H
#define IOCP_OP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <iocp/export.h>

struct iocp_event;
struct iocp_op;
struct iocp_port;
struct iocp_socket;

/* The most parts of a vectored operation. */
#define IOCP_PARTS_MAX 16

/*
 * What is run when an operation has completed: once per begun operation, by whoever took the
 * completion from the port (a pool's worker), with no lock held, never inside a begin.
 */
typedef void iocp_callback(struct iocp_op *op, void *context);

/* A callback that does nothing: for programs that take completions from the port themselves.
 * (Without any callback, NULL, an operation posts no completion.) */
IOCP_API void iocp_no_callback(struct iocp_op *op, void *context);

/* One operation. Fields are the library's own; the functions below read them. */
struct iocp_op {
    struct iocp_op *next;
    struct iocp_socket *socket;
    iocp_callback *callback;
    void *context;
    _Atomic(struct iocp_event *) event;
    union {
        struct iovec *parts;
        struct iocp_port *port;
        struct iocp_socket *accepted;
    };
    struct iovec part;
    uintptr_t key;
    size_t count;
    uint64_t sequence;
    int64_t deadline_ns;
    int result;
    int timeout_ms;
    atomic_uint state;
    uint16_t part_count;
    uint8_t kind;
    bool synchronous;
};

/* An operation with room for the parts of a vectored receive or send. */
struct iocp_vector_op {
    struct iocp_op op;
    struct iovec parts[IOCP_PARTS_MAX];
};

/* Has the operation completed? Once true it stays so until the next begin. Any thread.
 * (IAsyncResult.IsCompleted, HasOverlappedIoCompleted) */
IOCP_API bool iocp_op_completed(const struct iocp_op *op);

/* Did it complete inside begin, without a completion being posted? Only ever true after
 * iocp_socket_skip_on_success. (IAsyncResult.CompletedSynchronously) */
IOCP_API bool iocp_op_completed_synchronously(const struct iocp_op *op);

/* The context given to begin, verbatim. (IAsyncResult.AsyncState) */
IOCP_API void *iocp_op_context(const struct iocp_op *op);

/* The place of the operation among those begun on its socket in its direction (receives and
 * accepts; sends and connects), from 0: completions may reach different threads in any order,
 * the stream is in this one. */
IOCP_API uint64_t iocp_op_sequence(const struct iocp_op *op);

/* Bytes moved, once completed; also by a failed one: a cancelled send tells what it has sent. */
IOCP_API size_t iocp_op_count(const struct iocp_op *op);

/*
 * Wait until the operation has completed, at most `timeout_ms` milliseconds. It is not ended by
 * this: end is still due, and, after a time-out, may be called at any time.
 *
 * Threads  Any but those that could see the operation begun anew.
 * Returns  0. -ETIMEDOUT: it is still in flight. -EINVAL: it was never begun.
 */
IOCP_API IOCP_MUST_CHECK int iocp_op_wait(struct iocp_op *op, int timeout_ms);

/*
 * Name the event that is set when the operation completes, before its callback runs; at once
 * if it has completed already. NULL takes it away. Allowed before begin and while in flight;
 * it stays for the later begins. The library never resets it. (AsyncWaitHandle, hEvent)
 *
 * Ownership  The event is borrowed until end has returned.
 * Threads    Any, one at a time.
 */
IOCP_API void iocp_op_set_event(struct iocp_op *op, struct iocp_event *event);

/*
 * Give every later begin of this operation a deadline: if it has not completed after
 * `timeout_ms` milliseconds, or up to a tenth more, it completes with -ETIMEDOUT. 0 or less: none
 * (the default).
 * Nothing that arrived is lost; a send tells by iocp_op_count what it has sent.
 */
IOCP_API void iocp_op_set_timeout(struct iocp_op *op, int timeout_ms);

#endif
