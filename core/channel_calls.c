/* channel_calls.c - the system calls that carry the operations of a channel out. */
/* SPDX-License-Identifier: MIT */
#include "channel_calls.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "socket.h"

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

int channel_try_receive(struct iocp_socket *socket, struct iocp_op *op)
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
    if (channel_try_receive(socket, op) == 0 && (op->count > 0 || op_size(op) == 0))
        return 0;
    return socket->error;
}

void channel_advance(struct iocp_op *op, size_t count)
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
    channel_advance(op, 0);
    if (op->part_count == 0)
        return 0;
    do
        sent = send_once(socket, op);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;

    op->count += (size_t)sent;
    channel_advance(op, (size_t)sent);
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

int channel_try(struct iocp_socket *socket, struct iocp_op *op)
{
    switch (stage(socket, op)) {
    case OP_ACCEPT:
        return try_accept(socket);
    case OP_CONNECT:
        return try_connect_stage(socket, op);
    case OP_RECEIVE:
        return socket->error != 0 ? try_last_receive(socket, op) : channel_try_receive(socket, op);
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
int channel_latch_error(struct iocp_socket *socket, int error)
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
