/* client.h - clients of a server under test: one at a time, or a crowd driven by one poll loop. */
/* SPDX-License-Identifier: MIT */
/*
 * Failures  As in server_process.h: what cannot fail on a working machine ends the test.
 * Threads   The test's own thread only.
 */
#ifndef END_TO_END_CLIENT_H
#define END_TO_END_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "server_process.h"

/* What a client does when it has sent everything. */
enum client_end {
    CLIENT_HALF_CLOSES, /* ends its sending side */
    CLIENT_STAYS,       /* keeps it open: the message ends by itself */
};

/* A connection to the server's first address, to any address. */
int client_connect(const struct server_process *server);
int client_connect_to(const struct sockaddr_storage *address);

/* Send all of it. */
void client_send(int fd, const void *bytes, size_t size);

/* Wait until the server has read everything that its clients have sent, `fd` the latest. */
void client_wait_until_taken(struct server_process *server, int fd);

/* Receive up to `size` bytes, until the server ends the connection.
 * Returns  How many came; -ECONNRESET. */
ssize_t client_receive_all(int fd, void *bytes, size_t size);

/* Nothing comes from the server for as long. */
bool client_is_left_waiting(int fd, int time_ms);

/* Connect, send, end as told, receive up to `reply_size` bytes to the end, close.
 * Returns  As client_receive_all. */
ssize_t client_talk(const struct server_process *server, const void *bytes, size_t size,
                    enum client_end end, void *reply, size_t reply_size);

/* Is a whole message of `size` bytes, ended as told, answered with the same bytes? */
bool client_is_echoed(const struct server_process *server, const void *bytes, size_t size,
                      enum client_end end);

/* Is a newcomer with a short message served? */
bool client_is_served(const struct server_process *server);

struct client;

/* Many clients at once. Every other one ends its message by half-close, the others by the token
 * and stay. */
struct crowd {
    struct client *clients;
    size_t count;
    size_t message_size;
};

/* Connect `count` clients, each with a message of its own. */
void crowd_connect(struct crowd *crowd, const struct server_process *server, size_t count,
                   size_t message_size);

/* Send the first `size` bytes of all messages. */
void crowd_send_part(struct crowd *crowd, size_t size);

/* Wait until the server has read everything that was sent. */
void crowd_wait_until_taken(const struct crowd *crowd, struct server_process *server);

/* Send what is left of all messages and receive all echoes, until the server has ended every
 * connection, at most `deadline_ms`.
 * Returns  How many of the clients got exactly their message back, and then an orderly end. */
size_t crowd_exchange(struct crowd *crowd, int deadline_ms);

/* Close all. */
void crowd_leave(struct crowd *crowd);

#endif
