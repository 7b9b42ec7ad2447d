/* port_life.c - create, close and free a port; which thread counts on which port. */
/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "port.h"

/* The port on which the calling thread counts as running; it has a hold on that port. */
static pthread_key_t running_on;
static pthread_once_t running_on_once = PTHREAD_ONCE_INIT;

/* Brackets around blocking calls that the thread is inside; in them it does not count. */
static _Thread_local unsigned brackets;

static void drop_hold(struct iocp_port *port) RELEASE(port->lock);
static void drop_user(struct iocp_port *port) RELEASE(port->lock);

static void drop_hold(struct iocp_port *port)
{
    bool last = --port->holds == 0;

    lock_release(&port->lock);
    if (!last)
        return;
    lock_destroy(&port->lock);
    free(port);
}

static void drop_user(struct iocp_port *port)
{
    struct lane *lane = port->lane;

    /* A thread that has a hold may still come to wait, only to hear that the port is closed. */
    if (--port->users > 0 || lane == NULL) {
        lock_release(&port->lock);
        return;
    }
    port->lane = NULL;
    lock_release(&port->lock);

    lane_free(lane);
    lock_acquire(&port->lock);
    drop_hold(port);
}

/* Also the end of a thread: its slot is free again. */
static void stop_running(void *argument)
{
    struct iocp_port *port = argument;

    lock_acquire(&port->lock);
    if (brackets == 0)
        port->running--;
    if (port->lane != NULL)
        port_let_go(port);
    drop_hold(port);
}

static void create_key(void)
{
    lock_check(pthread_key_create(&running_on, stop_running), "pthread_key_create");
}

struct iocp_port *port_of_thread(void)
{
    lock_check(pthread_once(&running_on_once, create_key), "pthread_once");
    return pthread_getspecific(running_on);
}

void iocp_blocking_begin(void)
{
    struct iocp_port *port = port_of_thread();

    if (brackets++ > 0 || port == NULL)
        return;
    lock_acquire(&port->lock);
    port->running--;
    if (port->lane != NULL)
        port_let_go(port);
    lock_release(&port->lock);
}

void iocp_blocking_end(void)
{
    struct iocp_port *port = port_of_thread();

    assert(brackets > 0);
    if (--brackets > 0 || port == NULL)
        return;
    lock_acquire(&port->lock);
    port->running++;
    lock_release(&port->lock);
}

void port_arrive(struct iocp_port *port)
{
    struct iocp_port *last = pthread_getspecific(running_on);

    assert(port != NULL);
    assert(brackets == 0);
    if (last != NULL && last != port)
        stop_running(last);
    if (last != port)
        lock_check(pthread_setspecific(running_on, port), "pthread_setspecific");

    lock_acquire(&port->lock);
    if (last == port)
        port->running--;
    else
        port->holds++;
    port->users++;
}

void port_depart(struct iocp_port *port)
{
    drop_user(port);
}

void port_release(struct iocp_port *port)
{
    lock_acquire(&port->lock);
    drop_user(port);
}

static unsigned available_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

    return count > 0 ? (unsigned)count : 1;
}

int iocp_port_create(const char *engine, unsigned concurrency, struct iocp_port **port)
{
    struct iocp_port *made;
    int error;

    if (port == NULL || concurrency > IOCP_CONCURRENCY_MAX)
        return -EINVAL;
    lock_check(pthread_once(&running_on_once, create_key), "pthread_once");
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;

    error = lane_create(made, engine, &made->lane);
    if (error < 0)
        goto free_port;
    lock_init(&made->lock);
    made->sockets.next = made->sockets.previous = &made->sockets;
    made->concurrency = concurrency > 0 ? concurrency : available_processors();
    made->users = 1;
    made->holds = 1;
    *port = made;
    return 0;

free_port:
    free(made);
    return error;
}

const char *iocp_port_engine(const struct iocp_port *port)
{
    return port->lane->engine->ops->name;
}

size_t iocp_port_close(struct iocp_port *port)
{
    size_t count;

    lock_acquire(&port->lock);
    port->closed = true;
    count = port->queued;
    port->queued = 0;
    for (struct iocp_op *op; (op = op_list_take(&port->queue)) != NULL;)
        port_hand_back(op);
    port_wake_all(port);
    port_wake_helper(port);
    lock_release(&port->lock);

    iocp_port_cancel_all(port); /* nobody carries them out any more */
    return count;
}

void iocp_port_free(struct iocp_port *port)
{
    if (port == NULL)
        return;
    iocp_port_close(port);
    port_release(port);
}
