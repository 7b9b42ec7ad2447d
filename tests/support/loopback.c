/* loopback.c - the calls behind every test's peer, each checked. */
/* SPDX-License-Identifier: MIT */
#include "loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deadline.h"

static struct sockaddr_in on_port(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static void check(int result, const char *call)
{
    if (result >= 0)
        return;
    perror(call);
    abort();
}

static int open_socket(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(fd, "socket");
    return fd;
}

static int give_patience(int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};

    check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "SO_RCVTIMEO");
    check(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), "SO_SNDTIMEO");
    return fd;
}

int loopback_listen(void)
{
    const int fd = give_patience(open_socket());
    const struct sockaddr_in address = on_port(0);

    check(bind(fd, (const struct sockaddr *)&address, sizeof address), "bind");
    check(listen(fd, SOMAXCONN), "listen");
    return fd;
}

struct sockaddr_in loopback_address(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    check(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
    return address;
}

uint16_t loopback_port(int fd)
{
    return ntohs(loopback_address(fd).sin_port);
}

/* Interrupted, a connect goes on by itself. (The kernel may interrupt a thread that has left
 * something in an io_uring.) */
static int connect_all_the_way(int fd, const struct sockaddr_in *address)
{
    struct pollfd connected = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;

    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return 0;
    if (errno != EINTR)
        return -1;
    while (poll(&connected, 1, PATIENCE_MS) < 0 && errno == EINTR)
        continue;
    check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
    errno = error;
    return error == 0 ? 0 : -1;
}

int loopback_try_connect(uint16_t port)
{
    const int fd = give_patience(open_socket());
    const struct sockaddr_in address = on_port(port);
    int error;

    if (connect_all_the_way(fd, &address) == 0)
        return fd;
    error = errno;
    close(fd);
    return -error;
}

int loopback_connect(uint16_t port)
{
    const int fd = loopback_try_connect(port);

    if (fd < 0)
        errno = -fd;
    check(fd, "connect");
    return fd;
}

int loopback_accept(int listener)
{
    int fd;

    do
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    check(fd, "accept4");
    return give_patience(fd);
}

void loopback_pair(int ends[2])
{
    const int listener = loopback_listen();

    ends[0] = loopback_connect(loopback_port(listener));
    ends[1] = loopback_accept(listener);
    check(close(listener), "close");
}

int loopback_write_all(int fd, const void *bytes, size_t size)
{
    const char *next = bytes;

    while (size > 0) {
        const ssize_t sent = send(fd, next, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -errno;
        next += sent;
        size -= (size_t)sent;
    }
    return 0;
}

ssize_t loopback_read_all(int fd, void *bytes, size_t size)
{
    size_t total = 0;

    while (total < size) {
        const ssize_t received = recv(fd, (char *)bytes + total, size - total, 0);

        if (received < 0 && errno == EINTR)
            continue;
        if (received < 0)
            return -errno;
        if (received == 0)
            break;
        total += (size_t)received;
    }
    return (ssize_t)total;
}

void loopback_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "SO_LINGER");
    check(close(fd), "close");
}
