/* port_calls.c - post to a port, take from it, ask what it does. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "clock.h"
#include "port.h"

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
        port_insert(port, op);
    port_unlock(port);
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

/* A look into the thread's engine. False: the port itself has something to see to. */
static bool glance(struct iocp_port *port, struct runner *runner)
{
    lock_acquire(&port->lock);
    if (port->closed || starved_pass(port)) {
        port_unlock(port);
        return false;
    }
    port->users++; /* it may be closed and freed meanwhile */
    lanes_glance(port, runner);
    if (port->closed)
        lanes_empty(port);
    port_let_go(port); /* who came meanwhile has found no lane */
    port_drop_user(port);
    return true;
}

/* A take from the thread's own lane, while nothing else is to be seen to. */
static size_t take_own(struct iocp_port *port, struct op_list *taken, size_t capacity)
{
    struct runner *runner = runner_of_thread();

    if (runner->port != port || runner->lane == NULL || !port_is_calm(port))
        return 0;
    if (runner_has_to_glance(runner) && !glance(port, runner))
        return 0;
    return runner->lane != NULL ? lane_take(runner->lane, runner, taken, capacity) : 0;
}

static void count_take(struct runner *runner)
{
    unsigned takes = atomic_load_explicit(&runner->takes, memory_order_relaxed);

    atomic_store_explicit(&runner->takes, takes + 1, memory_order_relaxed);
    runner->turns++;
}

static int take_at_port(struct iocp_port *port, struct op_list *taken, size_t capacity,
                        int64_t deadline_ns)
{
    struct runner *runner = port_arrive(port);
    int result;

    starved_return(port, runner);
    watch_pass(port);
    result = port_take_or_wait(port, runner, taken, capacity, deadline_ns);
    if (port->closed)
        lanes_empty(port);
    port_let_go(port);
    watch_begin(port);
    starved_desert(port);
    port_drop_user(port);
    return result;
}

int iocp_port_wait_many(struct iocp_port *port, struct iocp_completion completions[],
                        size_t capacity, int timeout_ms)
{
    struct op_list taken = {0};
    int error = errno;
    int result;

    if (capacity == 0)
        return -EINVAL;
    capacity = capacity < INT_MAX ? capacity : INT_MAX;

    /* Now: a look that found it asleep in its last callback must not be judged in its next. */
    count_take(runner_of_thread());
    result = (int)take_own(port, &taken, capacity);
    if (result == 0) {
        result = take_at_port(port, &taken, capacity, deadline_after_ms(timeout_ms));
    }

    for (struct iocp_op *op; (op = op_list_take(&taken)) != NULL;)
        read_completion(op, completions++);
    errno = error; /* what the system calls on the way left there is nobody's */
    return result;
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
    for (unsigned i = 0; i < port->lane_count; i++)
        statistics->queued += lane_count_ready(port->lanes[i]);
    statistics->waiting = port->waiting;
    statistics->running = port->running;
    statistics->concurrency = port->concurrency;
    port_unlock(port);
}
