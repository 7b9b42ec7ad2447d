/* connections.c - see connections.h. */
/* SPDX-License-Identifier: MIT */
#include "connections.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SOURCES 200

int connections_allow(size_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    if (limit.rlim_cur >= count)
        return 0;
    if (limit.rlim_max < count)
        return -EMFILE;
    limit.rlim_cur = count;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static int set_patience(int descriptor)
{
    static const struct timeval patience = {.tv_sec = CONNECTIONS_PATIENCE_MS / 1000};

    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
        return -errno;
    return 0;
}

/* The source's port is left to connect(2): it may serve other servers at the same time. */
static int bind_source(int descriptor, size_t index)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    static const struct linger by_reset = {.l_onoff = 1, .l_linger = 0};
    static const int on = 1;

    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index % SOURCES));
    if (setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &by_reset, sizeof by_reset) < 0 ||
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0 ||
        bind(descriptor, (struct sockaddr *)&source, sizeof source) < 0)
        return -errno;
    return 0;
}

int connections_connect(const struct sockaddr_in *address, size_t index)
{
    int error, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (descriptor < 0)
        return -errno;
    error = bind_source(descriptor, index);
    if (error == 0)
        error = set_patience(descriptor);
    if (error == 0 && connect(descriptor, (const struct sockaddr *)address, sizeof *address) < 0)
        error = errno == EINPROGRESS ? -ETIMEDOUT : -errno; /* as SO_SNDTIMEO words it */
    if (error == 0)
        return descriptor;
    close(descriptor);
    return error;
}

int connections_begin(const struct sockaddr_in *address, size_t index)
{
    int error, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (descriptor < 0)
        return -errno;
    error = bind_source(descriptor, index);
    if (error == 0 && connect(descriptor, (const struct sockaddr *)address, sizeof *address) < 0 &&
        errno != EINPROGRESS)
        error = -errno;
    if (error == 0)
        return descriptor;
    close(descriptor);
    return error;
}
