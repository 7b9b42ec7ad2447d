/* channel.c - one direction of a socket: its operations in order, their delivery and failure. */
/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "channel_calls.h"
#include "first_data.h"
#include "socket.h"

/* System calls of one channel before another socket's turn comes. */
enum { CALLS_PER_TURN = 16 };

static void note_result(struct iocp_socket *socket, struct iocp_op *op, int result)
{
    if (op->kind == OP_CONNECT) {
        if (result < 0 && socket->connected)
            result = channel_latch_error(socket, result);
        socket->connecting = false;
        socket->connected = result == 0;
    } else if (op->kind != OP_ACCEPT && result < 0) {
        result = channel_latch_error(socket, result);
        if (op->kind == OP_RECEIVE && result == socket->error)
            socket->input_taken = true;
        if (op->kind == OP_SEND && op->count > 0 && socket->error == 0)
            socket->sends_broken = true;
    }
    op->result = result;
}

/* The last send before the end has failed: what has gone must not look as if it were all. */
static void spoil_end(struct channel *channel)
{
    struct iocp_socket *socket = channel->socket;

    socket->end_spoilt = socket->end_spoilt || (channel->outward && socket->sends_shut);
}

/* A shutdown of the sending side waited for the last send. */
static void shut_when_sent(struct channel *channel)
{
    struct iocp_socket *socket = channel->socket;

    if (channel->outward && channel->waiting.first == NULL && socket->sends_shut &&
        !socket->end_spoilt)
        (void)shutdown(socket->fd, SHUT_WR); /* it fails if the peer has gone: all the same */
}

/* The oldest operation is done; an accept may yet have to wait for first data. */
static void finish(struct channel *channel, int result, struct op_list *done)
{
    struct iocp_socket *socket = channel->socket;
    struct iocp_op *op = op_list_take(&channel->waiting);

    if (op->kind == OP_ACCEPT && op->socket != socket)
        first_data_take(socket, op, result);
    else
        note_result(socket, op, result);
    if (op->kind == OP_ACCEPT && op->socket == socket && result >= 0 && first_data_wanted(op))
        first_data_await(op, done);
    else
        op_list_append(done, op);
    if (result < 0 && channel->waiting.first == NULL)
        spoil_end(channel);
    shut_when_sent(channel);
}

enum channel_state channel_run(struct channel *channel, struct op_list *done)
{
    struct iocp_socket *socket = channel->socket;

    if (channel->waiting.first == NULL)
        return CHANNEL_EMPTY;

    for (int calls = 0; calls < CALLS_PER_TURN; calls++) {
        struct iocp_op *op = channel->waiting.first;
        int result = channel->ready ? channel_try(socket, op) : -EAGAIN;

        if (result == -EAGAIN) {
            channel->ready = false;
            return CHANNEL_BLOCKED;
        }
        if (result == -EINPROGRESS)
            continue;
        finish(channel, result, done);
        if (channel->waiting.first == NULL)
            return CHANNEL_EMPTY;
    }
    return CHANNEL_UNDONE;
}

/* Returns how many of the bytes found room. */
static size_t fill(struct iocp_op *op, const char *bytes, size_t count)
{
    size_t filled = 0;

    for (unsigned i = 0; i < op->part_count && filled < count; i++) {
        const struct iovec *part = &op->parts[i];
        size_t size = part->iov_len < count - filled ? part->iov_len : count - filled;

        if (size > 0)
            memcpy(part->iov_base, bytes + filled, size);
        filled += size;
    }
    channel_advance(op, filled);
    return filled;
}

/* The operation has got what the engine had, and has room for what may be left in the kernel. */
static void receive_rest(struct iocp_socket *socket, struct iocp_op *op)
{
    size_t count = op->count;
    int result = channel_try_receive(socket, op);

    if (result == 0)
        op->count += count;
    else if (result == -EAGAIN)
        socket->in.ready = false;
    else
        (void)channel_latch_error(socket, result);
}

size_t channel_deliver(struct channel *channel, const char *bytes, size_t count, bool more,
                       struct op_list *done)
{
    size_t used = 0;
    struct iocp_op *op;

    while (used < count && (op = channel->waiting.first) != NULL) {
        size_t filled = fill(op, bytes + used, count - used);

        op->count += filled;
        used += filled;
        if (op->part_count > 0 && more)
            break;
        if (op->part_count > 0 && channel->ready)
            receive_rest(channel->socket, op);
        finish(channel, 0, done);
    }
    return used;
}

void channel_deliver_end(struct channel *channel, int result, struct op_list *done)
{
    struct iocp_socket *socket = channel->socket;

    if (result == 0)
        result = socket->error;
    if (channel->waiting.first != NULL)
        finish(channel, result, done);
    else
        (void)channel_latch_error(socket, result);
}

void channel_sent(struct channel *channel, int result, struct op_list *done)
{
    struct iocp_op *op = channel->waiting.first;
    int verdict = op->result;

    if (result > 0) {
        op->count += (size_t)result;
        channel_advance(op, (size_t)result);
    } else if (result == -EAGAIN) {
        channel->ready = false;
    } else if (result != -EINTR && result != -ECANCELED) {
        finish(channel, result, done);
        return;
    }
    if (op->part_count == 0)
        finish(channel, 0, done);
    else if (verdict < 0)
        channel_fail(channel, op, verdict, done);
}

static void fail(struct channel *channel, struct iocp_op *op, int error, struct op_list *done)
{
    struct iocp_socket *socket = channel->socket;

    if (op->kind == OP_CONNECT)
        socket->connecting = socket->connected = false;
    if (op->kind == OP_SEND && op->count > 0)
        socket->sends_broken = true;
    op->result = error;
    op_list_append(done, op);
}

/* The send that is being carried out, or NULL. */
static struct iocp_op *carried(const struct channel *channel)
{
    return channel->armed == ARMED_SEND ? channel->waiting.first : NULL;
}

/* Say what the send that is being carried out is to fail with; the first word counts. */
static void condemn(struct iocp_op *op, int error)
{
    if (op->result == 0)
        op->result = error;
    op->deadline_ns = DEADLINE_NONE;
}

int channel_fail_all(struct channel *channel, int error, struct op_list *done)
{
    struct iocp_op *stays = carried(channel);
    struct iocp_op *op;
    int count = 0;

    if (stays != NULL)
        (void)op_list_take(&channel->waiting);
    for (; (op = op_list_take(&channel->waiting)) != NULL; count++)
        fail(channel, op, error, done);
    if (count > 0)
        spoil_end(channel);
    if (stays != NULL) {
        condemn(stays, error);
        op_list_append(&channel->waiting, stays);
        count++;
    }
    return count;
}

void channel_fail(struct channel *channel, struct iocp_op *op, int error, struct op_list *done)
{
    if (op == carried(channel)) {
        condemn(op, error);
        return;
    }
    if (op == channel->waiting.last)
        spoil_end(channel);
    op_list_remove(&channel->waiting, op);
    fail(channel, op, error, done);
    if (channel->outward && channel->socket->sends_broken &&
        channel_fail_all(channel, -EPIPE, done) > 0)
        return;
    shut_when_sent(channel);
}
