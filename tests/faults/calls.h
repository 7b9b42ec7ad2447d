/* calls.h - the calls that can fail, and what each can fail with. */
/* SPDX-License-Identifier: MIT */
#ifndef FAULTS_CALLS_H
#define FAULTS_CALLS_H

#include <stdbool.h>

enum call {
    CALL_MALLOC,
    CALL_CALLOC,
    CALL_REALLOC,
    CALL_REALLOCARRAY,
    CALL_ALIGNED_ALLOC,
    CALL_MMAP,
    CALL_SOCKET,
    CALL_BIND,
    CALL_LISTEN,
    CALL_ACCEPT,
    CALL_CONNECT,
    CALL_GETSOCKNAME,
    CALL_GETPEERNAME,
    CALL_GETSOCKOPT,
    CALL_SETSOCKOPT,
    CALL_RECEIVE,
    CALL_SEND,
    CALL_EPOLL_CREATE,
    CALL_EPOLL_ADD,
    CALL_EPOLL_WAIT,
    CALL_EVENTFD,
    CALL_EVENTFD_READ,
    CALL_EVENTFD_WRITE,
    CALL_POLL,
    CALL_FUTEX_WAIT,
    CALL_PTHREAD_CREATE,
    CALL_OPEN,
    CALL_READ,
    CALL_WRITE,
    CALL_SCHED_GETAFFINITY,
    CALL_URING_INIT, /* from here on those of io_uring */
    CALL_URING_PROBE,
    CALL_URING_BUFFERS,
    CALL_URING_CANCEL,
    CALL_URING_SUBMIT,
    CALL_URING_WAIT,
    CALL_URING_RECEIVE,
    CALL_URING_SEND,
    CALL_URING_POLL,
    CALL_URING_READ,
    CALLS,
};

const char *call_name(enum call call);

/* Is it one that only the engine io_uring makes? */
bool call_is_of_uring(enum call call);

/* The error of that place in the call's list, which goes around. */
int call_error(enum call call, unsigned place);

/* How many errors the list holds, at least one. */
unsigned call_error_count(enum call call);

/* Is nobody to notice it: what failed is tried again, or was a convenience? */
bool call_error_is_harmless(enum call call, int error);

#endif
