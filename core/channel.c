/* channel.c - one direction of a socket: its operations in order, and the system calls. */
/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "first_data.h"
#include "socket.h"

/* System calls of one channel before another socket's turn comes. */
enum { CALLS_PER_TURN = 16 };

static int try_accept(struct iocp_socket *socket)
{
    int fd;

    do
        fd = accept4(socket->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));

    return fd >= 0 ? fd : -errno;
}

/* The result of connect(2) itself stands in the operation, if it was already the last word. */
static int try_connect(struct iocp_socket *socket, const struct iocp_op *op)
{
    struct pollfd writable = {.fd = socket->fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof error;

    if (op->result < 0)
        return op->result;
    if (poll(&writable, 1, 0) <= 0)
        return -EAGAIN;
    if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return -errno;
    return -error;
}

/* A single part takes the shorter way through the kernel. */
static ssize_t receive_once(int fd, const struct iocp_op *op)
{
    struct msghdr message = {.msg_iov = op->parts, .msg_iovlen = op->part_count};
    char byte;

    if (op_size(op) == 0) /* is there something? */
        return recv(fd, &byte, 1, MSG_PEEK);
    if (op->part_count == 1)
        return recv(fd, op->parts->iov_base, op->parts->iov_len, 0);
    return recvmsg(fd, &message, 0);
}

/* Behind the last bytes the end is to follow, in the same segment. */
static ssize_t send_once(const struct iocp_socket *socket, const struct iocp_op *op)
{
    struct msghdr message = {.msg_iov = op->parts, .msg_iovlen = op->part_count};
    bool end_follows = socket->sends_shut && !socket->end_spoilt && op->next == NULL;
    int flags = MSG_NOSIGNAL | (end_follows ? MSG_MORE : 0);

    if (op->part_count == 1)
        return send(socket->fd, op->parts->iov_base, op->parts->iov_len, flags);
    return sendmsg(socket->fd, &message, flags);
}

static int try_receive(struct iocp_socket *socket, struct iocp_op *op)
{
    size_t size = op_size(op);
    ssize_t got;

    do
        got = receive_once(socket->fd, op);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;

    if (size == 0)
        return 0;
    op->count = (size_t)got;
    socket->bulky = got >= BULK;
    /* Whatever comes after a short receive comes with an event of its own. */
    if (op->count < size && got > 0 && !socket->short_is_not_all)
        socket->in.ready = false;
    return 0;
}

/* The connection is broken. What arrived before may still be there; it is not lost. */
static int try_last_receive(struct iocp_socket *socket, struct iocp_op *op)
{
    if (try_receive(socket, op) == 0 && (op->count > 0 || op_size(op) == 0))
        return 0;
    return socket->error;
}

/* Forget the first `count` bytes of the parts. */
static void advance_parts(struct iocp_op *op, size_t count)
{
    while (op->part_count > 0 && count >= op->parts->iov_len) {
        count -= op->parts->iov_len;
        op->parts++;
        op->part_count--;
    }
    if (op->part_count > 0) {
        op->parts->iov_base = (char *)op->parts->iov_base + count;
        op->parts->iov_len -= count;
    }
}

/* -EINPROGRESS: a part of it went. */
static int try_send(struct iocp_socket *socket, struct iocp_op *op)
{
    ssize_t sent;

    if (socket->sends_broken)
        return -EPIPE;
    advance_parts(op, 0);
    if (op->part_count == 0)
        return 0;
    do
        sent = send_once(socket, op);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;

    op->count += (size_t)sent;
    advance_parts(op, (size_t)sent);
    return op->part_count == 0 ? 0 : -EINPROGRESS;
}

/* Which call is due: with first data an accept goes on as a receive, a connect as a send. */
static enum op_kind stage(const struct iocp_socket *socket, const struct iocp_op *op)
{
    if (op->kind == OP_ACCEPT && op->socket != socket)
        return OP_RECEIVE;
    if (op->kind == OP_CONNECT && socket->connected)
        return OP_SEND;
    return (enum op_kind)op->kind;
}

/* -EINPROGRESS: the connection is made, and its first data are to be sent. */
static int try_connect_stage(struct iocp_socket *socket, const struct iocp_op *op)
{
    int result = try_connect(socket, op);

    if (result < 0 || op->part_count == 0)
        return result;
    socket->connected = true;
    return -EINPROGRESS;
}

static int try_operation(struct iocp_socket *socket, struct iocp_op *op)
{
    switch (stage(socket, op)) {
    case OP_ACCEPT:
        return try_accept(socket);
    case OP_CONNECT:
        return try_connect_stage(socket, op);
    case OP_RECEIVE:
        return socket->error != 0 ? try_last_receive(socket, op) : try_receive(socket, op);
    case OP_SEND:
        return socket->error != 0 ? socket->error : try_send(socket, op);
    /* GCOVR_EXCL_START: none of these stands in a channel. */
    case OP_NONE:
    case OP_CALL:
    case OP_PACKET:
        break;
    }
    return -EINVAL;
    /* GCOVR_EXCL_STOP */
}

/* Linux tells of a broken connection once, and then of an end of the stream; we keep to it. */
static int latch_error(struct iocp_socket *socket, int error)
{
    switch (error) {
    case -EPIPE:
        if (socket->sends_broken)
            return error;
        error = -ECONNRESET;
        break;
    case -ECONNRESET:
    case -ECONNABORTED:
    case -ETIMEDOUT:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -ENETDOWN:
        break;
    default:
        return error;
    }
    socket->error = (int16_t)error;
    return error;
}

static void note_result(struct iocp_socket *socket, struct iocp_op *op, int result)
{
    if (op->kind == OP_CONNECT) {
        if (result < 0 && socket->connected)
            result = latch_error(socket, result);
        socket->connecting = false;
        socket->connected = result == 0;
    } else if (op->kind != OP_ACCEPT && result < 0) {
        result = latch_error(socket, result);
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

    if (op->kind == OP_ACCEPT && stage(socket, op) == OP_RECEIVE)
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
        int result = channel->ready ? try_operation(socket, op) : -EAGAIN;

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
    advance_parts(op, filled);
    return filled;
}

/* The operation has got what the engine had, and has room for what may be left in the kernel. */
static void receive_rest(struct iocp_socket *socket, struct iocp_op *op)
{
    size_t count = op->count;
    int result = try_receive(socket, op);

    if (result == 0)
        op->count += count;
    else if (result == -EAGAIN)
        socket->in.ready = false;
    else
        (void)latch_error(socket, result);
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
        (void)latch_error(socket, result);
}

void channel_sent(struct channel *channel, int result, struct op_list *done)
{
    struct iocp_op *op = channel->waiting.first;
    int verdict = op->result;

    if (result > 0) {
        op->count += (size_t)result;
        advance_parts(op, (size_t)result);
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
