/* socket_close.c - operations that are not to complete by themselves: cancel, deadline, close. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "first_data.h"
#include "port.h"

static bool has_operation(const struct channel *channel, const struct iocp_op *op)
{
    const struct iocp_op *at = channel->waiting.first;

    while (at != NULL && at != op)
        at = at->next;
    return at != NULL;
}

static void withdraw(struct channel *channel)
{
    struct engine *engine = channel->socket->lane->engine;

    engine->ops->withdraw(engine, channel);
}

static int cancel_one(struct channel *channel, struct iocp_op *op, struct op_list *done)
{
    if (!has_operation(channel, op))
        return 0;
    channel_fail(channel, op, -ECANCELED, done);
    withdraw(channel);
    return 1;
}

static int cancel_channel(struct channel *channel, struct op_list *done)
{
    int count = channel_fail_all(channel, -ECANCELED, done);

    if (count > 0)
        withdraw(channel);
    return count;
}

int socket_cancel_all(struct iocp_socket *socket, enum cancel_reach reach)
{
    struct op_list done = {0};
    int count = -EBADF;

    lock_acquire(&socket->lock);
    /* What awaits its first data is cancelled with its listener. */
    if (socket->fd >= 0 && socket->accepting == NULL) {
        count = cancel_channel(&socket->in, &done) + first_data_cancel(socket, NULL, &done);
        if (reach == CANCEL_ALL)
            count += cancel_channel(&socket->out, &done);
        port_complete(socket->lane->port, &done);
    }
    lock_release(&socket->lock);
    return count != 0 ? count : -ENOENT;
}

int iocp_socket_cancel(struct iocp_socket *socket, struct iocp_op *op)
{
    struct op_list done = {0};
    int count = -EBADF;

    if (op == NULL)
        return socket_cancel_all(socket, CANCEL_ALL);

    lock_acquire(&socket->lock);
    if (socket->fd >= 0) {
        count = cancel_one(&socket->in, op, &done) + cancel_one(&socket->out, op, &done) +
                first_data_cancel(socket, op, &done);
        port_complete(socket->lane->port, &done);
    }
    lock_release(&socket->lock);
    return count != 0 ? count : -ENOENT;
}

static struct iocp_op *find_expired(const struct channel *channel, int64_t now_ns)
{
    struct iocp_op *op = channel->waiting.first;

    while (op != NULL && op->deadline_ns > now_ns)
        op = op->next;
    return op;
}

static int64_t earliest_deadline(const struct channel *channel)
{
    int64_t earliest_ns = DEADLINE_NONE;

    for (const struct iocp_op *op = channel->waiting.first; op != NULL; op = op->next) {
        if (op->deadline_ns < earliest_ns)
            earliest_ns = op->deadline_ns;
    }
    return earliest_ns;
}

void socket_arm(struct iocp_socket *socket, int64_t deadline_ns)
{
    if (deadline_ns >= socket->armed_ns)
        return;
    socket->armed_ns = deadline_ns;
    if (timers_arm(&socket->lane->timers, socket, deadline_ns))
        lane_deadline_nearer(socket->lane);
}

static int64_t expire_channel(struct channel *channel, int64_t now_ns, struct op_list *done)
{
    struct iocp_op *op;

    while ((op = find_expired(channel, now_ns)) != NULL) {
        channel_fail(channel, op, -ETIMEDOUT, done);
        withdraw(channel);
    }
    return earliest_deadline(channel);
}

void socket_expire(struct iocp_socket *socket, int64_t now_ns)
{
    struct op_list done = {0};

    if (first_data_expire(socket, now_ns))
        return;
    lock_acquire(&socket->lock);
    if (socket->fd >= 0) {
        int64_t in_ns = expire_channel(&socket->in, now_ns, &done);
        int64_t out_ns = expire_channel(&socket->out, now_ns, &done);

        socket->armed_ns = DEADLINE_NONE;
        socket_arm(socket, in_ns < out_ns ? in_ns : out_ns);
        port_complete(socket->lane->port, &done);
    }
    lock_release(&socket->lock);
}

static void reset_at_close(int fd)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

void socket_leave(struct iocp_socket *socket, bool cut_short)
{
    if (cut_short)
        reset_at_close(socket->leaving_fd);
    close(socket->leaving_fd);
    socket->leaving_fd = -1;
}

/* A send that is being carried out tells by what comes of it how the peer is to see the end. */
static void close_descriptor(struct iocp_socket *socket, bool abortive)
{
    if (abortive)
        reset_at_close(socket->fd);
    socket->leaving_fd = socket->fd;
    socket->fd = -1;
    if (socket->out.waiting.first == NULL)
        socket_leave(socket, false);
}

static int close_socket(struct iocp_socket *socket, bool abortive)
{
    struct iocp_port *port;
    struct engine *engine;
    struct op_list done = {0};

    lock_acquire(&socket->lock);
    if (socket->fd < 0) {
        lock_release(&socket->lock);
        return -EBADF;
    }
    port = socket->lane->port; /* not before: closed, it may have outlived them */
    (void)channel_fail_all(&socket->in, -ECANCELED, &done);
    (void)channel_fail_all(&socket->out, -ECANCELED, &done);
    (void)first_data_cancel(socket, NULL, &done);
    abortive = abortive || done.first != NULL || socket->unread.buffers > 0;
    engine = socket->lane->engine;
    engine->ops->detach(engine, socket);
    close_descriptor(socket, abortive);
    /* Before its callbacks can run: one of them may free the socket. */
    port_dismiss(port, socket);
    port_complete(port, &done);
    lock_release(&socket->lock);

    port_release(port);
    return 0;
}

int iocp_socket_close(struct iocp_socket *socket)
{
    return close_socket(socket, false);
}

int iocp_socket_abort(struct iocp_socket *socket)
{
    return close_socket(socket, true);
}

void iocp_socket_free(struct iocp_socket *socket)
{
    if (socket == NULL)
        return;
    close_socket(socket, false);
    socket_drop(socket);
}
