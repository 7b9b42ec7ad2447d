/* port_help.c - a thread that waits in an end carries operations out meanwhile. */
/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "port.h"

static void join(struct iocp_port *port, struct waiter *ender) REQUIRES(port->lock);
static void leave(struct iocp_port *port, struct waiter *ender) REQUIRES(port->lock);
static void sit_or_sleep(struct iocp_port *port, struct waiter *ender, int64_t deadline_ns)
    REQUIRES(port->lock);

static void join(struct iocp_port *port, struct waiter *ender)
{
    ender->older = port->enders;
    port->enders = ender;
    /* Sequentially consistent: either who settles an operation after this sees it, or the look
     * at the operation which follows sees it settled. */
    atomic_fetch_add(&port->ender_count, 1);
}

static void leave(struct iocp_port *port, struct waiter *ender)
{
    struct waiter **link = &port->enders;

    while (*link != ender)
        link = &(*link)->older;
    *link = ender->older;
    atomic_fetch_sub(&port->ender_count, 1);
}

static void sit_or_sleep(struct iocp_port *port, struct waiter *ender, int64_t deadline_ns)
{
    bool sits = seats_take(port, ender);
    int64_t limit_ns = watch_limit(port, ender, deadline_ns);

    if (sits)
        seats_wait(port, ender, limit_ns);
    else
        port_sleep(port, ender, limit_ns);
    watch_look(port, ender);
    port_queue(port, &ender->found);
    port_let_go(port); /* what is done there is for others to take */
}

bool port_help(const struct iocp_op *op, int64_t deadline_ns)
{
    struct runner *runner = runner_of_thread();
    struct iocp_port *port = runner->port;
    struct waiter self = {.runner = runner, .awaits = op, .look_ns = DEADLINE_NONE};

    if (port == NULL || op->port != port)
        return false;
    lock_acquire(&port->lock);
    if (port->stopped) {
        port_unlock(port);
        return false;
    }
    port->users++;
    join(port, &self);
    while (!op_is_settled(op) && clock_now_ns() < deadline_ns)
        sit_or_sleep(port, &self, deadline_ns);
    leave(port, &self);
    watch_leave(port, &self);
    seats_leave(port, &self, false);
    port_let_go(port);
    port_drop_user(port);
    return true;
}

void port_wake_enders(struct iocp_port *port)
{
    if (atomic_load(&port->ender_count) == 0)
        return;
    lock_acquire(&port->lock);
    for (struct waiter *ender = port->enders; ender != NULL; ender = ender->older) {
        if (op_is_settled(ender->awaits))
            seats_wake(ender);
    }
    port_unlock(port);
}

void port_call_ender(struct iocp_port *port)
{
    struct waiter *ender = port->enders;

    while (ender != NULL && ender->lanes != NULL)
        ender = ender->older;
    if (ender != NULL)
        seats_wake(ender);
}
