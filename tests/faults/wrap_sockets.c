/* wrap_sockets.c - calls of sockets. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "nudge.h"
#include "shim.h"
#include "visits.h"

/* In a dribble one call in so many is in vain. */
enum { VAIN_ODDS = 4 };

int REAL(socket)(int domain, int type, int protocol);
int REAL(bind)(int fd, const struct sockaddr *address, socklen_t length);
int REAL(listen)(int fd, int backlog);
int REAL(accept4)(int fd, struct sockaddr *address, socklen_t *length, int flags);
int REAL(connect)(int fd, const struct sockaddr *address, socklen_t length);
int REAL(getsockname)(int fd, struct sockaddr *address, socklen_t *length);
int REAL(getpeername)(int fd, struct sockaddr *address, socklen_t *length);
int REAL(getsockopt)(int fd, int level, int option, void *value, socklen_t *length);
int REAL(setsockopt)(int fd, int level, int option, const void *value, socklen_t length);
ssize_t REAL(recv)(int fd, void *bytes, size_t size, int flags);
ssize_t REAL(recvmsg)(int fd, struct msghdr *message, int flags);
ssize_t REAL(send)(int fd, const void *bytes, size_t size, int flags);
ssize_t REAL(sendmsg)(int fd, const struct msghdr *message, int flags);
int WRAP(socket)(int domain, int type, int protocol);
int WRAP(bind)(int fd, const struct sockaddr *address, socklen_t length);
int WRAP(listen)(int fd, int backlog);
int WRAP(accept4)(int fd, struct sockaddr *address, socklen_t *length, int flags);
int WRAP(connect)(int fd, const struct sockaddr *address, socklen_t length);
int WRAP(getsockname)(int fd, struct sockaddr *address, socklen_t *length);
int WRAP(getpeername)(int fd, struct sockaddr *address, socklen_t *length);
int WRAP(getsockopt)(int fd, int level, int option, void *value, socklen_t *length);
int WRAP(setsockopt)(int fd, int level, int option, const void *value, socklen_t length);
ssize_t WRAP(recv)(int fd, void *bytes, size_t size, int flags);
ssize_t WRAP(recvmsg)(int fd, struct msghdr *message, int flags);
ssize_t WRAP(send)(int fd, const void *bytes, size_t size, int flags);
ssize_t WRAP(sendmsg)(int fd, const struct msghdr *message, int flags);

int WRAP(socket)(int domain, int type, int protocol)
{
    return shim_fails(CALL_SOCKET) ? -1 : REAL(socket)(domain, type, protocol);
}

int WRAP(bind)(int fd, const struct sockaddr *address, socklen_t length)
{
    return shim_fails(CALL_BIND) ? -1 : REAL(bind)(fd, address, length);
}

/* The clients of a server learn here where it is. What is accepted there inherits the room. */
static void announce(int fd)
{
    const int room = visits_send_room();
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;

    if (room > 0 && REAL(setsockopt)(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) < 0)
        shim_blame("a listener got no room");
    if (REAL(getsockname)(fd, (struct sockaddr *)&address, &length) == 0)
        visits_invite(address.sin_port);
}

int WRAP(listen)(int fd, int backlog)
{
    int result = shim_fails(CALL_LISTEN) ? -1 : REAL(listen)(fd, backlog);

    if (result == 0)
        announce(fd);
    return result;
}

/* Does the call fail, as planned or in a dribble? The kernel is to tell again what it has. */
static bool is_in_vain(enum call call, int fd)
{
    int error = shim_fails(call);

    if (error == 0 && shim_draws(VAIN_ODDS))
        error = errno = shim_draws(2) ? EINTR : EAGAIN;
    if (error == EAGAIN)
        nudge(fd);
    errno = error;
    return error != 0;
}

int WRAP(accept4)(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    return is_in_vain(CALL_ACCEPT, fd) ? -1 : REAL(accept4)(fd, address, length, flags);
}

int WRAP(connect)(int fd, const struct sockaddr *address, socklen_t length)
{
    return shim_fails(CALL_CONNECT) ? -1 : REAL(connect)(fd, address, length);
}

int WRAP(getsockname)(int fd, struct sockaddr *address, socklen_t *length)
{
    return shim_fails(CALL_GETSOCKNAME) ? -1 : REAL(getsockname)(fd, address, length);
}

int WRAP(getpeername)(int fd, struct sockaddr *address, socklen_t *length)
{
    return shim_fails(CALL_GETPEERNAME) ? -1 : REAL(getpeername)(fd, address, length);
}

int WRAP(getsockopt)(int fd, int level, int option, void *value, socklen_t *length)
{
    return shim_fails(CALL_GETSOCKOPT) ? -1 : REAL(getsockopt)(fd, level, option, value, length);
}

int WRAP(setsockopt)(int fd, int level, int option, const void *value, socklen_t length)
{
    return shim_fails(CALL_SETSOCKOPT) ? -1 : REAL(setsockopt)(fd, level, option, value, length);
}

/* One byte of many: then there may be more of them at once. */
static size_t measure(size_t size, int fd)
{
    if (size <= 1 || !shim_dribbles())
        return size;
    nudge(fd);
    return 1;
}

ssize_t WRAP(recv)(int fd, void *bytes, size_t size, int flags)
{
    return is_in_vain(CALL_RECEIVE, fd) ? -1 : REAL(recv)(fd, bytes, measure(size, fd), flags);
}

ssize_t WRAP(recvmsg)(int fd, struct msghdr *message, int flags)
{
    return is_in_vain(CALL_RECEIVE, fd) ? -1 : REAL(recvmsg)(fd, message, flags);
}

ssize_t WRAP(send)(int fd, const void *bytes, size_t size, int flags)
{
    return is_in_vain(CALL_SEND, fd) ? -1 : REAL(send)(fd, bytes, measure(size, fd), flags);
}

ssize_t WRAP(sendmsg)(int fd, const struct msghdr *message, int flags)
{
    return is_in_vain(CALL_SEND, fd) ? -1 : REAL(sendmsg)(fd, message, flags);
}
