/* library.c - an echo server on libiocp: receive, sleep perhaps, send, receive. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <iocp/event.h>
#include <iocp/pool.h>
#include <iocp/socket.h>

#include "connections.h"
#include "measure.h"
#include "peer.h"

struct library {
    struct peer peer; /* first: a peer is this */
    struct iocp_port *port;
    struct iocp_pool *pool;
    struct connection *connections;
    atomic_size_t live; /* connections with an operation in flight; and one until the stop */
    struct iocp_event all_ended;
};

struct connection {
    struct iocp_op op;
    struct library *library;
    struct iocp_socket *socket;
    struct connection *next;
    size_t received;
    unsigned char message[PEER_MESSAGE_SIZE];
};

size_t peer_library_connection_size(void)
{
    return sizeof(struct connection);
}

static void end_one(struct library *library)
{
    if (atomic_fetch_sub(&library->live, 1) == 1)
        iocp_event_set(&library->all_ended);
}

static void on_received(struct iocp_op *op, void *context);

static int begin_receive(struct connection *connection)
{
    return iocp_begin_receive(connection->socket, &connection->op,
                              connection->message + connection->received,
                              PEER_MESSAGE_SIZE - connection->received, on_received, connection);
}

static void on_sent(struct iocp_op *op, void *context)
{
    struct connection *connection = context;

    connection->received = 0;
    if (iocp_end_send(connection->socket, op) < 0 || begin_receive(connection) < 0)
        end_one(connection->library);
}

static void sleep_in_callback(const struct peer_options *options)
{
    if (options->bracketed)
        iocp_blocking_begin();
    measure_sleep_ns(options->sleep_ns);
    if (options->bracketed)
        iocp_blocking_end();
}

static int answer(struct connection *connection)
{
    struct peer *peer = &connection->library->peer;

    if (connection->received < PEER_MESSAGE_SIZE)
        return begin_receive(connection);
    if (peer_is_sleeper(peer, connection->message))
        sleep_in_callback(&peer->options);
    return iocp_begin_send(connection->socket, &connection->op, connection->message,
                           PEER_MESSAGE_SIZE, on_sent, connection);
}

static void on_received(struct iocp_op *op, void *context)
{
    struct connection *connection = context;
    ssize_t count = iocp_end_receive(connection->socket, op);

    if (count > 0)
        connection->received += (size_t)count;
    if (count <= 0 || answer(connection) < 0)
        end_one(connection->library);
}

static int library_add(struct peer *peer, int descriptor)
{
    struct library *library = (struct library *)peer;
    struct connection *connection = calloc(1, sizeof *connection);
    int error = -ENOMEM;

    if (!connection)
        goto close_descriptor;
    connection->library = library;
    error = iocp_socket_adopt(library->port, descriptor, 0, &connection->socket);
    if (error < 0)
        goto free_connection;
    connection->next = library->connections;
    library->connections = connection;
    atomic_fetch_add(&library->live, 1);
    error = begin_receive(connection);
    if (error < 0)
        end_one(library);
    return error;

free_connection:
    free(connection);
close_descriptor:
    close(descriptor);
    return error;
}

static size_t library_live(struct peer *peer)
{
    return atomic_load(&((struct library *)peer)->live) - 1;
}

/* Sockets are freed when no callback can begin anything on them any more. */
static int library_stop(struct peer *peer)
{
    struct library *library = (struct library *)peer;
    int error;

    for (struct connection *each = library->connections; each; each = each->next)
        (void)iocp_socket_close(each->socket);
    end_one(library);
    error = iocp_event_wait(&library->all_ended, CONNECTIONS_PATIENCE_MS);
    if (error < 0)
        return error; /* a callback is still to come: what it uses has to stay */
    while (library->connections) {
        struct connection *each = library->connections;

        library->connections = each->next;
        iocp_socket_free(each->socket);
        free(each);
    }
    if (iocp_pool_stop(library->pool, IOCP_DRAIN) != 0)
        error = -EBUSY;
    iocp_pool_free(library->pool);
    iocp_port_free(library->port);
    iocp_event_destroy(&library->all_ended);
    free(library);
    return error;
}

int peer_start_library(const struct peer_options *options, struct peer **peer)
{
    static const struct peer_ops ops = {library_add, library_live, library_stop};
    struct library *library = calloc(1, sizeof *library);
    int error = -ENOMEM;

    if (!library)
        return error;
    library->peer.ops = &ops;
    library->peer.options = *options;
    atomic_init(&library->live, 1);
    error = iocp_port_create(options->engine, options->concurrency, &library->port);
    if (error < 0)
        goto free_library;
    error = iocp_pool_create(library->port, options->workers, &library->pool);
    if (error < 0)
        goto free_port;
    iocp_event_init(&library->all_ended, IOCP_MANUAL_RESET, false);
    *peer = &library->peer;
    return 0;

free_port:
    iocp_port_free(library->port);
free_library:
    free(library);
    return error;
}
