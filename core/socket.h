/* socket.h - what a socket is inside core. */
/* SPDX-License-Identifier: MIT */
/*
 * Locking    A socket's lock is taken before all others of core: its port's, its lane's with
 *            those of the timers and the engine, an event's, that of the list of enders. A
 *            listener's may be held while that of a socket is taken which it has accepted and
 *            nobody has yet (first_data.h); of no other two sockets are both held.
 * Ownership  Counted holds: the caller's, and one of each part of an engine that may still
 *            come upon the pointer. The hold on the port ends with the close.
 */
#ifndef CORE_SOCKET_H
#define CORE_SOCKET_H

#include <stdatomic.h>

#include <iocp/socket.h>

#include "channel.h"
#include "lock.h"

/* A place in the list of a port's open sockets; guarded by the port's lock. */
struct member {
    struct member *next;
    struct member *previous;
    struct iocp_socket *socket; /* NULL: a mark that a walk over the list has set */
};

/* Bytes that were received and that no operation has taken: buffers of the io_uring engine. */
struct unread {
    uint16_t first; /* buffer; each knows the next one */
    uint16_t last;
    uint16_t start;   /* in the first one */
    uint16_t buffers; /* 0: there are none */
};

/* Small, as every connection is one. */
struct iocp_socket {
    struct lock lock;
    atomic_uint holds;
    struct lane *lane; /* constant, with its port; used until closed */
    uintptr_t key;     /* constant from when the caller has the socket */
    struct channel in;
    struct channel out;
    struct member member;
    struct iocp_op *accepting; /* awaits its first data; first_data.h */
    int64_t armed_ns;          /* when the port's timers look at it next; guarded by lock */
    uint32_t timer_place;      /* guarded by the timers' lock */
    int fd;                    /* guarded by lock, as all below; -1 once closed */
    int leaving_fd;            /* closed, while a send on it is being carried out; else -1 */
    int16_t error;             /* what ended the connection: every later operation's result */
    bool input_taken : 1;      /* a receive has come upon that error: nothing is left */
    bool listening : 1;
    bool connecting : 1; /* a connect is in flight; connected as well: its first data are going */
    bool connected : 1;
    bool skip_on_success : 1;
    bool receives_shut : 1; /* by iocp_socket_shutdown */
    bool sends_shut : 1;
    bool sends_broken : 1;     /* a send was cut short */
    bool end_spoilt : 1;       /* the last send before the end failed: the peer sees none */
    bool registered : 1;       /* the epoll engine's: in the set */
    bool short_is_not_all : 1; /* a short receive does not mean that nothing is left */
    bool bulky : 1;            /* a receive call brought BULK bytes: the next may bring as many */
    bool ended : 1;            /* the io_uring engine's: behind what is unread the stream ends */
    bool recalled : 1;         /* the io_uring engine's: the armed receive is being cancelled */
    bool unsure : 1;           /* the io_uring engine's: a reset may have come behind the bytes */
    struct unread unread;
};

void socket_hold(struct iocp_socket *socket);
void socket_drop(struct iocp_socket *socket);

/* See to it that the timers look at the socket at `deadline_ns`. Called under its lock. */
void socket_arm(struct iocp_socket *socket, int64_t deadline_ns);

/* Complete what is past its deadline at `now_ns`, and see to the next deadline. */
void socket_expire(struct iocp_socket *socket, int64_t now_ns);

/* The send that was being carried out when the socket was closed has come back: let the descriptor
 * go too. Under the socket's lock. */
void socket_leave(struct iocp_socket *socket, bool cut_short);

enum socket_state {
    SOCKET_FRESH, /* neither of these */
    SOCKET_CONNECTED,
    SOCKET_LISTENING,
};

/* Make the object around a descriptor, which stays the caller's on failure. `broken` is the
 * error which has ended the connection already, or 0. */
int socket_wrap(struct iocp_port *port, int fd, uintptr_t key, enum socket_state state, int broken,
                struct iocp_socket **socket);

enum cancel_reach {
    CANCEL_ALL,
    CANCEL_RECEIVES, /* and accepts */
};

/* iocp_socket_cancel of all, or of all in one direction. */
int socket_cancel_all(struct iocp_socket *socket, enum cancel_reach reach);

#endif
