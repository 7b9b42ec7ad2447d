/* epoll_loop.c - the usual event loop: one thread, one epoll, every callback inside the loop. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"
#include "peer.h"

#define EVENTS_MAX 256

struct connection {
    int descriptor; /* -1: ended */
    size_t received;
    struct connection *next;
    unsigned char message[PEER_MESSAGE_SIZE];
};

struct epoll_loop {
    struct peer peer; /* first: a peer is this */
    pthread_t thread;
    int epoll;
    int bell; /* rings for the stop; its event carries NULL */
    struct connection *connections;
    atomic_size_t live;
};

static void end_connection(struct epoll_loop *loop, struct connection *connection)
{
    close(connection->descriptor);
    connection->descriptor = -1;
    atomic_fetch_sub(&loop->live, 1);
}

static void serve(struct epoll_loop *loop, struct connection *connection)
{
    ssize_t count = recv(connection->descriptor, connection->message + connection->received,
                         PEER_MESSAGE_SIZE - connection->received, MSG_DONTWAIT);

    if (count <= 0) {
        if (count == 0 || errno != EAGAIN)
            end_connection(loop, connection);
        return;
    }
    connection->received += (size_t)count;
    if (connection->received < PEER_MESSAGE_SIZE)
        return;
    connection->received = 0;
    if (peer_is_sleeper(&loop->peer, connection->message))
        measure_sleep_ns(loop->peer.options.sleep_ns);
    /* One small message is on its way at a time: there is room for all of it. */
    if (send(connection->descriptor, connection->message, PEER_MESSAGE_SIZE,
             MSG_DONTWAIT | MSG_NOSIGNAL) != PEER_MESSAGE_SIZE)
        end_connection(loop, connection);
}

static void *run(void *self)
{
    struct epoll_loop *loop = self;
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int count = epoll_wait(loop->epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            if (!events[i].data.ptr)
                return NULL;
            serve(loop, events[i].data.ptr);
        }
    }
}

static int loop_add(struct peer *peer, int descriptor)
{
    struct epoll_loop *loop = (struct epoll_loop *)peer;
    struct connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int error = -ENOMEM;

    if (!connection)
        goto close_descriptor;
    connection->descriptor = descriptor;
    atomic_fetch_add(&loop->live, 1);
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) {
        error = -errno;
        goto free_connection;
    }
    connection->next = loop->connections;
    loop->connections = connection;
    return 0;

free_connection:
    atomic_fetch_sub(&loop->live, 1);
    free(connection);
close_descriptor:
    close(descriptor);
    return error;
}

static size_t loop_live(struct peer *peer)
{
    return atomic_load(&((struct epoll_loop *)peer)->live);
}

static void free_loop(struct epoll_loop *loop)
{
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->bell >= 0)
        close(loop->bell);
    free(loop);
}

static int loop_stop(struct peer *peer)
{
    struct epoll_loop *loop = (struct epoll_loop *)peer;
    int error = eventfd_write(loop->bell, 1) < 0 ? -errno : 0;

    if (error < 0)
        return error;
    pthread_join(loop->thread, NULL);
    while (loop->connections) {
        struct connection *each = loop->connections;

        loop->connections = each->next;
        if (each->descriptor >= 0)
            close(each->descriptor);
        free(each);
    }
    free_loop(loop);
    return 0;
}

int peer_start_epoll_loop(const struct peer_options *options, struct peer **peer)
{
    static const struct peer_ops ops = {loop_add, loop_live, loop_stop};
    struct epoll_loop *loop = calloc(1, sizeof *loop);
    struct epoll_event event = {.events = EPOLLIN};
    int error;

    if (!loop)
        return -ENOMEM;
    loop->peer.ops = &ops;
    loop->peer.options = *options;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->bell = eventfd(0, EFD_CLOEXEC);
    if (loop->epoll < 0 || loop->bell < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->bell, &event) < 0) {
        error = -errno;
        free_loop(loop);
        return error;
    }
    error = -pthread_create(&loop->thread, NULL, run, loop);
    if (error < 0) {
        free_loop(loop);
        return error;
    }
    *peer = &loop->peer;
    return 0;
}
