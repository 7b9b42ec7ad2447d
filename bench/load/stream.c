/* stream.c - the connections of clients who keep them. See clients.h. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clients.h"
#include "connections.h"
#include "measure.h"

#define LOOK_MS 50 /* how often the stop is looked for */

/* One after another: a server's backlog that is full then makes one of them wait, not all. */
static int wait_connected(const struct load *load, int descriptor)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    int64_t until_ns = measure_now_ns() + load->options->patience_ns;
    socklen_t length = sizeof(int);
    int count, error;

    while ((count = poll(&ready, 1, LOOK_MS)) == 0 || (count < 0 && errno == EINTR)) {
        if (load_is_stopped(load))
            return -ECANCELED;
        if (measure_now_ns() >= until_ns)
            return -ETIMEDOUT;
    }
    if (count < 0 || getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return -errno;
    return -error;
}

static int watch(const struct load *load, struct client *client)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = client};

    return epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->descriptor, &event) < 0 ? -errno : 0;
}

static int connect_one(struct load *load, struct client *client)
{
    int error, descriptor = connections_begin(&load->options->server, client_index(load, client));

    if (descriptor < 0)
        return descriptor;
    client->descriptor = descriptor;
    error = wait_connected(load, descriptor);
    return error < 0 ? error : watch(load, client);
}

void stream_connect_all(struct load *load)
{
    for (size_t i = 0; i < load->options->connections; i++) {
        int error = load_is_stopped(load) ? -ECANCELED : connect_one(load, &load->clients[i]);

        if (error == -ECANCELED)
            return;
        if (error < 0) {
            account_failure(load, &load->clients[i], error);
            return;
        }
    }
}
