/* calls.c - the calls that can fail, and what each can fail with. */
/* SPDX-License-Identifier: MIT */
/*
 * Only errors that Linux gives for the calls as the product makes them: an error that cannot come
 * proves nothing, and some that cannot come would rightly stop everything.
 */
#include "calls.h"

#include <errno.h>

enum { ERRORS_MAX = 8 };

static const struct {
    const char *name;
    int errors[ERRORS_MAX];
} table[CALLS] = {
    [CALL_MALLOC] = {"malloc", {ENOMEM}},
    [CALL_CALLOC] = {"calloc", {ENOMEM}},
    [CALL_REALLOC] = {"realloc", {ENOMEM}},
    [CALL_REALLOCARRAY] = {"reallocarray", {ENOMEM}},
    [CALL_ALIGNED_ALLOC] = {"aligned_alloc", {ENOMEM}},
    [CALL_MMAP] = {"mmap", {ENOMEM}},
    [CALL_SOCKET] = {"socket", {EMFILE, ENFILE, ENOBUFS, ENOMEM, EAFNOSUPPORT}},
    [CALL_BIND] = {"bind", {EADDRINUSE, EADDRNOTAVAIL, EACCES}},
    [CALL_LISTEN] = {"listen", {EADDRINUSE}},
    [CALL_ACCEPT] = {"accept4",
                     {EAGAIN, EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM}},
    [CALL_CONNECT] = {"connect", {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, EAGAIN}},
    [CALL_GETSOCKNAME] = {"getsockname", {ENOBUFS}},
    [CALL_GETPEERNAME] = {"getpeername", {ENOBUFS}},
    [CALL_GETSOCKOPT] = {"getsockopt", {ENOBUFS}},
    [CALL_SETSOCKOPT] = {"setsockopt", {ENOBUFS, ENOMEM}},
    [CALL_RECEIVE] = {"recv", {EAGAIN, EINTR, ECONNRESET, ETIMEDOUT, ENOMEM}},
    [CALL_SEND] = {"send", {EAGAIN, EINTR, EPIPE, ECONNRESET, ETIMEDOUT, ENOBUFS, ENOMEM}},
    [CALL_EPOLL_CREATE] = {"epoll_create1", {EMFILE, ENFILE, ENOMEM, EPERM}},
    [CALL_EPOLL_ADD] = {"epoll_ctl", {ENOMEM, ENOSPC}},
    [CALL_EPOLL_WAIT] = {"epoll_wait", {EINTR}},
    [CALL_EVENTFD] = {"eventfd", {EMFILE, ENFILE, ENOMEM}},
    [CALL_EVENTFD_READ] = {"eventfd_read", {EAGAIN}},
    [CALL_EVENTFD_WRITE] = {"eventfd_write", {EAGAIN}},
    [CALL_POLL] = {"poll", {EINTR, ENOMEM}},
    [CALL_FUTEX_WAIT] = {"futex", {EINTR, EAGAIN}},
    [CALL_PTHREAD_CREATE] = {"pthread_create", {EAGAIN}},
    [CALL_OPEN] = {"open", {EMFILE, ENFILE, ENOENT, EACCES}},
    [CALL_READ] = {"read", {EINTR, ESRCH}},
    [CALL_WRITE] = {"write", {EPIPE, EAGAIN, EINTR, ENOSPC}},
    [CALL_SCHED_GETAFFINITY] = {"sched_getaffinity", {EINVAL}},
    [CALL_URING_INIT] = {"io_uring_setup", {EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS, EINVAL}},
    [CALL_URING_PROBE] = {"io_uring_register(probe)", {ENOMEM}},
    [CALL_URING_BUFFERS] = {"io_uring_register(buffers)", {ENOMEM, EINVAL}},
    [CALL_URING_CANCEL] = {"io_uring_register(cancel)", {EINTR}},
    [CALL_URING_SUBMIT] = {"io_uring_enter(submit)", {EAGAIN, EBUSY}},
    [CALL_URING_WAIT] = {"io_uring_enter(wait)", {EINTR}},
    [CALL_URING_RECEIVE] = {"RECV",
                            {EAGAIN, EINTR, ENOBUFS, ECANCELED, ECONNRESET, ETIMEDOUT, ENOMEM}},
    [CALL_URING_SEND] = {"SEND", {EAGAIN, EINTR, ECANCELED, EPIPE, ECONNRESET, ENOBUFS, ENOMEM}},
    [CALL_URING_POLL] = {"POLL_ADD", {ECANCELED, ENOMEM}},
    [CALL_URING_READ] = {"READ", {EINTR, ECANCELED}},
};

const char *call_name(enum call call)
{
    return table[call].name;
}

bool call_is_of_uring(enum call call)
{
    return call >= CALL_URING_INIT;
}

unsigned call_error_count(enum call call)
{
    unsigned count = 1;

    while (count < ERRORS_MAX && table[call].errors[count] != 0)
        count++;
    return count;
}

int call_error(enum call call, unsigned place)
{
    return table[call].errors[place % call_error_count(call)];
}

bool call_error_is_harmless(enum call call, int error)
{
    switch (error) {
    case EAGAIN:
        return call != CALL_PTHREAD_CREATE;
    case EINTR:
    case ECANCELED:
    case EBUSY:
        return true;
    case ENOBUFS:
        return call == CALL_URING_RECEIVE || call == CALL_ACCEPT;
    default:
        return call == CALL_ACCEPT || call == CALL_POLL || call == CALL_OPEN || call == CALL_READ ||
               call == CALL_WRITE || call == CALL_SCHED_GETAFFINITY || call == CALL_URING_POLL;
    }
}
