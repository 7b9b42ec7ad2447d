/* event.c - the peer on libevent: one event base for each thread, a bufferevent a connection. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>

#include "peer_message.h"
#include "peer_serve.h"

/* What a client may leave unread before no more is received from it. */
#define UNREAD_MAX ((size_t)256 * 1024)

struct loop {
    const struct peer_options *options;
    struct event_base *base;
};

static void mark(const struct loop *loop, struct evbuffer *input)
{
    if (loop->options->sleep_every > 0)
        peer_message_received(loop->options, evbuffer_pullup(input, 1));
}

static void on_read(struct bufferevent *connection, void *context)
{
    const struct loop *loop = context;
    struct evbuffer *input = bufferevent_get_input(connection);
    struct evbuffer *output = bufferevent_get_output(connection);

    if (loop->options->collect)
        return; /* the input keeps it */
    mark(loop, input);
    (void)evbuffer_add_buffer(output, input);
    if (evbuffer_get_length(output) > UNREAD_MAX)
        (void)bufferevent_disable(connection, EV_READ);
}

static void on_written(struct bufferevent *connection, void *context)
{
    (void)context;
    (void)bufferevent_enable(connection, EV_READ);
}

static void on_last_written(struct bufferevent *connection, void *context)
{
    (void)context;
    bufferevent_free(connection);
}

static void on_event(struct bufferevent *connection, short what, void *context)
{
    const struct loop *loop = context;
    struct evbuffer *input = bufferevent_get_input(connection);
    struct evbuffer *output = bufferevent_get_output(connection);

    if (what & BEV_EVENT_ERROR) {
        bufferevent_free(connection);
        return;
    }
    if (evbuffer_get_length(input) > 0) {
        mark(loop, input);
        (void)evbuffer_add_buffer(output, input);
    }
    if (evbuffer_get_length(output) > 0)
        bufferevent_setcb(connection, NULL, on_last_written, on_event, context);
    else
        bufferevent_free(connection);
}

static void on_accepted(struct evconnlistener *listener, evutil_socket_t client,
                        struct sockaddr *address, int length, void *context)
{
    struct loop *loop = context;
    struct bufferevent *connection =
        bufferevent_socket_new(loop->base, client, BEV_OPT_CLOSE_ON_FREE);

    (void)listener;
    (void)address;
    (void)length;
    if (!connection) {
        (void)evutil_closesocket(client);
        return;
    }
    (void)bufferevent_set_max_single_write(connection, UNREAD_MAX);
    bufferevent_setcb(connection, on_read, loop->options->collect ? NULL : on_written, on_event,
                      loop);
    if (bufferevent_enable(connection, EV_READ | EV_WRITE) < 0)
        bufferevent_free(connection);
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
    struct peer_options options;
    int status = peer_options_read(argc, argv, PEER_OTHER, &options);

    if (status != 0)
        return status;
    peer_prepare();
    return peer_serve(&options, serve);
}
