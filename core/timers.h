/* timers.h - when to look at which socket: a heap of deadlines. */
/* SPDX-License-Identifier: MIT */
/*
 * A socket stands in it at most once, with a time not later than the earliest deadline among
 * its operations. It is not taken out when an operation completes: when its time comes it is
 * looked at, and put back with its next deadline. So an operation with a deadline costs a
 * comparison as long as deadlines do not come nearer.
 *
 * Locking    One lock of its own, taken last.
 * Ownership  A socket is taken out before it is freed.
 */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock.h"

struct iocp_socket;

struct timer {
    int64_t time_ns;
    struct iocp_socket *socket;
};

struct timers {
    struct lock lock;
    struct timer *heap; /* guarded by lock; its places count from 1 */
    size_t count;       /* guarded by lock */
    size_t capacity;    /* guarded by lock */
    size_t reserved;    /* guarded by lock; sockets that may come to stand in it */
};

void timers_init(struct timers *timers);
void timers_destroy(struct timers *timers);

/* Make sure that one more socket has a place. 0 or -ENOMEM. */
int timers_reserve(struct timers *timers);

/* Take the socket out if it is in, and give its place up. */
void timers_leave(struct timers *timers, struct iocp_socket *socket);

/* Look at the socket at `time_ns` or earlier. True: that is now the earliest time of all. */
bool timers_arm(struct timers *timers, struct iocp_socket *socket, int64_t time_ns);

/* The earliest time, DEADLINE_NONE without any. */
int64_t timers_next(struct timers *timers);

/* Take out a socket whose time has come, with a hold on it for the caller; NULL: none. */
struct iocp_socket *timers_take(struct timers *timers, int64_t now_ns);

#endif
