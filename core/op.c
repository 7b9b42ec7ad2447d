/* op.c - the life of an operation: idle, begun, completed, settled, ended. */
/* SPDX-License-Identifier: MIT */
#include "op.h"

#include <errno.h>

#include <iocp/event.h>
#include <iocp/port.h>

#include "clock.h"
#include "futex.h"
#include "port_help.h"

void iocp_no_callback(struct iocp_op *op, void *context)
{
    (void)op;
    (void)context;
}

bool iocp_op_completed(const struct iocp_op *op)
{
    /* acquire: pairs with the release in op_complete, so that the buffer may be read. */
    return atomic_load_explicit(&op->state, memory_order_acquire) & OP_COMPLETED;
}

bool iocp_op_completed_synchronously(const struct iocp_op *op)
{
    return op->synchronous;
}

void *iocp_op_context(const struct iocp_op *op)
{
    return op->context;
}

uint64_t iocp_op_sequence(const struct iocp_op *op)
{
    return op->sequence;
}

size_t iocp_op_count(const struct iocp_op *op)
{
    return op->count;
}

void iocp_op_set_event(struct iocp_op *op, struct iocp_event *event)
{
    /* Sequentially consistent, as are the two accesses in op_complete: either that finds the
     * event, or this finds the operation completed. Both may: a second set is harmless. */
    atomic_store(&op->event, event);
    if (event != NULL && (atomic_load(&op->state) & OP_COMPLETED))
        iocp_event_set(event);
}

void iocp_op_set_timeout(struct iocp_op *op, int timeout_ms)
{
    op->timeout_ms = timeout_ms;
}

size_t op_size(const struct iocp_op *op)
{
    size_t size = 0;

    for (unsigned i = 0; i < op->part_count; i++)
        size += op->parts[i].iov_len;
    return size;
}

bool op_in_flight(const struct iocp_op *op)
{
    unsigned state = atomic_load_explicit(&op->state, memory_order_acquire);

    return (state & OP_QUEUED) || ((state & OP_BEGUN) && !(state & OP_SETTLED));
}

void op_begin(struct iocp_op *op, enum op_kind kind, struct iocp_socket *socket,
              iocp_callback *callback, void *context)
{
    op->socket = socket;
    op->callback = callback;
    op->context = context;
    op->count = 0;
    op->result = 0;
    op->deadline_ns = op->timeout_ms > 0 ? deadline_after_about_ms(op->timeout_ms) : DEADLINE_NONE;
    op->kind = (uint8_t)kind;
    op->synchronous = false;
    atomic_store_explicit(&op->state, OP_BEGUN, memory_order_relaxed);
}

void op_revoke(struct iocp_op *op)
{
    op->kind = OP_NONE;
    atomic_store_explicit(&op->state, 0, memory_order_relaxed);
}

/* release: pairs with the acquire in await_settled, whose caller may free the operation; the
 * wake-up uses its address alone. Sequentially consistent for the look at who waits. */
static void settle(struct iocp_op *op, unsigned states)
{
    if (atomic_fetch_or(&op->state, states) & OP_AWAITED) {
        futex_wake(&op->state, INT_MAX);
        help_wake_written();
    }
}

void op_complete(struct iocp_op *op)
{
    bool has_callback = op->callback != NULL;
    struct iocp_event *event;

    atomic_fetch_or(&op->state, OP_COMPLETED);
    event = atomic_load(&op->event);
    if (event != NULL)
        iocp_event_set(event);
    if (!has_callback)
        settle(op, OP_SETTLED);
}

void op_queue(struct iocp_op *op)
{
    settle(op, OP_COMPLETED | OP_SETTLED | OP_QUEUED);
}

void op_abandon(struct iocp_op *op)
{
    settle(op, OP_COMPLETED | OP_SETTLED);
}

void op_hand_back(struct iocp_op *op)
{
    /* release: pairs with the acquire in op_in_flight, whose caller begins it anew. */
    atomic_fetch_and_explicit(&op->state, ~(unsigned)OP_QUEUED, memory_order_release);
}

/* Is the operation settled by the deadline? */
static bool await_settled(struct iocp_op *op, int64_t deadline_ns)
{
    unsigned state = atomic_load_explicit(&op->state, memory_order_acquire);

    while (!(state & OP_SETTLED)) {
        if (clock_now_ns() >= deadline_ns)
            return false;
        if (!(state & OP_AWAITED))
            state = atomic_fetch_or_explicit(&op->state, OP_AWAITED, memory_order_acquire);
        if (!(state & OP_SETTLED)) {
            iocp_blocking_begin();
            if (!port_help(&op->state, OP_SETTLED, deadline_ns))
                (void)futex_sleep(&op->state, state | OP_AWAITED, deadline_ns);
            iocp_blocking_end();
        }
        state = atomic_load_explicit(&op->state, memory_order_acquire);
    }
    return true;
}

int iocp_op_wait(struct iocp_op *op, int timeout_ms)
{
    if (op->kind == OP_NONE)
        return -EINVAL;
    return await_settled(op, deadline_after_ms(timeout_ms)) ? 0 : -ETIMEDOUT;
}

int op_end(struct iocp_op *op, enum op_kind kind, const struct iocp_socket *socket)
{
    if (op == NULL || op->kind != kind || op->socket != socket)
        return -EINVAL;

    (void)await_settled(op, DEADLINE_NONE);
    if (atomic_fetch_or_explicit(&op->state, OP_ENDED, memory_order_relaxed) & OP_ENDED)
        return -EALREADY;
    return 0;
}
