/* lane.c - one engine instance, the sockets it serves, and who sits in its wait. */
/* SPDX-License-Identifier: MIT */
#include "lane.h"

#include <errno.h>
#include <stdlib.h>

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
    *lane = made;
    return 0;
}

void lane_free(struct lane *lane)
{
    engine_free(lane->engine);
    timers_destroy(&lane->timers);
    free(lane);
}

bool lane_runs_here(const struct lane *lane)
{
    (void)lane;
    return false;
}
