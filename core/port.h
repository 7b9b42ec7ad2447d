/* port.h - what a port is inside core. */
/* SPDX-License-Identifier: MIT */
/*
 * Files      port.c        the queue and the threads that wait at it
 *            port_life.c   create, close, free; which thread counts on which port
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

#include "engine.h"
#include "lock.h"
#include "socket.h"
#include "timers.h"

struct waiter;

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
    bool seat_offered;    /* a waiter was woken to sit down in the engine */
    atomic_bool closed;   /* written under the lock; the begins read it without */
    size_t users;
    size_t holds;
    struct member sockets; /* the open ones, in a ring */
    struct engine *engine; /* constant while there are users */
    struct timers timers;  /* has its own lock */
};

/* port.c */

/* Publish the results of operations and queue those that have a callback. */
void port_complete(struct iocp_port *port, struct op_list *done);

/* An operation leaves the port: the caller has it back. (A packet is freed.) */
void port_hand_back(struct iocp_op *op);

/* A deadline has become the earliest: whoever watches the timers has to look again. */
void port_deadline_nearer(struct iocp_port *port);

/* While the rules allow it: oldest completion to newest waiter; somebody into the engine. */
void port_let_go(struct iocp_port *port) REQUIRES(port->lock);

/* Wake every waiter; nothing is handed over. */
void port_wake_all(struct iocp_port *port) REQUIRES(port->lock);

/* port_life.c */

/* The calling thread comes to wait: it counts as running neither here nor anywhere else. */
void port_arrive(struct iocp_port *port) ACQUIRE(port->lock);

/* It goes, and counts as running here. */
void port_depart(struct iocp_port *port) RELEASE(port->lock);

/* One user less. */
void port_release(struct iocp_port *port);

/* port_sockets.c */

/* Enter an open socket, which then uses the port. 0, -ESHUTDOWN, -ENOMEM. */
int port_admit(struct iocp_port *port, struct iocp_socket *socket);

/* Take a closed socket out. It still uses the port until port_release. */
void port_dismiss(struct iocp_port *port, struct iocp_socket *socket);

/* Has the port not been closed? */
bool port_is_open(struct iocp_port *port);

#endif
