/* port_sockets.c - the open sockets of a port, and what is asked of all of them. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "port.h"

static void link_before(struct member *member, struct member *next)
{
    member->next = next;
    member->previous = next->previous;
    next->previous->next = member;
    next->previous = member;
}

static void unlink_member(struct member *member)
{
    member->previous->next = member->next;
    member->next->previous = member->previous;
}

/* The one with the fewest sockets. */
static struct lane *choose_lane(const struct iocp_port *port)
{
    struct lane *chosen = port->lanes[0];

    for (unsigned i = 1; i < port->lane_count; i++) {
        if (port->lanes[i]->sockets < chosen->sockets)
            chosen = port->lanes[i];
    }
    return chosen;
}

int port_admit(struct iocp_port *port, struct iocp_socket *socket)
{
    struct lane *lane;
    int error;

    lock_acquire(&port->lock);
    lane = choose_lane(port);
    error = port->closed ? -ESHUTDOWN : timers_reserve(&lane->timers);
    if (error == 0) {
        lane->sockets++;
        socket->lane = lane;
        socket->member.socket = socket;
        link_before(&socket->member, &port->sockets);
        port->users++;
    }
    port_unlock(port);
    return error;
}

void port_dismiss(struct iocp_port *port, struct iocp_socket *socket)
{
    lock_acquire(&port->lock);
    unlink_member(&socket->member);
    socket->lane->sockets--;
    port_unlock(port);
    timers_leave(&socket->lane->timers, socket);
}

bool port_is_open(struct iocp_port *port)
{
    /* relaxed: asked under the socket's lock, which the close takes after it has set this, so it
     * finds and cancels what was begun too late. */
    return !atomic_load_explicit(&port->closed, memory_order_relaxed);
}

void port_expect(struct iocp_port *port, struct iocp_socket *socket, struct iocp_op *op)
{
    lock_acquire(&port->lock);
    socket->accepting = op;
    unlink_member(&socket->member);
    link_before(&socket->member, op->socket->member.next);
    port_unlock(port);
}

void port_expect_no_more(struct iocp_port *port, struct iocp_socket *socket)
{
    lock_acquire(&port->lock);
    socket->accepting = NULL;
    unlink_member(&socket->member);
    link_before(&socket->member, &port->sockets);
    port_unlock(port);
}

struct iocp_socket *port_find_expecting(struct iocp_port *port, const struct iocp_socket *listener,
                                        const struct iocp_op *op)
{
    struct iocp_socket *found = NULL;

    lock_acquire(&port->lock);
    for (const struct member *at = listener->member.next; at != &port->sockets; at = at->next) {
        if (at->socket == NULL) /* a walk's mark */
            continue;
        if (at->socket->accepting == NULL) /* the next one that is not the listener's */
            break;
        if (op == NULL || at->socket->accepting == op) {
            found = at->socket;
            socket_hold(found);
            break;
        }
    }
    port_unlock(port);
    return found;
}

/* The next socket behind the mark, with a hold on it, and the mark moved past it; NULL: none. */
static struct iocp_socket *advance(struct iocp_port *port, struct member *mark)
{
    struct iocp_socket *socket = NULL;
    struct member *next;

    lock_acquire(&port->lock);
    next = mark->next;
    while (next != &port->sockets && next->socket == NULL) /* another walk's mark */
        next = next->next;
    unlink_member(mark);
    if (next != &port->sockets) {
        socket = next->socket;
        socket_hold(socket);
        link_before(mark, next->next);
    }
    port_unlock(port);
    return socket;
}

static void cancel_everywhere(struct iocp_port *port, enum cancel_reach reach)
{
    struct member mark = {0};
    struct iocp_socket *socket;

    lock_acquire(&port->lock);
    link_before(&mark, port->sockets.next);
    port_unlock(port);

    while ((socket = advance(port, &mark)) != NULL) {
        socket_cancel_all(socket, reach);
        socket_drop(socket);
    }
}

void iocp_port_cancel_all(struct iocp_port *port)
{
    cancel_everywhere(port, CANCEL_ALL);
}

void iocp_port_cancel_receives(struct iocp_port *port)
{
    cancel_everywhere(port, CANCEL_RECEIVES);
}
