/* client.h - a client that knows what it is to be answered. */
/* SPDX-License-Identifier: MIT */
/* Threads  Those that stand outside the shim. */
#ifndef FAULTS_CLIENT_H
#define FAULTS_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* What came of an exchange. An answer that is wrong, or cut short as if it were whole, is blamed
 * on the run. */
enum answer {
    ANSWERED,
    REFUSED, /* the server ended the connection, for want of memory in words, or there was none */
};

/* A connection to 127.0.0.1, the port in network order; -1: none. With `room` that many bytes can
 * be sent to it before it receives, more or less; 0: as usual. */
int client_connect(in_port_t port, int room);

/* Send the bytes from `start` to `end` of the message that all clients send; byte by byte in a
 * dribble. If that fails the answer tells. */
void client_say(int fd, size_t start, size_t end);

/* No more is said. */
void client_end(int fd);

/* Receive the first `size` bytes of the message, and, with `until_end`, the end behind them. */
enum answer client_hear(int fd, size_t size, bool until_end);

#endif
