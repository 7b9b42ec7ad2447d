/* socket_operations.c - begin and end of every operation: checks, then over to the engine. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "first_data.h"
#include "port.h"

/* What forbids any operation at all. */
static int check(struct iocp_socket *socket, const struct iocp_op *op)
{
    if (socket->fd < 0)
        return -EBADF;
    if (op_in_flight(op))
        return -EBUSY;
    return port_is_open(socket->lane->port) ? 0 : -ESHUTDOWN;
}

/* What forbids a receive or a send. */
static int check_stream(const struct channel *channel, const struct iocp_op *op)
{
    struct iocp_socket *socket = channel->socket;
    int error = check(socket, op);

    if (error < 0)
        return error;
    if (!socket->connected || socket->connecting)
        return -ENOTCONN;
    if (channel->outward ? socket->sends_shut : socket->receives_shut)
        return -ESHUTDOWN;
    if (channel->outward && socket->sends_broken)
        return -EPIPE;
    return channel->outward || socket->input_taken ? socket->error : 0;
}

/* Put a begun operation into its channel. 0; 1: done, and nothing is posted; or an error. An
 * accept that has gone to a socket of its own may already be over, and its storage gone. */
static int start(struct channel *channel, struct iocp_op *op)
{
    struct iocp_socket *socket = channel->socket;
    struct engine *engine = socket->lane->engine;
    struct op_list done = {0};
    bool oldest = channel->waiting.first == NULL;
    int64_t deadline_ns = op->deadline_ns;
    int error;

    op->key = socket->key;
    op->sequence = channel->begun;
    op_list_append(&channel->waiting, op);
    error = oldest ? engine->ops->submit(engine, channel, &done) : 0;
    if (error < 0) {
        socket->sends_broken = socket->sends_broken || op->count > 0;
        op_list_remove(&channel->waiting, op);
        op_revoke(op);
        return error;
    }
    channel->begun++;
    if (done.first == NULL) {
        socket_arm(socket, deadline_ns);
        return 0;
    }
    if (socket->skip_on_success && op->result >= 0) {
        op->synchronous = true;
        op->callback = NULL;
        op_complete(op);
        return 1;
    }
    port_complete(socket->lane->port, &done);
    return 0;
}

static bool is_buffer(const void *buffer, size_t size)
{
    return size <= SSIZE_MAX && (buffer != NULL || size == 0);
}

int iocp_begin_accept_receive(struct iocp_socket *listener, struct iocp_op *op, void *buffer,
                              size_t size, iocp_callback *callback, void *context)
{
    int result;

    if (op == NULL || !is_buffer(buffer, size))
        return -EINVAL;
    lock_acquire(&listener->lock);
    result = check(listener, op);
    if (result == 0 && !listener->listening)
        result = -EINVAL;
    if (result == 0) {
        op_begin(op, OP_ACCEPT, listener, callback, context);
        op->part = (struct iovec){buffer, size};
        op->port = listener->lane->port;
        result = start(&listener->in, op);
    }
    lock_release(&listener->lock);
    return result;
}

int iocp_begin_accept(struct iocp_socket *listener, struct iocp_op *op, iocp_callback *callback,
                      void *context)
{
    return iocp_begin_accept_receive(listener, op, NULL, 0, callback, context);
}

int iocp_end_accept(struct iocp_socket *listener, struct iocp_op *op, uintptr_t key,
                    struct iocp_socket **socket)
{
    int error = op_end(op, OP_ACCEPT, listener);

    if (error < 0)
        return error;
    if (op->result < 0)
        return op->result;
    if (first_data_wanted(op)) {
        op->accepted->key = key;
        *socket = op->accepted;
        return 0;
    }
    error = socket_wrap(op->port, op->result, key, SOCKET_CONNECTED, 0, socket);
    if (error < 0)
        close(op->result);
    return error;
}

static bool is_address(const struct sockaddr *address, socklen_t length)
{
    if (address == NULL || length < sizeof(struct sockaddr_in))
        return false;
    return address->sa_family == AF_INET ||
           (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6));
}

/* The part to be sent; sending does not write there. */
static struct iovec source(const void *buffer, size_t size)
{
    struct iovec part = {.iov_len = size};

    memcpy(&part.iov_base, &buffer, sizeof buffer);
    return part;
}

static int check_connect(struct iocp_socket *socket, const struct iocp_op *op)
{
    int error = check(socket, op);

    if (error < 0)
        return error;
    if (socket->connecting)
        return -EALREADY;
    return socket->connected || socket->listening ? -EISCONN : 0;
}

int iocp_begin_connect_send(struct iocp_socket *socket, struct iocp_op *op,
                            const struct iocp_destination *to, iocp_callback *callback,
                            void *context)
{
    int result;

    if (op == NULL || to == NULL || !is_address(to->address, to->length) ||
        !is_buffer(to->buffer, to->size))
        return -EINVAL;
    lock_acquire(&socket->lock);
    result = check_connect(socket, op);
    if (result == 0) {
        op_begin(op, OP_CONNECT, socket, callback, context);
        op->part = source(to->buffer, to->size);
        op->parts = &op->part;
        op->part_count = to->size > 0;
        if (connect(socket->fd, to->address, to->length) < 0 && errno != EINPROGRESS)
            op->result = errno == EAGAIN ? -EADDRNOTAVAIL : -errno; /* not: try again later */
        socket->connecting = true;
        socket->out.ready = true;
        result = start(&socket->out, op);
        if (result < 0)
            socket->connecting = socket->connected = false;
    }
    lock_release(&socket->lock);
    return result;
}

int iocp_begin_connect(struct iocp_socket *socket, struct iocp_op *op,
                       const struct sockaddr *address, socklen_t length, iocp_callback *callback,
                       void *context)
{
    return iocp_begin_connect_send(socket, op, &(struct iocp_destination){address, length, NULL, 0},
                                   callback, context);
}

int iocp_end_connect(struct iocp_socket *socket, struct iocp_op *op)
{
    int error = op_end(op, OP_CONNECT, socket);

    return error < 0 ? error : op->result;
}

/* The parts that a receive or send is begun with, and where they are to be kept. */
struct parts_given {
    const struct iovec *parts;
    size_t count;
    struct iovec *storage;
    bool last; /* the sending is shut down behind them */
};

static int check_parts(const struct parts_given *given)
{
    size_t size = 0;

    if (given->parts == NULL || given->count == 0 || given->count > IOCP_PARTS_MAX)
        return -EINVAL;
    for (size_t i = 0; i < given->count; i++) {
        const struct iovec *part = &given->parts[i];

        if (part->iov_len > (size_t)SSIZE_MAX - size ||
            (part->iov_base == NULL && part->iov_len > 0))
            return -EINVAL;
        size += part->iov_len;
    }
    return 0;
}

static int begin_stream(struct channel *channel, struct iocp_op *op,
                        const struct parts_given *given, iocp_callback *callback, void *context)
{
    struct iocp_socket *socket = channel->socket;
    int result = check_parts(given);

    if (result < 0)
        return result;
    lock_acquire(&socket->lock);
    result = check_stream(channel, op);
    if (result == 0) {
        op_begin(op, channel->outward ? OP_SEND : OP_RECEIVE, socket, callback, context);
        memcpy(given->storage, given->parts, given->count * sizeof *given->parts);
        op->parts = given->storage;
        op->part_count = (uint16_t)given->count;
        /* Before: the call that sends them is to know. */
        socket->sends_shut = socket->sends_shut || given->last;
        result = start(channel, op);
        if (result < 0 && given->last)
            socket->sends_shut = false;
    }
    lock_release(&socket->lock);
    return result;
}

static int begin_plain(struct channel *channel, struct iocp_op *op, const struct iovec *part,
                       iocp_callback *callback, void *context)
{
    if (op == NULL)
        return -EINVAL;
    return begin_stream(channel, op, &(struct parts_given){part, 1, &op->part, false}, callback,
                        context);
}

static int begin_vector(struct channel *channel, struct iocp_vector_op *op,
                        const struct parts_given *given, iocp_callback *callback, void *context)
{
    if (op == NULL)
        return -EINVAL;
    return begin_stream(channel, &op->op,
                        &(struct parts_given){given->parts, given->count, op->parts, false},
                        callback, context);
}

int iocp_begin_receive(struct iocp_socket *socket, struct iocp_op *op, void *buffer, size_t size,
                       iocp_callback *callback, void *context)
{
    return begin_plain(&socket->in, op, &(struct iovec){buffer, size}, callback, context);
}

int iocp_begin_receive_vector(struct iocp_socket *socket, struct iocp_vector_op *op,
                              const struct iovec *parts, size_t part_count, iocp_callback *callback,
                              void *context)
{
    return begin_vector(&socket->in, op, &(struct parts_given){parts, part_count, NULL, false},
                        callback, context);
}

int iocp_begin_send(struct iocp_socket *socket, struct iocp_op *op, const void *buffer, size_t size,
                    iocp_callback *callback, void *context)
{
    const struct iovec part = source(buffer, size);

    return begin_plain(&socket->out, op, &part, callback, context);
}

int iocp_begin_send_shutdown(struct iocp_socket *socket, struct iocp_op *op, const void *buffer,
                             size_t size, iocp_callback *callback, void *context)
{
    const struct iovec part = source(buffer, size);

    if (op == NULL)
        return -EINVAL;
    return begin_stream(&socket->out, op, &(struct parts_given){&part, 1, &op->part, true},
                        callback, context);
}

int iocp_begin_send_vector(struct iocp_socket *socket, struct iocp_vector_op *op,
                           const struct iovec *parts, size_t part_count, iocp_callback *callback,
                           void *context)
{
    return begin_vector(&socket->out, op, &(struct parts_given){parts, part_count, NULL, false},
                        callback, context);
}

static ssize_t end_stream(struct iocp_socket *socket, struct iocp_op *op, enum op_kind kind)
{
    int error = op_end(op, kind, socket);

    if (error == 0)
        error = op->result;
    return error < 0 ? error : (ssize_t)op->count;
}

ssize_t iocp_end_receive(struct iocp_socket *socket, struct iocp_op *op)
{
    return end_stream(socket, op, OP_RECEIVE);
}

ssize_t iocp_end_send(struct iocp_socket *socket, struct iocp_op *op)
{
    return end_stream(socket, op, OP_SEND);
}
