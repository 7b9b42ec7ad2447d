/* first_data.c - accepts that complete with the first bytes of their client. */
/* SPDX-License-Identifier: MIT */
#include "first_data.h"

#include <errno.h>
#include <unistd.h>

#include "port.h"

bool first_data_wanted(const struct iocp_op *op)
{
    return op->part.iov_len > 0;
}

/* The accept becomes a receive of the new socket. 0, or the engine's error. */
static int receive(struct iocp_socket *socket, struct iocp_op *op, struct op_list *done)
{
    struct engine *engine = socket->lane->engine;
    int error;

    lock_acquire(&socket->lock);
    op->result = 0;
    op->parts = &op->part;
    op->part_count = 1;
    port_expect(socket->lane->port, socket, op);
    op_list_append(&socket->in.waiting, op);
    error = engine->ops->submit(engine, &socket->in, done);
    if (error < 0) {
        op_list_remove(&socket->in.waiting, op);
        port_expect_no_more(socket->lane->port, socket);
    } else if (socket->accepting != NULL) {
        socket_arm(socket, op->deadline_ns);
    }
    lock_release(&socket->lock);
    return error;
}

void first_data_await(struct iocp_op *op, struct op_list *done)
{
    struct iocp_socket *socket;
    int fd = op->result;
    int error = socket_wrap(op->socket->lane->port, fd, 0, SOCKET_CONNECTED, 0, &socket);

    if (error < 0) {
        close(fd);
    } else {
        error = receive(socket, op, done);
        if (error < 0)
            iocp_socket_free(socket);
    }
    if (error == 0)
        return;
    /* The port is being closed; what is in flight there is cancelled. */
    op->result = error == -ESHUTDOWN ? -ECANCELED : error;
    op_list_append(done, op);
}

void first_data_take(struct iocp_socket *socket, struct iocp_op *op, int result)
{
    port_expect_no_more(socket->lane->port, socket);
    if (result < 0)
        socket->error = (int16_t)result; /* the socket's first receive tells */
    op->accepted = socket;
    op->result = 0;
}

/* Let the accept fail that waits in this socket, which nobody will ever get. False: it does not
 * wait there any more. */
static bool give_up(struct iocp_socket *socket, int error, struct op_list *done)
{
    struct iocp_op *op;

    lock_acquire(&socket->lock);
    op = socket->accepting;
    if (op != NULL) {
        channel_fail(&socket->in, op, error, done);
        port_expect_no_more(socket->lane->port, socket);
    }
    lock_release(&socket->lock);

    if (op == NULL)
        return false;
    iocp_socket_abort(socket);
    socket_drop(socket);
    return true;
}

int first_data_cancel(struct iocp_socket *listener, const struct iocp_op *op, struct op_list *done)
{
    struct iocp_socket *socket;
    int count = 0;

    if (!listener->listening)
        return 0;
    while ((socket = port_find_expecting(listener->lane->port, listener, op)) != NULL) {
        if (give_up(socket, -ECANCELED, done))
            count++;
        socket_drop(socket);
    }
    return count;
}

bool first_data_expire(struct iocp_socket *socket, int64_t now_ns)
{
    struct op_list done = {0};
    bool expired;

    lock_acquire(&socket->lock);
    expired = socket->accepting != NULL && socket->accepting->deadline_ns <= now_ns;
    lock_release(&socket->lock);

    /* What came in between counts. */
    if (!expired || !give_up(socket, -ETIMEDOUT, &done))
        return false;
    port_complete(socket->lane->port, &done);
    return true;
}
