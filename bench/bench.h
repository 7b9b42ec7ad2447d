/* bench.h - what can be measured, and what the command line says about it. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

/* As given on the command line; 0: not given, so that the scenario's own default holds. */
struct bench_options {
    const char *engine; /* NULL: all */
    size_t rounds;
    double seconds; /* measured in a round */
    size_t connections;
    size_t workers;
    size_t producers;
    size_t count;           /* callbacks posted in a round, by all producers together */
    size_t pause_ms;        /* of each connection before its next message */
    char *const *scenarios; /* names; none: all, in short form */
    size_t scenario_count;
};

struct bench_scenario {
    const char *name;
    /* Measure and print. Returns 0, or the negative errno of what went wrong. */
    int (*run)(const struct bench_options *options);
    struct bench_options defaults;
    struct bench_options brief; /* when everything is measured */
};

extern const struct bench_scenario bench_port, bench_blocked, bench_idle;

/* One of all scenarios; NULL past the last one. */
const struct bench_scenario *bench_scenario(size_t index);
const struct bench_scenario *bench_find_scenario(const char *name);

/* Read the command line. Returns -1: go on; else the exit status: help or a mistake was told. */
int bench_options_read(int argc, char *argv[], struct bench_options *options);

/* The options as a scenario is to take them. */
struct bench_options bench_options_or(const struct bench_options *given,
                                      const struct bench_options *defaults);

/* Is this engine to be measured? */
bool bench_engine_chosen(const struct bench_options *options, const char *engine);

#endif
