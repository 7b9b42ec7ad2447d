/* port.c - the completion port: a queue of completions, and the threads that wait at it. */
/* SPDX-License-Identifier: MIT */
/*
 * This is a kernel queue object in user space. Its rules:
 *
 *   a completion comes   If fewer threads run than the concurrency value and somebody waits,
 *                        the newest waiter gets it in its hands; else it joins the queue.
 *   a thread waits       It no longer runs. If now fewer run than the concurrency value and
 *                        the queue is not empty, it takes the oldest and runs. Else it is the
 *                        newest waiter.
 *   a wait runs out      The thread runs, with nothing in its hands.
 *   a thread blocks      In a wait of the library, bracketed, or found asleep by a look, it
 *                        does not run. When it goes on it runs at once: then more may run than
 *                        the concurrency value, and nobody is released until there are fewer.
 *
 * So outside the lock: running < concurrency implies that the queue is empty or nobody waits.
 *
 * A waiter sits in a lane (lane.h), and there carries operations out; if none is free it sleeps
 * on a condition of its own, as no other thread is to wake in its place. When a lane is free
 * and somebody could run what is found there, the newest sleeper is called to sit down.
 *
 * What a sitting waiter finds is its own to run, as it is awake already: one it takes, the rest
 * stays with the lane while the port is calm, and else joins the queue.
 */
#include "port.h"

#include <errno.h>

#include "clock.h"
#include "port_help.h"

/* Thread-safety analysis reads these; the definitions follow. */
static void note_calm(struct iocp_port *port) REQUIRES(port->lock);
static void sleep_on_condition(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
    REQUIRES(port->lock);
static struct iocp_op *leave_queue(struct iocp_port *port) REQUIRES(port->lock);
static struct waiter *wake_newest(struct iocp_port *port) REQUIRES(port->lock);
static void hand_over(struct iocp_port *port, struct iocp_op *op) REQUIRES(port->lock);
static bool call_waiter(struct iocp_port *port) REQUIRES(port->lock);
static void enlist(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);
static void forget(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);
static void wait_once(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
    REQUIRES(port->lock);
static size_t take_found(struct iocp_port *port, struct waiter *waiter, struct op_list *taken,
                         size_t capacity) REQUIRES(port->lock);
static size_t park(struct iocp_port *port, struct runner *runner, struct op_list *taken,
                   size_t capacity, int64_t deadline_ns) REQUIRES(port->lock);
static size_t take(struct iocp_port *port, struct op_list *taken, size_t capacity)
    REQUIRES(port->lock);
static size_t take_what_lanes_hold(struct iocp_port *port, struct op_list *taken, size_t capacity)
    REQUIRES(port->lock);

static void note_calm(struct iocp_port *port)
{
    bool calm = !port->closed && port->queued == 0 && port->running <= port->concurrency;

    if (port_is_calm(port) != calm)
        atomic_store_explicit(&port->calm, calm, memory_order_relaxed);
}

void port_unlock(struct iocp_port *port)
{
    note_calm(port);
    lock_release(&port->lock);
}

/* Let go of the lock until the waiter is signalled, for no reason at all, or until the deadline. */
static void sleep_on_condition(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
{
    note_calm(port);
    condition_wait(&waiter->runner->wake, &port->lock, deadline_ns);
}

static bool may_start(const struct iocp_port *port)
{
    return port->running < port->concurrency;
}

static void join_queue(struct iocp_port *port, struct iocp_op *op)
{
    op_list_append(&port->queue, op);
    port->queued++;
}

void port_queue(struct iocp_port *port, struct op_list *published)
{
    for (struct iocp_op *op; (op = op_list_take(published)) != NULL;) {
        if (port->closed) {
            op_abandon(op);
        } else {
            op_queue(op);
            join_queue(port, op);
        }
    }
}

void port_gather(struct iocp_port *port, struct lane *lane)
{
    lock_acquire(&lane->lock);
    port->queued += lane->ready_count;
    lane->ready_count = 0;
    op_list_join(&lane->ready, &port->queue);
    op_list_join(&port->queue, &lane->ready);
    lock_release(&lane->lock);
}

void port_gather_all(struct iocp_port *port)
{
    for (unsigned i = 0; i < port->lane_count; i++)
        port_gather(port, port->lanes[i]);
}

static struct iocp_op *leave_queue(struct iocp_port *port)
{
    port->queued--;
    return op_list_take(&port->queue);
}

static struct waiter *wake_newest(struct iocp_port *port)
{
    struct waiter *waiter = port->newest;

    port->newest = waiter->older;
    port->waiting--;
    waiter->woken = true;
    waiter_wake(waiter);
    return waiter;
}

static void hand_over(struct iocp_port *port, struct iocp_op *op)
{
    wake_newest(port)->handed = op;
    port->running++;
}

void port_insert(struct iocp_port *port, struct iocp_op *op)
{
    if (port->closed) {
        op_abandon(op);
        return;
    }
    op_queue(op);
    if (may_start(port) && port->newest != NULL)
        hand_over(port, op);
    else
        join_queue(port, op);
}

static bool a_lane_is_free(const struct iocp_port *port)
{
    for (unsigned i = 0; i < port->lane_count; i++) {
        if (port->lanes[i]->state == LANE_FREE)
            return true;
    }
    return false;
}

/* The newest that sleeps, or, if none does, the newest that sits elsewhere, and will then sit in
 * both. False: nobody waits. */
static bool call_waiter(struct iocp_port *port)
{
    struct waiter *waiter = port->newest;

    while (waiter != NULL && waiter->lanes != NULL)
        waiter = waiter->older;
    if (waiter == NULL)
        waiter = port->newest;
    if (waiter == NULL)
        return false;
    waiter->called = true;
    port->called = true;
    waiter_wake(waiter);
    return true;
}

void port_let_go(struct iocp_port *port)
{
    while (may_start(port) && port->newest != NULL && port->queued > 0)
        hand_over(port, leave_queue(port));

    if (port->called || !a_lane_is_free(port))
        return;
    if (!may_start(port) || !call_waiter(port))
        help_call(port);
}

void port_wake_all(struct iocp_port *port)
{
    while (port->newest != NULL)
        wake_newest(port);
}

/* Status first, packet afterwards. An operation without a callback may be gone then. */
void port_publish(struct op_list *done, struct op_list *published)
{
    for (struct iocp_op *op; (op = op_list_take(done)) != NULL;) {
        bool has_callback = op->callback != NULL;

        op_complete(op);
        if (has_callback)
            op_list_append(published, op);
    }
}

/* The lane of the calling thread keeps them, if nothing stands before them elsewhere. */
static bool keep(struct iocp_port *port, struct op_list *published)
{
    struct runner *runner = runner_of_thread();

    return runner->port == port && runner->lane != NULL && port_is_calm(port) &&
           lane_keep(runner->lane, runner, published);
}

void port_complete(struct iocp_port *port, struct op_list *done)
{
    struct op_list published = {0};

    if (done->first == NULL)
        return;
    port_publish(done, &published);

    if (published.first != NULL && !keep(port, &published)) {
        lock_acquire(&port->lock);
        for (struct iocp_op *op; (op = op_list_take(&published)) != NULL;)
            port_insert(port, op);
        port_unlock(port);
    }
}

static void enlist(struct iocp_port *port, struct waiter *waiter)
{
    waiter->older = port->newest;
    port->newest = waiter;
    port->waiting++;
}

static void forget(struct iocp_port *port, struct waiter *waiter)
{
    struct waiter **link = &port->newest;

    if (waiter->woken)
        return; /* who woke it took it out */
    while (*link != waiter)
        link = &(*link)->older;
    *link = waiter->older;
    port->waiting--;
}

static void wait_once(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
{
    int64_t limit_ns = watch_limit(port, waiter, deadline_ns);

    if (waiter->lanes != NULL)
        lanes_wait(port, waiter, limit_ns);
    else
        sleep_on_condition(port, waiter, limit_ns);
    watch_look(port, waiter);
    if (waiter->called)
        port->called = waiter->called = false;
}

/* The waiter runs the first of what it found, if it may and nothing is before them. */
static size_t take_found(struct iocp_port *port, struct waiter *waiter, struct op_list *taken,
                         size_t capacity)
{
    size_t count = 0;

    if (waiter->found.first == NULL)
        return 0;
    if (waiter->woken || port->queued > 0 || port->closed || !may_start(port)) {
        port_queue(port, &waiter->found);
        return 0;
    }
    for (struct iocp_op *op; count < capacity && (op = op_list_take(&waiter->found)); count++) {
        op_queue(op);
        op_list_append(taken, op);
    }
    return count;
}

/* Be a waiter until there is something to look at. Returns how many were taken. */
static size_t park(struct iocp_port *port, struct runner *runner, struct op_list *taken,
                   size_t capacity, int64_t deadline_ns)
{
    struct waiter self = {.runner = runner, .look_ns = DEADLINE_NONE};
    size_t count;

    enlist(port, &self);
    do {
        lanes_sit_down(port, &self);
        wait_once(port, &self, deadline_ns);
    } while (!self.woken && self.found.first == NULL && clock_now_ns() < deadline_ns);
    forget(port, &self);
    watch_leave(port, &self);

    count = take_found(port, &self, taken, capacity);
    if (self.handed != NULL) {
        op_list_append(taken, self.handed);
        count = 1 + take(port, taken, capacity - 1);
    }
    lanes_rise(port, &self, count > 0);
    if (count > 0)
        port_start(port, runner, self.handed != NULL, true);
    lanes_leave_found(port, &self);
    return count;
}

static size_t take(struct iocp_port *port, struct op_list *taken, size_t capacity)
{
    size_t count = 0;

    for (; port->queued > 0 && count < capacity; count++)
        op_list_append(taken, leave_queue(port));
    return count;
}

/* Before a thread hears that there is nothing. */
static size_t take_what_lanes_hold(struct iocp_port *port, struct op_list *taken, size_t capacity)
{
    if (!may_start(port))
        return 0;
    port_gather_all(port);
    return take(port, taken, capacity);
}

int port_take_or_wait(struct iocp_port *port, struct runner *runner, struct op_list *taken,
                      size_t capacity, int64_t deadline_ns)
{
    int error = port->closed ? -EBADF : 0;
    bool waited = false;
    size_t count = 0;

    while (error == 0) {
        if (runner_has_to_glance(runner))
            lanes_glance(port, runner);
        if (port->closed) {
            error = -ESHUTDOWN;
        } else if (may_start(port) && port->queued > 0) {
            count = take(port, taken, capacity);
        } else if (waited && clock_now_ns() >= deadline_ns) {
            count = take_what_lanes_hold(port, taken, capacity);
            error = count > 0 ? 0 : -ETIMEDOUT;
        } else {
            count = park(port, runner, taken, capacity, deadline_ns);
            waited = true;
            if (count > 0)
                return (int)count;
        }
        if (count > 0)
            break;
    }
    port_start(port, runner, false, count > 0);
    return count > 0 ? (int)count : error;
}
