/* iocp.c - the peer on libiocp itself: the smallest echo server on its public headers. */
/* SPDX-License-Identifier: MIT */
/*
 * Threads  A connection has one operation in flight, so no two callbacks are ever in it.
 * Memory   A buffer for each connection, as a receive names one. Of 16 KiB: a message of middle
 *          size in one receive; and of what is not touched no page is taken.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <iocp/pool.h>
#include <iocp/socket.h>

#include "peer_message.h"
#include "peer_serve.h"

enum { BUFFER_SIZE = 16 * 1024, ACCEPTS = 16 };

struct connection {
    struct iocp_op op;
    struct iocp_socket *socket;
    struct peer_message message;
    unsigned char buffer[BUFFER_SIZE];
};

static struct peer_options options;
static struct iocp_socket *listener;

static void on_received(struct iocp_op *op, void *context);

static void end_connection(struct connection *connection)
{
    iocp_socket_free(connection->socket);
    peer_message_free(&connection->message);
    free(connection);
}

static void sleep_over(unsigned char *bytes)
{
    if (!peer_message_is_sleeper(&options, bytes))
        return;
    if (options.brackets)
        iocp_blocking_begin();
    peer_sleep(&options);
    if (options.brackets)
        iocp_blocking_end();
}

/* Until the first bytes are there a message has no memory. */
static int receive(struct connection *connection)
{
    unsigned char *bytes = connection->buffer;
    size_t room = BUFFER_SIZE;

    if (connection->message.size > 0)
        bytes = peer_message_room(&connection->message, &room);
    return iocp_begin_receive(connection->socket, &connection->op, bytes, room, on_received,
                              connection);
}

static void on_sent(struct iocp_op *op, void *context)
{
    struct connection *connection = context;

    if (iocp_end_send(connection->socket, op) < 0 || options.collect || receive(connection) < 0)
        end_connection(connection);
}

static int send_back(struct connection *connection, unsigned char *bytes, size_t size)
{
    sleep_over(bytes);
    return iocp_begin_send(connection->socket, &connection->op, bytes, size, on_sent, connection);
}

static int collect(struct connection *connection, size_t size)
{
    struct peer_message *message = &connection->message;

    if (size == 0)
        return message->size > 0 ? send_back(connection, message->bytes, message->size)
                                 : -ESHUTDOWN;
    if (message->size > 0)
        message->size += size;
    else if (peer_message_append(message, connection->buffer, size) < 0)
        return -ENOMEM;
    return receive(connection);
}

static int go_on(struct connection *connection, ssize_t size)
{
    if (size < 0)
        return (int)size;
    if (options.collect)
        return collect(connection, (size_t)size);
    return size > 0 ? send_back(connection, connection->buffer, (size_t)size) : -ESHUTDOWN;
}

static void on_received(struct iocp_op *op, void *context)
{
    struct connection *connection = context;

    if (go_on(connection, iocp_end_receive(connection->socket, op)) < 0)
        end_connection(connection);
}

static void serve_client(struct iocp_socket *socket)
{
    struct connection *connection = malloc(sizeof *connection); /* the buffer is left alone */

    if (!connection) {
        iocp_socket_free(socket);
        return;
    }
    connection->op = (struct iocp_op){0};
    connection->message = (struct peer_message){0};
    connection->socket = socket;
    if (receive(connection) < 0)
        end_connection(connection);
}

static void on_accepted(struct iocp_op *op, void *context)
{
    struct iocp_socket *socket;

    if (iocp_end_accept(listener, op, 0, &socket) == 0)
        serve_client(socket);
    (void)!iocp_begin_accept(listener, op, on_accepted, context);
}

/* The descriptor is the listener's from the adoption on. */
static int begin_accepting(struct iocp_port *port, int descriptor)
{
    static struct iocp_op accepts[ACCEPTS];
    int error = iocp_socket_adopt(port, descriptor, 0, &listener);

    if (error < 0)
        close(descriptor);
    for (int i = 0; error == 0 && i < ACCEPTS; i++)
        error = iocp_begin_accept(listener, &accepts[i], on_accepted, NULL);
    return error;
}

static _Noreturn void wait_for_ever(void)
{
    for (;;)
        (void)pause();
}

static int serve(int descriptor)
{
    struct iocp_port *port;
    struct iocp_pool *pool;
    int error = iocp_port_create(options.engine, options.concurrency, &port);

    if (error < 0) {
        close(descriptor);
        return peer_failed(&options, "the port", error);
    }
    error = begin_accepting(port, descriptor);
    if (error == 0)
        error = iocp_pool_create(port, options.workers, &pool);
    if (error == 0)
        wait_for_ever();
    iocp_socket_free(listener);
    iocp_port_free(port);
    return peer_failed(&options, "libiocp", error);
}

int main(int argc, char *argv[])
{
    int descriptor, status = peer_options_read(argc, argv, PEER_LIBRARY, &options);

    if (status != 0)
        return status;
    peer_prepare();
    descriptor = peer_listen(&options);
    return descriptor < 0 ? 1 : serve(descriptor);
}
