/* lane.h - one engine instance, the sockets it serves, and who sits in its wait. */
/* SPDX-License-Identifier: MIT */
#ifndef CORE_LANE_H
#define CORE_LANE_H

#include "engine.h"
#include "timers.h"

struct iocp_port;

struct lane {
    struct iocp_port *port;
    struct engine *engine;
    struct timers timers; /* the deadlines of its sockets; has its own lock */
    bool taken;           /* somebody sits in its wait; guarded by the port's lock */
};

/* Start an engine of that name in a new lane. 0 or as engine_create. */
int lane_create(struct iocp_port *port, const char *name, struct lane **lane);
void lane_free(struct lane *lane);

/* Does the calling thread run the lane's callbacks, so that it will soon wait in it? */
bool lane_runs_here(const struct lane *lane);

#endif
