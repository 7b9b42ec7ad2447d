/* bench.h - what is measured, and how often. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench_options {
    unsigned workers;
    unsigned producers; /* threads that post */
    size_t count;       /* callbacks posted in a round, by all producers together */
};

/* What one round has come to. */
struct bench_round {
    double rate;   /* callbacks a second, while producers post as fast as they can */
    double cpu_us; /* processor time of the whole process for one of these */
    double p50_us; /* from post to the start of the callback, one in flight per producer */
    double p99_us;
};

/* Read the command line. Returns -1: go on; else the exit status: help or a mistake was told. */
int bench_options_read(int argc, char *argv[], struct bench_options *options);

/* Measure post to callback through a port of that engine. Returns 0 or a negative errno. */
int bench_port_run(const char *engine, const struct bench_options *options,
                   struct bench_round *round);

/* Order doubles for qsort. */
int bench_compare(const void *left, const void *right);

#endif
