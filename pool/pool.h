/* pool.h - what the workers of a pool share. */
/* SPDX-License-Identifier: MIT */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdatomic.h>
#include <stdbool.h>

#include <iocp/event.h>
#include <iocp/pool.h>

#include "worker.h"

struct iocp_pool {
    struct iocp_port *port;  /* borrowed */
    struct iocp_event start; /* set: every worker exists, or the creation was given up */
    bool given_up;           /* written before start is set, constant after it */
    atomic_bool discard;     /* from now on completions are dropped, not run */
    atomic_bool stopped;     /* somebody has called stop */
    atomic_uint left;        /* workers that have not ended */
    struct iocp_event ended; /* set: none is left */
    unsigned size;
    struct worker workers[];
};

#endif
