/* engine_table.c - the engines of simulated runs: these and no others are linked. */
/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "engine_sim.h"

const struct engine_ops *const engine_table[] = {
    &engine_sim,
    &engine_epoll,
    &engine_blocking,
    NULL,
};
