/* port.h - what a port is inside core. */
/* SPDX-License-Identifier: MIT */
/*
 * Files      port.c          the queue and the threads that wait at it
 *            port_seat.c     what a waiter does that sits in the engine
 *            port_life.c     create, close, free; which thread counts on which port
 *            port_sockets.c  the open sockets of a port
 * Locking    The port's lock guards its queue, its waiters and the list of its open sockets.
 *            It may be taken while a socket's lock is held; never the other way round.
 * Ownership  Users (the caller's handle, open sockets, threads inside a wait) keep the engine
 *            working; when the last one goes it is stopped. They together are one hold on the
 *            memory, each thread that counts as running on the port is another.
 */
#ifndef CORE_PORT_H
#define CORE_PORT_H

#include <iocp/port.h>

#include "lane.h"
#include "lock.h"
#include "socket.h"

/* A thread inside a wait, on its own stack. Guarded by the port's lock. */
struct waiter {
    struct waiter *older;
    bool sits;              /* in the engine; else it sleeps on `wake` */
    struct seat *seat;      /* its own, in a shared engine */
    struct iocp_op *handed; /* a completion for it */
    pthread_cond_t wake;
    bool woken;   /* out of the list; has to look around */
    bool offered; /* it was woken for the seat */
};

struct iocp_port {
    struct lock lock;
    struct op_list queue; /* completions nobody has taken; guarded by lock, as all below */
    size_t queued;
    struct waiter *newest; /* of the threads that wait */
    unsigned waiting;
    unsigned seated;      /* waiters inside the engine's wait */
    unsigned unwatched;   /* takes since somebody last waited in the engine */
    unsigned running;     /* threads between two waits */
    unsigned concurrency; /* constant */
    bool helped;          /* a thread sits only to see an operation settled, ... */
    struct seat *helper;  /* ... in this seat */
    bool seat_offered;    /* a waiter was woken to sit down in the engine */
    atomic_bool closed;   /* written under the lock; the begins read it without */
    size_t users;
    size_t holds;
    struct member sockets; /* the open ones, in a ring */
    struct lane *lane;     /* constant while there are users */
};

/* port.c */

/* Publish the results of operations and queue those that have a callback. */
void port_complete(struct iocp_port *port, struct op_list *done);

/* Publish the results in `done`; those with a callback are left in `published`. */
void port_publish(struct op_list *done, struct op_list *published);

/* Put a published operation into the queue; without the queue, if the port is closed. */
void port_join_queue(struct iocp_port *port, struct iocp_op *op) REQUIRES(port->lock);

/* An operation leaves the queue: the caller has it back. (A packet is freed.) */
void port_hand_back(struct iocp_op *op);

/* While the rules allow it: oldest completion to newest waiter; somebody into the engine. */
void port_let_go(struct iocp_port *port) REQUIRES(port->lock);

/* Wake every waiter; nothing is handed over. */
void port_wake_all(struct iocp_port *port) REQUIRES(port->lock);

/* port_seat.c */

/* A deadline has become the earliest: whoever watches the timers has to look again. */
void port_deadline_nearer(struct lane *lane);

/* Take the engine's wait, or a seat in it. False: there is none. */
bool port_sit_down(struct iocp_port *port, struct seat **seat) REQUIRES(port->lock);

/* Sit until something joins the queue, until woken, or until the deadline; then rise. */
void port_sit_until_woken(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
    REQUIRES(port->lock);

/* The calling thread is about to sleep until `op` is settled. If it belongs to a port in whose
 * engine nobody sits, it sits there meanwhile: perhaps all others are in the same position, and
 * nobody would carry the operation out. False: it did not sit, and may sleep. */
bool port_help(const struct iocp_op *op, int64_t deadline_ns);

/* Operations were settled: the one that a helper waits for may be among them. */
void port_wake_helper(struct iocp_port *port) REQUIRES(port->lock);

/* If nobody has looked into the engine for long, look; lets go of the lock meanwhile. */
void port_glance(struct iocp_port *port) REQUIRES(port->lock);

/* port_life.c */

/* The calling thread comes to wait: it counts as running neither here nor anywhere else. */
void port_arrive(struct iocp_port *port) ACQUIRE(port->lock);

/* It goes, and counts as running here. */
void port_depart(struct iocp_port *port) RELEASE(port->lock);

/* The port on which the calling thread counts as running, or NULL. */
struct iocp_port *port_of_thread(void);

/* One user less. */
void port_release(struct iocp_port *port);

/* port_sockets.c */

/* Enter an open socket, which then uses the port. 0, -ESHUTDOWN, -ENOMEM. */
int port_admit(struct iocp_port *port, struct iocp_socket *socket);

/* Take a closed socket out. It still uses the port until port_release. */
void port_dismiss(struct iocp_port *port, struct iocp_socket *socket);

/* A new connection awaits its first data for the accept `op`: it stands behind the listener, with
 * none but its like in between. Called under its lock, as is the next one. */
void port_expect(struct iocp_port *port, struct iocp_socket *socket, struct iocp_op *op);

/* That is over: it is a socket like any other. */
void port_expect_no_more(struct iocp_port *port, struct iocp_socket *socket);

/* The connection that awaits first data for this accept of the listener, or for any if `op` is
 * NULL, with a hold on it; NULL: none. */
struct iocp_socket *port_find_expecting(struct iocp_port *port, const struct iocp_socket *listener,
                                        const struct iocp_op *op);

/* Has the port not been closed? */
bool port_is_open(struct iocp_port *port);

#endif
