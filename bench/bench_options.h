/* bench_options.h - the command line of iocp-bench. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "plan.h"

#define OPTIONS_LIST_MAX 16

struct bench_options {
    enum matrix matrix;
    const char *engine; /* NULL: all that belong to the matrix */
    const struct scenario *scenarios[OPTIONS_LIST_MAX];
    size_t scenario_count;               /* 0: all of the matrix */
    const char *peers[OPTIONS_LIST_MAX]; /* each once */
    size_t peer_count;
    bool peers_named; /* else: all */
    const char *commands[OPTIONS_LIST_MAX];
    size_t command_count;
    const char *out;
    size_t rounds;  /* 0: the matrix's */
    double seconds; /* 0: the matrix's */
    const char *compare_old, *compare_new;
    const char *markdown; /* of these results */
};

/* Read the command line. Returns -1: go on; else the exit status: help or a mistake was told. */
int options_read(int argc, char *argv[], struct bench_options *options);

#endif
