/* client.c - the strangers at the other end; each byte that comes back is compared. */
/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "deadline.h"

#define TOKEN      "<EOF>"
#define TOKEN_SIZE (sizeof TOKEN - 1)

struct client {
    int fd;
    char *message;
    enum client_end end;
    size_t sent;
    size_t received;
    bool sending_over; /* everything is sent, and the side shut down if it is to be */
    bool ended;        /* the server has ended the connection, in order or not */
    bool wrong;        /* what came back is not the message, or the connection broke */
};

int client_connect_to(const struct sockaddr_storage *address)
{
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    const socklen_t length =
        address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0, "socket: %s", strerror(errno));
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
    cr_assert(connect(fd, (const struct sockaddr *)address, length) == 0, "connect: %s",
              strerror(errno));
    return fd;
}

int client_connect(const struct server_process *server)
{
    return client_connect_to(&server->addresses[0]);
}

void client_send(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t count = send(fd, at, size, MSG_NOSIGNAL);
        cr_assert(count > 0, "send: %s", strerror(errno));
        at += count;
        size -= (size_t)count;
    }
}

/* How much is on its way to the peer's kernel. */
static int unacknowledged(int fd)
{
    int size = 0;

    cr_assert(ioctl(fd, SIOCOUTQ, &size) == 0, "SIOCOUTQ: %s", strerror(errno));
    return size;
}

/* How many bytes the server has yet to read, and connections it has yet to accept, by the
 * kernel's table of sockets. The table is long while many connections are a memory only, so it
 * is read once for all clients. */
static unsigned long untaken(const struct server_process *server)
{
    char line[256];
    unsigned port;
    unsigned long queued;
    unsigned long sum = 0;
    FILE *table = fopen("/proc/net/tcp", "re");

    cr_assert(table != NULL, "/proc/net/tcp: %s", strerror(errno));
    while (fgets(line, sizeof line, table)) {
        if (sscanf(line, "%*u: %*x:%x %*x:%*x %*x %*x:%lx", &port, &queued) == 2 &&
            port == server_port(server))
            sum += queued;
    }
    (void)fclose(table);
    return sum;
}

static bool is_acknowledged(void *fd)
{
    return unacknowledged(*(int *)fd) == 0;
}

static bool has_read(void *server)
{
    return untaken(server) == 0;
}

static void wait_until_acknowledged(int fd)
{
    cr_assert(wait_until(is_acknowledged, &fd), "the server's kernel takes nothing");
}

static void wait_until_server_has_read(struct server_process *server)
{
    cr_assert(wait_until(has_read, server), "the server does not read");
}

void client_wait_until_taken(struct server_process *server, int fd)
{
    wait_until_acknowledged(fd);
    wait_until_server_has_read(server);
}

ssize_t client_receive_all(int fd, void *bytes, size_t size)
{
    size_t received = 0;

    while (received < size) {
        ssize_t count = recv(fd, (char *)bytes + received, size - received, 0);
        cr_assert(count >= 0 || errno == ECONNRESET, "receive: %s", strerror(errno));
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        received += (size_t)count;
    }
    return (ssize_t)received;
}

bool client_is_left_waiting(int fd, int time_ms)
{
    struct pollfd answer = {.fd = fd, .events = POLLIN};

    return poll(&answer, 1, time_ms) == 0;
}

ssize_t client_talk(const struct server_process *server, const void *bytes, size_t size,
                    enum client_end end, void *reply, size_t reply_size)
{
    int fd = client_connect(server);

    client_send(fd, bytes, size);
    if (end == CLIENT_HALF_CLOSES)
        cr_assert(shutdown(fd, SHUT_WR) == 0, "shutdown: %s", strerror(errno));
    ssize_t received = client_receive_all(fd, reply, reply_size);
    close(fd);
    return received;
}

bool client_is_echoed(const struct server_process *server, const void *bytes, size_t size,
                      enum client_end end)
{
    const size_t reply_size = size + 1; /* one byte too many would be seen */
    char *reply = malloc(reply_size);

    cr_assert(reply != NULL, "no memory");
    ssize_t received = client_talk(server, bytes, size, end, reply, reply_size);
    bool same = received == (ssize_t)size && memcmp(reply, bytes, size) == 0;
    free(reply);
    return same;
}

bool client_is_served(const struct server_process *server)
{
    static const char message[] = "anybody there?" TOKEN;

    return client_is_echoed(server, message, sizeof message - 1, CLIENT_STAYS);
}

/* Bytes that differ from client to client and hold no token, but at the end where it belongs. */
static char *make_message(size_t index, size_t size, enum client_end end)
{
    char *message = malloc(size);

    cr_assert(message != NULL && size > TOKEN_SIZE, "no message of %zu bytes", size);
    for (size_t i = 0; i < size; i++)
        message[i] = (char)('A' + (index * 7 + i + i / 26) % 26);
    if (end == CLIENT_STAYS)
        memcpy(message + size - TOKEN_SIZE, TOKEN, TOKEN_SIZE);
    return message;
}

void crowd_connect(struct crowd *crowd, const struct server_process *server, size_t count,
                   size_t message_size)
{
    *crowd = (struct crowd){
        .clients = calloc(count, sizeof *crowd->clients),
        .count = count,
        .message_size = message_size,
    };
    cr_assert(crowd->clients != NULL, "no memory");
    for (size_t i = 0; i < count; i++) {
        struct client *client = &crowd->clients[i];

        client->end = i % 2 == 0 ? CLIENT_HALF_CLOSES : CLIENT_STAYS;
        client->message = make_message(i, message_size, client->end);
        client->fd = client_connect(server);
        cr_assert(fcntl(client->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl: %s", strerror(errno));
    }
}

static void end_badly(struct client *client)
{
    client->wrong = true;
    client->ended = true;
}

/* Send up to the first `limit` bytes of its message. */
static void client_push(struct client *client, size_t limit)
{
    while (client->sent < limit) {
        ssize_t count =
            send(client->fd, client->message + client->sent, limit - client->sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN)
            end_badly(client);
        if (count < 0)
            return;
        client->sent += (size_t)count;
    }
}

/* Send what is left; then do what it does at the end of its message. */
static void client_finish_sending(struct client *client, size_t message_size)
{
    client_push(client, message_size);
    if (client->ended || client->sent < message_size)
        return;
    if (client->end == CLIENT_HALF_CLOSES && shutdown(client->fd, SHUT_WR) < 0)
        end_badly(client);
    client->sending_over = true;
}

/* Take what has come, and compare it. */
static void client_pull(struct client *client, size_t message_size)
{
    char echo[16384];
    ssize_t count;

    while ((count = recv(client->fd, echo, sizeof echo, 0)) > 0) {
        if ((size_t)count > message_size - client->received ||
            memcmp(echo, client->message + client->received, (size_t)count) != 0) {
            end_badly(client);
            return;
        }
        client->received += (size_t)count;
    }
    if (count == 0)
        client->ended = true;
    else if (errno != EAGAIN)
        end_badly(client);
}

static short events_wanted(const struct client *client)
{
    return client->sending_over ? POLLIN : POLLIN | POLLOUT;
}

/* One poll for all, and a turn for each who is ready. Returns how many have not ended; 0 also
 * when nobody was ready before the deadline. */
static size_t crowd_turn(struct crowd *crowd, struct pollfd *polled, int timeout_ms)
{
    size_t open = 0;

    for (size_t i = 0; i < crowd->count; i++) {
        const struct client *client = &crowd->clients[i];
        polled[i].fd = client->ended ? -1 : client->fd;
        polled[i].events = events_wanted(client);
        open += !client->ended;
    }
    if (open == 0 || poll(polled, crowd->count, timeout_ms) <= 0)
        return 0;
    for (size_t i = 0; i < crowd->count; i++) {
        struct client *client = &crowd->clients[i];

        if (polled[i].fd < 0 || polled[i].revents == 0)
            continue;
        if ((polled[i].revents & POLLOUT) && !client->sending_over)
            client_finish_sending(client, crowd->message_size);
        if (!client->ended && (polled[i].revents & ~POLLOUT))
            client_pull(client, crowd->message_size);
    }
    return open;
}

static bool client_is_good(const struct client *client, size_t message_size)
{
    return client->ended && !client->wrong && client->received == message_size;
}

size_t crowd_exchange(struct crowd *crowd, int deadline_ms)
{
    const int64_t deadline_ns = deadline_after_ms(deadline_ms);
    struct pollfd *polled = calloc(crowd->count, sizeof *polled);
    size_t good = 0;

    cr_assert(polled != NULL, "no memory");
    while (crowd_turn(crowd, polled, deadline_left_ms(deadline_ns)) > 0)
        ;
    free(polled);
    for (size_t i = 0; i < crowd->count; i++)
        good += client_is_good(&crowd->clients[i], crowd->message_size);
    return good;
}

void crowd_send_part(struct crowd *crowd, size_t size)
{
    for (size_t i = 0; i < crowd->count; i++) {
        struct client *client = &crowd->clients[i];
        struct pollfd room = {.fd = client->fd, .events = POLLOUT};

        while (client->sent < size && !client->ended && poll(&room, 1, PATIENCE_MS) == 1)
            client_push(client, size);
        cr_assert(client->sent == size, "client %zu cannot send", i);
    }
}

void crowd_wait_until_taken(const struct crowd *crowd, struct server_process *server)
{
    for (size_t i = 0; i < crowd->count; i++)
        wait_until_acknowledged(crowd->clients[i].fd);
    wait_until_server_has_read(server);
}

void crowd_leave(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++) {
        close(crowd->clients[i].fd);
        free(crowd->clients[i].message);
    }
    free(crowd->clients);
    *crowd = (struct crowd){0};
}
