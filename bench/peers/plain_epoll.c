/* plain_epoll.c - the peer on epoll alone: in each thread an epoll, and a listener of its own. */
/* SPDX-License-Identifier: MIT */
/*
 * Edges   A connection is watched once, for all events, and an edge is followed until a receive
 *         is short: that one has emptied the socket, and what comes later is another edge. But the
 *         client's end of sending may be behind these bytes already, and then has told of itself.
 * Memory  One buffer for each thread. What a client does not take is copied, and nothing more is
 *         received from it before that is sent.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer_message.h"
#include "peer_serve.h"

enum { EVENTS_MAX = 512, BUFFER_SIZE = 64 * 1024, TURNS_MAX = 16 };

struct connection {
    bool hung_up; /* the client has ended its sending, perhaps behind bytes yet to be received */
    bool replies; /* all of the message is received */
    struct peer_message unsent;
};

struct loop {
    const struct peer_options *options;
    int listener;
    int epoll;
    struct connection *connections; /* by descriptor; memory only as far as there are some */
    unsigned char buffer[BUFFER_SIZE];
};

static const uint32_t all_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/* What follows on one turn of a connection; or a negative errno: it is over. */
enum { SEE_WAIT, SEE_MORE };

static int after_receiving(const struct connection *connection, size_t count, size_t wanted)
{
    return count == wanted || connection->hung_up ? SEE_MORE : SEE_WAIT;
}

static int of_error(void)
{
    return errno == EAGAIN ? SEE_WAIT : -errno;
}

static int send_unsent(struct connection *connection, int client)
{
    struct peer_message *unsent = &connection->unsent;

    while (unsent->sent < unsent->size) {
        ssize_t count = send(client, unsent->bytes + unsent->sent, unsent->size - unsent->sent, 0);

        if (count < 0)
            return of_error();
        unsent->sent += (size_t)count;
    }
    peer_message_free(unsent);
    return connection->replies ? -ESHUTDOWN : SEE_MORE;
}

static int echo(struct loop *loop, struct connection *connection, int client)
{
    ssize_t count = recv(client, loop->buffer, BUFFER_SIZE, 0);
    ssize_t sent;

    if (count <= 0)
        return count < 0 ? of_error() : -ESHUTDOWN;
    peer_message_received(loop->options, loop->buffer);
    sent = send(client, loop->buffer, (size_t)count, 0);
    if (sent == count)
        return after_receiving(connection, (size_t)count, BUFFER_SIZE);
    if (sent < 0 && errno != EAGAIN)
        return -errno;
    sent = sent < 0 ? 0 : sent;
    return peer_message_append(&connection->unsent, loop->buffer + sent, (size_t)(count - sent));
}

static int reply(struct loop *loop, struct connection *connection, int client)
{
    connection->replies = true;
    if (connection->unsent.size > 0)
        peer_message_received(loop->options, connection->unsent.bytes);
    return send_unsent(connection, client);
}

static int collect(struct loop *loop, struct connection *connection, int client)
{
    size_t room;
    unsigned char *bytes = peer_message_room(&connection->unsent, &room);
    ssize_t count;

    if (!bytes)
        return -ENOMEM;
    count = recv(client, bytes, room, 0);
    if (count == 0)
        return reply(loop, connection, client);
    if (count < 0)
        return of_error();
    connection->unsent.size += (size_t)count;
    return after_receiving(connection, (size_t)count, room);
}

static int take_turn(struct loop *loop, struct connection *connection, int client)
{
    bool collecting = loop->options->collect && !connection->replies;

    if (connection->unsent.size > 0 && !collecting)
        return send_unsent(connection, client);
    return collecting ? collect(loop, connection, client) : echo(loop, connection, client);
}

static int watch(const struct loop *loop, int client, int how)
{
    struct epoll_event wanted = {.events = all_events, .data.fd = client};

    return epoll_ctl(loop->epoll, how, client, &wanted);
}

static void end_connection(struct connection *connection, int client)
{
    peer_message_free(&connection->unsent);
    *connection = (struct connection){0};
    close(client);
}

/* One that still has bytes after so many turns lines up behind the others. */
static void on_edge(struct loop *loop, int client, uint32_t events)
{
    struct connection *connection = &loop->connections[client];
    int result = SEE_MORE;

    if (events == EPOLLOUT && connection->unsent.size == 0)
        return; /* there is room, and nothing to be sent */
    connection->hung_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    for (int turn = 0; result == SEE_MORE && turn < TURNS_MAX; turn++)
        result = take_turn(loop, connection, client);
    if (result == SEE_MORE)
        result = watch(loop, client, EPOLL_CTL_MOD);
    if (result < 0)
        end_connection(connection, client);
}

static void accept_clients(const struct loop *loop)
{
    int client;

    while ((client = accept4(loop->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        if (watch(loop, client, EPOLL_CTL_ADD) < 0)
            close(client);
}

static int run(struct loop *loop)
{
    struct epoll_event events[EVENTS_MAX];
    int count;

    while ((count = epoll_wait(loop->epoll, events, EVENTS_MAX, -1)) >= 0 || errno == EINTR) {
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == loop->listener)
                accept_clients(loop);
            else
                on_edge(loop, events[i].data.fd, events[i].events);
        }
    }
    return peer_failed(loop->options, "epoll_wait", -errno);
}

static int open_epoll(struct loop *loop)
{
    struct epoll_event watched = {.events = EPOLLIN, .data.fd = loop->listener};

    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll < 0 ? -1 : epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->listener, &watched);
}

static int serve(const struct peer_options *options, int listener)
{
    struct loop *loop = calloc(1, sizeof *loop);
    int status;

    if (!loop)
        return peer_failed(options, "the loop", -ENOMEM);
    loop->options = options;
    loop->listener = listener;
    loop->connections = calloc((size_t)sysconf(_SC_OPEN_MAX), sizeof *loop->connections);
    if (!loop->connections)
        status = peer_failed(options, "the connections", -ENOMEM);
    else if (open_epoll(loop) < 0)
        status = peer_failed(options, "epoll", -errno);
    else
        status = run(loop);
    free(loop->connections);
    free(loop);
    return status;
}

int main(int argc, char *argv[])
{
    return peer_main(argc, argv, serve);
}
