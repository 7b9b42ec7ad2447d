/* socket.c - a socket, from its making to its shutdown; its end is in socket_close.c. */
/* SPDX-License-Identifier: MIT */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "port.h"

void socket_hold(struct iocp_socket *socket)
{
    atomic_fetch_add_explicit(&socket->holds, 1, memory_order_relaxed);
}

void socket_drop(struct iocp_socket *socket)
{
    /* acq_rel: what others did with the socket before their drop comes before the free. */
    if (atomic_fetch_sub_explicit(&socket->holds, 1, memory_order_acq_rel) > 1)
        return;
    lock_destroy(&socket->lock);
    free(socket);
}

static struct iocp_socket *new_socket(int fd, uintptr_t key)
{
    struct iocp_socket *socket = calloc(1, sizeof *socket);

    if (socket == NULL)
        return NULL;
    lock_init(&socket->lock);
    socket->key = key;
    socket->fd = fd;
    socket->leaving_fd = -1;
    socket->short_is_not_all = true; /* until the engine watches it: nobody tells of an end */
    socket->armed_ns = DEADLINE_NONE;
    socket->in = (struct channel){.socket = socket, .ready = true};
    socket->out = (struct channel){.socket = socket, .ready = true, .outward = true};
    atomic_init(&socket->holds, 1);
    return socket;
}

int socket_wrap(struct iocp_port *port, int fd, uintptr_t key, enum socket_state state, int broken,
                struct iocp_socket **socket)
{
    struct iocp_socket *made = new_socket(fd, key);
    int error;

    if (made == NULL)
        return -ENOMEM;
    made->listening = state == SOCKET_LISTENING;
    made->connected = state == SOCKET_CONNECTED;
    made->error = (int16_t)broken;
    error = port_admit(port, made);
    if (error < 0)
        socket_drop(made);
    else
        *socket = made;
    return error;
}

static void set_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value,
                     sizeof value); /* a convenience: no reason to fail */
}

int iocp_socket_create(struct iocp_port *port, int family, uintptr_t key,
                       struct iocp_socket **socket_made)
{
    int fd, error;

    if (family != AF_INET && family != AF_INET6)
        return -EAFNOSUPPORT;
    fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -errno;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);

    error = socket_wrap(port, fd, key, SOCKET_FRESH, 0, socket_made);
    if (error < 0)
        close(fd);
    return error;
}

static int set_descriptor_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    return 0;
}

/* A connection that the peer has reset has no peer's name any more; its error tells it from a
 * socket that was never connected. Reading the error clears it, so it is kept. */
static int descriptor_state(int fd, enum socket_state *state, int *error)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int listening = 0;
    socklen_t size = sizeof listening;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
        return -errno;
    size = sizeof *error;
    *state = listening ? SOCKET_LISTENING : SOCKET_CONNECTED;
    if (listening || getpeername(fd, (struct sockaddr *)&peer, &length) == 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &size) < 0)
        return -errno;
    if (*error == 0)
        *state = SOCKET_FRESH;
    return 0;
}

int iocp_socket_adopt(struct iocp_port *port, int descriptor, uintptr_t key,
                      struct iocp_socket **socket)
{
    enum socket_state state = SOCKET_FRESH;
    int broken = 0;
    int error = descriptor_state(descriptor, &state, &broken);

    if (error == 0)
        error = set_descriptor_flags(descriptor);
    if (error < 0)
        return error;
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    return socket_wrap(port, descriptor, key, state, -broken, socket);
}

int iocp_socket_adopt_accepted(struct iocp_port *port, int descriptor, uintptr_t key,
                               struct iocp_socket **socket)
{
    return socket_wrap(port, descriptor, key, SOCKET_CONNECTED, 0, socket);
}

int iocp_socket_bind(struct iocp_socket *socket, const struct sockaddr *address, socklen_t length)
{
    int error = -EBADF;

    lock_acquire(&socket->lock);
    if (socket->fd >= 0) {
        set_option(socket->fd, SOL_SOCKET, SO_REUSEADDR, 1);
        error = bind(socket->fd, address, length) < 0 ? -errno : 0;
    }
    lock_release(&socket->lock);
    return error;
}

int iocp_socket_listen(struct iocp_socket *socket, int backlog)
{
    int error = -EBADF;

    lock_acquire(&socket->lock);
    if (socket->fd >= 0) {
        error = listen(socket->fd, backlog) < 0 ? -errno : 0;
        if (error == 0)
            socket->listening = true;
    }
    lock_release(&socket->lock);
    return error;
}

typedef int name_call(int fd, struct sockaddr *address, socklen_t *length);

static int read_address(struct iocp_socket *socket, name_call *call,
                        struct sockaddr_storage *address)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    int result = -EBADF;

    lock_acquire(&socket->lock);
    if (socket->fd >= 0)
        result = call(socket->fd, (struct sockaddr *)&name, &length) < 0 ? -errno : (int)length;
    lock_release(&socket->lock);
    if (result > 0)
        *address = name;
    return result;
}

int iocp_socket_local_address(struct iocp_socket *socket, struct sockaddr_storage *address)
{
    return read_address(socket, getsockname, address);
}

int iocp_socket_remote_address(struct iocp_socket *socket, struct sockaddr_storage *address)
{
    return read_address(socket, getpeername, address);
}

void iocp_socket_skip_on_success(struct iocp_socket *socket)
{
    lock_acquire(&socket->lock);
    socket->skip_on_success = true;
    lock_release(&socket->lock);
}

/* The peer is to see the end behind the last byte that is to be sent. */
static int shut_sends(struct iocp_socket *socket)
{
    if (socket->out.waiting.first == NULL && shutdown(socket->fd, SHUT_WR) < 0)
        return -errno;
    socket->sends_shut = true;
    return 0;
}

int iocp_socket_shutdown(struct iocp_socket *socket, int how)
{
    int error = 0;

    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;

    lock_acquire(&socket->lock);
    if (socket->fd < 0)
        error = -EBADF;
    else if (!socket->connected || socket->connecting)
        error = -ENOTCONN;
    if (error == 0 && how != SHUT_RD)
        error = shut_sends(socket);
    /* Not the kernel's own: that would end the receives in flight. */
    if (error == 0 && how != SHUT_WR)
        socket->receives_shut = true;
    lock_release(&socket->lock);
    return error;
}
