/* event.c - the peer on libevent: one event base for each thread, a bufferevent a connection. */
/* SPDX-License-Identifier: MIT */
/*
 * The bufferevent sends. By itself it would receive 4 KiB at a time, after asking how much there
 * is: what a client sends is received in larger pieces, beside it.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "peer_message.h"
#include "peer_serve.h"

/* What a client may leave unread before no more is received from it. */
#define UNREAD_MAX ((size_t)256 * 1024)

/* What is received at once at most. */
enum { PIECE_SIZE = 16 * 1024, MESSAGE_PIECE_SIZE = 64 * 1024, ROOMS_MAX = 2 };

struct loop {
    const struct peer_options *options;
    struct event_base *base;
};

struct connection {
    struct loop *loop;
    struct bufferevent *stream;
    struct event *readable;
    struct evbuffer *message; /* collected */
    bool ended;               /* no more is to be received */
};

static void end_connection(struct connection *connection)
{
    if (connection->readable)
        event_free(connection->readable);
    if (connection->message)
        evbuffer_free(connection->message);
    bufferevent_free(connection->stream);
    free(connection);
}

/* Straight into the memory of the buffer, which may be in two places. Returns as readv does. */
static ssize_t receive(const struct loop *loop, struct evbuffer *buffer, evutil_socket_t client)
{
    bool collect = loop->options->collect;
    struct evbuffer_iovec rooms[ROOMS_MAX];
    int places =
        evbuffer_reserve_space(buffer, collect ? MESSAGE_PIECE_SIZE : PIECE_SIZE, rooms, ROOMS_MAX);
    ssize_t count = readv(client, rooms, places);

    if (count <= 0)
        return count;
    if (!collect)
        peer_message_received(loop->options, rooms[0].iov_base);
    if ((size_t)count <= rooms[0].iov_len) {
        rooms[0].iov_len = (size_t)count;
        places = 1;
    } else {
        rooms[1].iov_len = (size_t)count - rooms[0].iov_len;
    }
    (void)evbuffer_commit_space(buffer, rooms, places);
    return count;
}

static void on_client_ended(struct connection *connection)
{
    const struct loop *loop = connection->loop;

    connection->ended = true;
    (void)event_del(connection->readable);
    if (loop->options->sleep_every > 0 && evbuffer_get_length(connection->message) > 0)
        peer_message_received(loop->options, evbuffer_pullup(connection->message, 1));
    (void)bufferevent_write_buffer(connection->stream, connection->message);
    if (evbuffer_get_length(bufferevent_get_output(connection->stream)) == 0)
        end_connection(connection);
}

static void on_readable(evutil_socket_t client, short what, void *context)
{
    struct connection *connection = context;
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    bool collect = connection->loop->options->collect;
    ssize_t count = receive(connection->loop, collect ? connection->message : output, client);

    (void)what;
    if (count == 0)
        on_client_ended(connection);
    else if (count < 0 && errno != EAGAIN)
        end_connection(connection);
    else if (evbuffer_get_length(output) > UNREAD_MAX)
        (void)event_del(connection->readable);
}

static void on_written(struct bufferevent *stream, void *context)
{
    struct connection *connection = context;

    (void)stream;
    if (connection->ended)
        end_connection(connection);
    else
        (void)event_add(connection->readable, NULL);
}

/* The stream does not receive, so this is an error. */
static void on_event(struct bufferevent *stream, short what, void *context)
{
    (void)stream;
    (void)what;
    end_connection(context);
}

static void serve_client(struct loop *loop, struct bufferevent *stream, evutil_socket_t client)
{
    struct connection *connection = calloc(1, sizeof *connection);

    if (!connection) {
        bufferevent_free(stream);
        return;
    }
    connection->loop = loop;
    connection->stream = stream;
    connection->message = evbuffer_new();
    connection->readable =
        event_new(loop->base, client, EV_READ | EV_PERSIST, on_readable, connection);
    (void)bufferevent_set_max_single_write(stream, EV_SSIZE_MAX);
    bufferevent_setcb(stream, NULL, on_written, on_event, connection);
    if (!connection->message || !connection->readable || event_add(connection->readable, NULL) < 0)
        end_connection(connection);
}

static void on_accepted(struct evconnlistener *listener, evutil_socket_t client,
                        struct sockaddr *address, int length, void *context)
{
    struct loop *loop = context;
    struct bufferevent *stream = bufferevent_socket_new(loop->base, client, BEV_OPT_CLOSE_ON_FREE);

    (void)listener;
    (void)address;
    (void)length;
    if (stream)
        serve_client(loop, stream, client);
    else
        (void)evutil_closesocket(client);
}

/* For one thread, without locks; changes to what is watched go to the kernel together. */
static struct event_base *open_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (!config)
        return NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static int serve(const struct peer_options *options, int descriptor)
{
    struct loop loop = {options, open_base()};
    struct evconnlistener *listener;

    if (!loop.base)
        return peer_failed(options, "the event base", -ENOMEM);
    listener =
        evconnlistener_new(loop.base, on_accepted, &loop,
                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, PEER_BACKLOG, descriptor);
    if (!listener) {
        event_base_free(loop.base);
        return peer_failed(options, "the listener", -ENOMEM);
    }
    return event_base_dispatch(loop.base);
}

int main(int argc, char *argv[])
{
    return peer_main(argc, argv, serve);
}
