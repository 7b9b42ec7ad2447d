/* lane.c - one engine instance, the sockets it serves, and its ready completions. */
/* SPDX-License-Identifier: MIT */
#include "lane.h"

#include <errno.h>
#include <stdlib.h>

#include "port.h"

int lane_create(struct iocp_port *port, const char *name, struct lane **lane)
{
    struct lane *made = calloc(1, sizeof *made);
    int error;

    if (made == NULL)
        return -ENOMEM;
    made->port = port;
    error = engine_create(name, made, &made->engine);
    if (error < 0) {
        free(made);
        return error;
    }
    timers_init(&made->timers);
    lock_init(&made->lock);
    *lane = made;
    return 0;
}

void lane_stop(struct lane *lane)
{
    engine_free(lane->engine);
    lane->engine = NULL;
}

void lane_free(struct lane *lane)
{
    timers_destroy(&lane->timers);
    lock_destroy(&lane->lock);
    free(lane);
}

bool lane_runs_here(const struct lane *lane)
{
    return runner_of_thread()->lane == lane;
}

void lane_deadline_nearer(struct lane *lane)
{
    struct iocp_port *port = lane->port;

    lock_acquire(&port->lock);
    if (lane->sitters > 0)
        seats_wake_lane(port, lane);
    port_unlock(port);
}

bool lane_keep(struct lane *lane, struct runner *runner, struct op_list *published)
{
    bool kept;

    lock_acquire(&lane->lock);
    /* The close sets the flag before it empties the lanes: what comes later is not kept. */
    kept = lane->runner == runner && port_is_open(lane->port);
    for (struct iocp_op *op; kept && (op = op_list_take(published)) != NULL;) {
        op_queue(op);
        op_list_append(&lane->ready, op);
        lane->ready_count++;
    }
    lock_release(&lane->lock);
    return kept;
}

size_t lane_take(struct lane *lane, struct runner *runner, struct op_list *taken, size_t capacity)
{
    size_t count = 0;

    lock_acquire(&lane->lock);
    if (lane->runner == runner) {
        for (; lane->ready_count > 0 && count < capacity; count++) {
            op_list_append(taken, op_list_take(&lane->ready));
            lane->ready_count--;
        }
    }
    lock_release(&lane->lock);
    return count;
}

size_t lane_count_ready(struct lane *lane)
{
    size_t count;

    lock_acquire(&lane->lock);
    count = lane->ready_count;
    lock_release(&lane->lock);
    return count;
}
