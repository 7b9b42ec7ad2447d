/* port_life.c - create, close and free a port. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"

static void free_port(struct iocp_port *port)
{
    for (unsigned i = 0; i < port->lane_count; i++)
        lane_free(port->lanes[i]);
    free(port->lanes);
    lock_destroy(&port->lock);
    free(port);
}

void port_drop_hold(struct iocp_port *port)
{
    bool last = --port->holds == 0;

    port_unlock(port);
    if (last)
        free_port(port);
}

void port_drop_user(struct iocp_port *port)
{
    /* A thread that has a hold may still come to wait, only to hear that the port is closed. */
    if (--port->users > 0 || port->stopped) {
        port_unlock(port);
        return;
    }
    port->stopped = true;
    port_unlock(port);

    for (unsigned i = 0; i < port->lane_count; i++)
        lane_stop(port->lanes[i]);
    lock_acquire(&port->lock);
    port_drop_hold(port);
}

void port_release(struct iocp_port *port)
{
    lock_acquire(&port->lock);
    port_drop_user(port);
}

void port_grow(struct iocp_port *port)
{
    size_t threads = port->holds - 1;
    const struct engine_ops *ops;

    if (port->stopped || port->lane_count >= port->concurrency || port->lane_count >= threads)
        return;
    ops = port->lanes[0]->engine->ops;
    /* For want of descriptors or memory it goes on with fewer. */
    if (!ops->shared && lane_create(port, ops->name, &port->lanes[port->lane_count]) == 0)
        port->lane_count++;
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
    made = aligned_alloc(_Alignof(struct iocp_port), sizeof *made);
    if (made == NULL)
        return -ENOMEM;

    memset(made, 0, sizeof *made);
    made->concurrency = concurrency > 0 ? concurrency : available_processors();
    made->lanes = calloc(made->concurrency, sizeof(struct lane *));
    if (made->lanes == NULL) {
        error = -ENOMEM;
        goto free_port;
    }
    error = lane_create(made, engine, &made->lanes[0]);
    if (error < 0)
        goto free_lanes;
    made->lane_count = 1;
    lock_init(&made->lock);
    made->sockets.next = made->sockets.previous = &made->sockets;
    made->users = 1;
    made->holds = 1;
    *port = made;
    return 0;

free_lanes:
    free(made->lanes);
free_port:
    free(made);
    return error;
}

const char *iocp_port_engine_note(const struct iocp_port *port)
{
    return engine_passed_over(port->lanes[0]->engine);
}

const char *iocp_port_engine(const struct iocp_port *port)
{
    return port->lanes[0]->engine->ops->name;
}

size_t iocp_port_close(struct iocp_port *port)
{
    size_t count;

    lock_acquire(&port->lock);
    port->closed = true; /* before the lanes are emptied: nothing joins them afterwards */
    port_gather_all(port);
    count = port->queued;
    port->queued = 0;
    for (struct iocp_op *op; (op = op_list_take(&port->queue)) != NULL;)
        port_hand_back(op);
    port_wake_all(port);
    port_unlock(port);

    iocp_port_cancel_all(port); /* nobody carries them out any more */
    lock_acquire(&port->lock);
    lanes_empty(port);
    port_unlock(port);
    return count;
}

void iocp_port_free(struct iocp_port *port)
{
    if (port == NULL)
        return;
    iocp_port_close(port);
    port_release(port);
}
