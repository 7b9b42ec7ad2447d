/* port_seat.c - what a waiter does that sits in the engine: watch sockets and deadlines. */
/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "port.h"

/* Takes from the queue during which nobody sat in the engine, before somebody looks there. */
enum { TAKES_PER_GLANCE = 32 };

static bool sit(struct iocp_port *port, struct seat *seat, int64_t deadline_ns)
    REQUIRES(port->lock);
static void sit_as_helper(struct iocp_port *port, struct seat *seat, const struct iocp_op *op,
                          int64_t deadline_ns) REQUIRES(port->lock);

bool port_sit_down(struct iocp_port *port, struct seat **seat)
{
    struct lane *lane = port->lane;

    if (lane->engine->ops->shared)
        return (*seat = lane->engine->ops->sit(lane->engine)) != NULL;
    if (lane->taken)
        return false;
    lane->taken = true;
    atomic_store(&lane->engine->attended, true);
    return true;
}

static void rise(struct iocp_port *port, struct seat *seat) REQUIRES(port->lock);

static void rise(struct iocp_port *port, struct seat *seat)
{
    struct lane *lane = port->lane;

    if (lane->engine->ops->shared) {
        lane->engine->ops->rise(lane->engine, seat);
    } else {
        lane->taken = false;
        atomic_store(&lane->engine->attended, false);
    }
}

void port_deadline_nearer(struct lane *lane)
{
    struct iocp_port *port = lane->port;

    lock_acquire(&port->lock);
    for (struct waiter *waiter = port->newest; waiter != NULL; waiter = waiter->older) {
        if (waiter->sits)
            lane->engine->ops->wake(lane->engine, waiter->seat);
    }
    port_wake_helper(port);
    lock_release(&port->lock);
}

/* Complete what is past its deadline. */
static void expire(struct iocp_port *port)
{
    int64_t now_ns = clock_now_ns();
    struct iocp_socket *socket;

    while ((socket = timers_take(&port->lane->timers, now_ns)) != NULL) {
        socket_expire(socket, now_ns);
        socket_drop(socket);
    }
}

/* One wait in the engine. What is done there joins the queue; false: nothing was. It is not
 * handed to other waiters: the calling thread is awake and takes the first one itself. */
static bool sit(struct iocp_port *port, struct seat *seat, int64_t deadline_ns)
{
    struct engine *engine = port->lane->engine;
    struct op_list done = {0};
    struct op_list published = {0};
    int64_t timer_ns;
    bool found;

    port->seated++;
    lock_release(&port->lock);
    timer_ns = timers_next(&port->lane->timers);
    engine->ops->wait(engine, seat, timer_ns < deadline_ns ? timer_ns : deadline_ns, &done);
    if (timer_ns != DEADLINE_NONE)
        expire(port);
    port_publish(&done, &published);
    lock_acquire(&port->lock);
    port->seated--;
    port->unwatched = 0;

    found = published.first != NULL;
    for (struct iocp_op *op; (op = op_list_take(&published)) != NULL;)
        port_join_queue(port, op);
    if (!port->helped || seat != port->helper)
        port_wake_helper(port);
    return found;
}

void port_sit_until_woken(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
{
    while (!sit(port, waiter->seat, deadline_ns) && !waiter->woken && clock_now_ns() < deadline_ns)
        continue;
    rise(port, waiter->seat);
}

/* A queue that is never empty must not keep everybody from the sockets and the deadlines. */
void port_glance(struct iocp_port *port)
{
    struct seat *seat = NULL;

    if (port->unwatched < TAKES_PER_GLANCE || port->seated > 0 || !port_sit_down(port, &seat))
        return;
    port->running++; /* its slot is not free for others: it takes what is next in the queue */
    sit(port, seat, 0);
    port->running--;
    rise(port, seat);
}

void port_wake_helper(struct iocp_port *port)
{
    if (port->helped)
        port->lane->engine->ops->wake(port->lane->engine, port->helper);
}

static void sit_as_helper(struct iocp_port *port, struct seat *seat, const struct iocp_op *op,
                          int64_t deadline_ns)
{
    port->helped = true;
    port->helper = seat;
    /* Settled after this look, it is followed by a wake. */
    while (!op_is_settled(op) && !port->closed && clock_now_ns() < deadline_ns) {
        sit(port, seat, deadline_ns);
        port_let_go(port); /* what is done there is for others to take */
    }
    port->helped = false;
    rise(port, seat);
    port_let_go(port);
}

bool port_help(const struct iocp_op *op, int64_t deadline_ns)
{
    struct iocp_port *port = port_of_thread();
    struct seat *seat = NULL;

    if (port == NULL)
        return false;
    lock_acquire(&port->lock);
    if (port->lane != NULL && !port->closed && port->seated == 0 && port_sit_down(port, &seat)) {
        port->users++;
        sit_as_helper(port, seat, op, deadline_ns);
        port_depart(port);
        return true;
    }
    lock_release(&port->lock);
    return false;
}
