/* client.c - a client that knows what it is to be answered. */
/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim.h"

enum { PIECE = 4096 };

/* 251: a prime, so that a piece in a wrong place is seen. No byte is part of the token. */
static char byte_at(size_t place)
{
    return (char)(1 + place % 251 % 59);
}

static int open_socket(int room)
{
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        (room > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) < 0))
        shim_blame("a client got no socket");
    return fd;
}

int client_connect(in_port_t port, int room)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = port,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = open_socket(room);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

void client_say(int fd, size_t start, size_t end)
{
    const size_t most = shim_is_dribble() ? 1 : PIECE;
    char piece[PIECE];

    while (start < end) {
        size_t size = end - start < most ? end - start : most;

        for (size_t i = 0; i < size; i++)
            piece[i] = byte_at(start + i);
        ssize_t sent = send(fd, piece, size, MSG_NOSIGNAL);
        if (sent < 0)
            return;
        start += (size_t)sent;
    }
}

void client_end(int fd)
{
    (void)shutdown(fd, SHUT_WR); /* it fails if the server has gone: the answer tells */
}

/* What a client hears for whose message there was no memory. Its first byte is no message's. */
static const char sorry[] = "no memory for this message: try again later\n";

static bool is_as_said(const char *bytes, size_t count, size_t start, bool refused)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != (refused ? sorry[start + i] : byte_at(start + i)))
            return false;
    return true;
}

enum answer client_hear(int fd, size_t size, bool until_end)
{
    char bytes[PIECE];
    size_t heard = 0;
    ssize_t got = 1;
    bool refused = false;

    while (got > 0 && (until_end || heard < size)) {
        got = recv(fd, bytes,
                   until_end || size - heard > sizeof bytes ? sizeof bytes : size - heard, 0);
        if (got <= 0)
            break;
        if (heard == 0 && bytes[0] == sorry[0]) {
            refused = true;
            size = sizeof sorry - 1;
        }
        if (heard + (size_t)got > size || !is_as_said(bytes, (size_t)got, heard, refused))
            shim_blame("a client was answered what it had not said");
        heard += (size_t)got;
    }
    if (heard == size && (got > 0 || until_end))
        return refused ? REFUSED : ANSWERED;
    if (got == 0 && heard > 0)
        shim_blame("an answer ended in good order after %zu of %zu bytes", heard, size);
    return REFUSED;
}
