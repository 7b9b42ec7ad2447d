/* plan.h - what is measured: the cases of each matrix. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results.h"

/* Which run a case belongs to; or-ed together in a case. MATRIX_NAMED is no run: such a case is in
 * every one for which its scenario is named. */
enum matrix {
    MATRIX_QUICK = 1,
    MATRIX_STANDARD = 2,
    MATRIX_FULL = 4,
    MATRIX_GOALS = 8,
    MATRIX_NAMED = 16
};

/* How long is measured, and how often. */
struct pace {
    size_t rounds;
    int64_t warm_up_ns;
    int64_t measured_ns;
};

enum placement {
    PLACE_FREE,  /* wherever the kernel puts them */
    PLACE_SAME,  /* server and generator on one processor: the quietest for what an echo costs */
    PLACE_APART, /* each on a processor of its own */
};

struct scenario;

struct plan_case {
    const struct scenario *scenario;
    unsigned matrices;
    enum placement placement;
    size_t message_size; /* 0: no messages, but posts */
    size_t connections;  /* or producers */
    size_t workers;
    size_t idle_connections; /* beside the others */
    size_t depth;
    size_t servers;         /* processes on one port; 0 is one */
    size_t pause_ms;        /* from an echo to the connection's next message */
    double rate;            /* open loop: messages a second of all connections; 0: a closed loop */
    double factor;          /* overload: of the rate at the knee */
    size_t libiocp_workers; /* blocked: libiocp's, of which `workers` may run at once */
    bool streams;           /* message: measure peers that send back at once, too */
    bool counted;           /* count system calls, in a round more */
};

/* One of all cases; NULL past the last one. */
const struct plan_case *plan_case_at(size_t index);

struct pace plan_pace(enum matrix matrix);

/* Does a case belong to that matrix, if its scenario is named, or if none is? */
bool plan_is_in(const struct plan_case *plan, enum matrix matrix, bool named);

/* Does a matrix have a case of that scenario, which is named? */
bool plan_has(enum matrix matrix, const struct scenario *scenario);

/* Describe a case: its id, its title, its numbers. */
void plan_describe(const struct plan_case *plan, struct result_case *what);

#endif
