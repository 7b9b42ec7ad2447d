/* listener.c - opening the listening sockets that the options ask for. */
/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* Connections the kernel keeps while the acceptor is busy; it may hold fewer (somaxconn). */
#define BACKLOG 4096

static const char *const default_addresses[] = {"127.0.0.1:11000", "[::1]:11000"};

static int bind_and_listen(int fd, const struct options_listen *wanted, bool reuse_port)
{
    const int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -errno;
    /* Inherited by what is accepted. */
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        return -errno;
    if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
        return -errno;
    if (wanted->address.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&wanted->address, wanted->length) < 0)
        return -errno;
    return listen(fd, BACKLOG) < 0 ? -errno : 0;
}

/* The address that a listener has come to: its port may have been 0. */
static int read_address(struct listener *listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;

    if (getsockname(listener->fd, (struct sockaddr *)&address, &length) < 0)
        return -errno;
    iocp_address_format((const struct sockaddr *)&address, listener->address,
                        sizeof listener->address);
    return 0;
}

static int open_listener(struct listener *listener, const struct options_listen *wanted,
                         bool reuse_port)
{
    listener->fd = socket(wanted->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return -errno;

    int result = bind_and_listen(listener->fd, wanted, reuse_port);
    if (result == 0)
        result = read_address(listener);
    if (result < 0)
        close(listener->fd);
    return result;
}

static int open_wanted(const struct options *options, struct listener *listeners, size_t *opened)
{
    for (size_t i = 0; i < options->listen_count; i++) {
        const struct options_listen *wanted = &options->listens[i];
        int result = open_listener(&listeners[*opened], wanted, options->reuse_port);

        if (result < 0) {
            char text[IOCP_ADDRESS_TEXT_SIZE];
            iocp_address_format((const struct sockaddr *)&wanted->address, text, sizeof text);
            log_line("iocp-server: --listen %s: %s", text, strerror(-result));
            return result;
        }
        ++*opened;
    }
    return 0;
}

static bool is_missing_ipv6(const struct options_listen *wanted, int result)
{
    return wanted->address.ss_family == AF_INET6 &&
           (result == -EAFNOSUPPORT || result == -EADDRNOTAVAIL);
}

static int open_defaults(const struct options *options, struct listener *listeners, size_t *opened)
{
    for (size_t i = 0; i < sizeof default_addresses / sizeof *default_addresses; i++) {
        struct options_listen wanted;
        int result = iocp_address_parse(default_addresses[i], &wanted.address);

        if (result > 0) {
            wanted.length = (socklen_t)result;
            result = open_listener(&listeners[*opened], &wanted, options->reuse_port);
        }
        if (result == 0) {
            ++*opened;
        } else if (is_missing_ipv6(&wanted, result)) {
            log_line("warning: not listening on %s: %s", default_addresses[i], strerror(-result));
        } else {
            log_line("iocp-server: %s: %s; --listen ADDRESS:PORT names another address",
                     default_addresses[i], strerror(-result));
            return result;
        }
    }
    return 0;
}

int listener_open_all(const struct options *options, struct listener listeners[OPTIONS_LISTENS_MAX])
{
    size_t opened = 0;
    int result = options->listen_count ? open_wanted(options, listeners, &opened)
                                       : open_defaults(options, listeners, &opened);

    if (result < 0) {
        listener_close_all(listeners, opened);
        return result;
    }
    return (int)opened;
}

void listener_close_all(struct listener *listeners, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(listeners[i].fd);
}
