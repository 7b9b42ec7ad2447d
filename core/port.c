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
 *   a thread blocks      In a wait of the library, or bracketed, it does not run. When it goes
 *                        on it runs at once: then more may run than the concurrency value,
 *                        and nobody is released until there are fewer again.
 *
 * So outside the lock: running < concurrency implies that the queue is empty or nobody waits.
 *
 * A waiter sits in the engine's wait if there is a seat, and there carries operations out;
 * else it sleeps on a condition of its own, as no other thread is to wake in its place. When
 * the sitting one rises, the newest sleeper is offered the seat, but only if it could run what
 * it finds there. (A thread that blocks in an end sits too, if nobody else does: port_help.)
 */
#include "port.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "clock.h"

/* Thread-safety analysis reads these; the definitions follow. */
static struct iocp_op *leave_queue(struct iocp_port *port) REQUIRES(port->lock);
static struct waiter *wake_newest(struct iocp_port *port) REQUIRES(port->lock);
static void hand_over(struct iocp_port *port, struct iocp_op *op) REQUIRES(port->lock);
static void insert(struct iocp_port *port, struct iocp_op *op) REQUIRES(port->lock);
static void forget_waiter(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);
static void sleep_until_woken(struct iocp_port *port, struct waiter *self, int64_t deadline_ns)
    REQUIRES(port->lock);
static struct iocp_op *park(struct iocp_port *port, int64_t deadline_ns) REQUIRES(port->lock);
static int take(struct iocp_port *port, struct op_list *taken, size_t capacity)
    REQUIRES(port->lock);
static int take_or_wait(struct iocp_port *port, struct op_list *taken, size_t capacity,
                        int64_t deadline_ns) REQUIRES(port->lock);

void port_join_queue(struct iocp_port *port, struct iocp_op *op)
{
    if (port->closed) {
        op_abandon(op);
        return;
    }
    op_queue(op);
    op_list_append(&port->queue, op);
    port->queued++;
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
    if (waiter->sits)
        port->lane->engine->ops->wake(port->lane->engine, waiter->seat);
    else
        condition_signal(&waiter->wake);
    return waiter;
}

static void hand_over(struct iocp_port *port, struct iocp_op *op)
{
    wake_newest(port)->handed = op;
    port->running++;
}

static void insert(struct iocp_port *port, struct iocp_op *op)
{
    if (!port->closed && port->running < port->concurrency && port->newest != NULL) {
        op_queue(op);
        hand_over(port, op);
    } else {
        port_join_queue(port, op);
    }
}

void port_let_go(struct iocp_port *port)
{
    while (port->running < port->concurrency && port->newest != NULL && port->queued > 0)
        hand_over(port, leave_queue(port));

    if (port->running < port->concurrency && port->newest != NULL && port->seated == 0 &&
        !port->helped && !port->seat_offered) {
        wake_newest(port)->offered = true;
        port->seat_offered = true;
    }
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

void port_complete(struct iocp_port *port, struct op_list *done)
{
    struct op_list published = {0};

    if (done->first == NULL)
        return;
    port_publish(done, &published);

    lock_acquire(&port->lock);
    for (struct iocp_op *op; (op = op_list_take(&published)) != NULL;)
        insert(port, op);
    port_wake_helper(port);
    lock_release(&port->lock);
}

void port_hand_back(struct iocp_op *op)
{
    if (op->kind == OP_PACKET)
        free(op);
    else
        op_hand_back(op);
}

static int post(struct iocp_port *port, struct iocp_op *op)
{
    int error = 0;

    lock_acquire(&port->lock);
    if (port->closed)
        error = -ESHUTDOWN;
    else
        insert(port, op);
    lock_release(&port->lock);
    return error;
}

int iocp_port_post(struct iocp_port *port, size_t count, uintptr_t key, void *pointer)
{
    struct iocp_op *packet = calloc(1, sizeof *packet);
    int error;

    if (packet == NULL)
        return -ENOMEM;
    packet->kind = OP_PACKET;
    packet->count = count;
    packet->key = key;
    packet->context = pointer;
    error = post(port, packet);
    if (error < 0)
        free(packet);
    return error;
}

int iocp_port_post_callback(struct iocp_port *port, struct iocp_op *op, uintptr_t key,
                            iocp_callback *callback, void *context)
{
    int error;

    if (op == NULL || callback == NULL)
        return -EINVAL;
    if (op_in_flight(op))
        return -EBUSY;
    op_begin(op, OP_CALL, NULL, callback, context);
    op->key = key;
    error = post(port, op);
    if (error < 0)
        op_revoke(op);
    return error;
}

static void forget_waiter(struct iocp_port *port, struct waiter *waiter)
{
    struct waiter **link = &port->newest;

    while (*link != waiter)
        link = &(*link)->older;
    *link = waiter->older;
    port->waiting--;
}

static void sleep_until_woken(struct iocp_port *port, struct waiter *self, int64_t deadline_ns)
{
    while (!self->woken && condition_wait(&self->wake, &port->lock, deadline_ns))
        continue;
}

/* Be a waiter until there is something to look at; returns what was handed over, or NULL. */
static struct iocp_op *park(struct iocp_port *port, int64_t deadline_ns)
{
    struct waiter self = {.older = port->newest};

    self.sits = port_sit_down(port, &self.seat);

    port->newest = &self;
    port->waiting++;
    if (self.sits) {
        port_sit_until_woken(port, &self, deadline_ns);
    } else {
        condition_init(&self.wake);
        sleep_until_woken(port, &self, deadline_ns);
        condition_destroy(&self.wake);
    }
    if (!self.woken)
        forget_waiter(port, &self);
    if (self.offered)
        port->seat_offered = false;
    return self.handed;
}

static int take(struct iocp_port *port, struct op_list *taken, size_t capacity)
{
    int count = 0;

    for (; port->queued > 0 && (size_t)count < capacity; count++)
        op_list_append(taken, leave_queue(port));
    port->unwatched++;
    return count;
}

static int take_or_wait(struct iocp_port *port, struct op_list *taken, size_t capacity,
                        int64_t deadline_ns)
{
    int result = port->closed ? -EBADF : 0;

    for (bool waited = false; result == 0; waited = true) {
        struct iocp_op *handed;

        port_glance(port);
        if (port->closed) {
            result = -ESHUTDOWN;
        } else if (port->running < port->concurrency && port->queued > 0) {
            result = take(port, taken, capacity);
        } else if (waited && clock_now_ns() >= deadline_ns) {
            result = -ETIMEDOUT;
        } else if ((handed = park(port, deadline_ns)) != NULL) {
            op_list_append(taken, handed);
            /* Who handed it over has counted this thread as running. */
            return 1 + take(port, taken, capacity - 1);
        }
    }
    port->running++;
    return result;
}

static void read_completion(struct iocp_op *op, struct iocp_completion *completion)
{
    completion->key = op->key;
    completion->count = op->count;
    completion->error = op->result < 0 ? op->result : 0;
    completion->callback = op->callback;
    completion->op = op;
    if (op->kind == OP_PACKET)
        completion->op = op->context;
    port_hand_back(op);
}

int iocp_port_wait_many(struct iocp_port *port, struct iocp_completion completions[],
                        size_t capacity, int timeout_ms)
{
    int64_t deadline_ns = deadline_after_ms(timeout_ms);
    struct op_list taken = {0};
    int count;

    if (capacity == 0)
        return -EINVAL;

    port_arrive(port);
    count = take_or_wait(port, &taken, capacity < INT_MAX ? capacity : INT_MAX, deadline_ns);
    port_let_go(port);
    port_depart(port);

    for (struct iocp_op *op; (op = op_list_take(&taken)) != NULL;)
        read_completion(op, completions++);
    return count;
}

int iocp_port_wait(struct iocp_port *port, struct iocp_completion *completion, int timeout_ms)
{
    int count = iocp_port_wait_many(port, completion, 1, timeout_ms);

    return count < 0 ? count : 0;
}

void iocp_port_read_statistics(struct iocp_port *port, struct iocp_port_statistics *statistics)
{
    lock_acquire(&port->lock);
    statistics->queued = port->queued;
    statistics->waiting = port->waiting;
    statistics->running = port->running;
    statistics->concurrency = port->concurrency;
    lock_release(&port->lock);
}
