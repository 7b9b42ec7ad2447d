/* once.c - clients that make a connection for each message. See clients.h. */
/* SPDX-License-Identifier: MIT */
/*
 * In LOAD_CHURN a reset ends the connection, and its port is free at once. In LOAD_MESSAGE the
 * client is the first to end its direction, so that the kernel keeps its port for a while after
 * the server's end has come, whatever the client then does; over all the source addresses of
 * connections.h there are some millions of them.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "clients.h"
#include "connections.h"

/* Most messages are sent when the connection is watched: then no event need tell of room. */
static int watch(const struct load *load, struct client *client)
{
    bool all_sent = client->sent == client->begun * load->options->message_size;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = client};

    if (!all_sent)
        event.events |= EPOLLOUT;
    return epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->descriptor, &event) < 0 ? -errno : 0;
}

void once_open(struct load *load, struct client *client)
{
    int error;

    client->descriptor = connections_begin(&load->options->server, load->opened++);
    if (client->descriptor < 0) {
        account_failure(load, client, client->descriptor);
        return;
    }
    exchange_send(load, client);
    if (client->descriptor < 0)
        return;
    error = watch(load, client);
    if (error < 0)
        account_failure(load, client, error);
}
