/* figures.h - what is measured of a server, in the order in which it is told. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stddef.h>

enum figure {
    FIGURE_CPU_US,      /* processor time of the server for one operation */
    FIGURE_CPU_USER_US, /* of that, in user space */
    FIGURE_CPU_SYS_US,  /* and in the kernel */
    FIGURE_RATE,        /* operations a second */
    FIGURE_MB_RATE,     /* 10^6 bytes a second that came back */
    FIGURE_P50_US,      /* latency that half of the operations do not exceed */
    FIGURE_P99_US,
    FIGURE_SYSCALLS, /* of the server for one operation, counted in a round of its own */
    FIGURE_SWITCHES, /* context switches of the server for one operation */
    FIGURE_RSS_BYTES,
    FIGURE_PEAK_BYTES, /* the most of it at any time */
    FIGURE_DRIFT,      /* by how much it has grown, 1 = as much again; less than 0: shrunk */
    FIGURE_IDLE_BYTES, /* memory of the server for one connection on which nothing happens */
    FIGURE_KEPT,       /* of the rate without the idle connections, 1 = all of it */
    FIGURE_GOODPUT,    /* answers in time, 1 = all that were possible: the peak, or the plan */
    FIGURE_BACK_S,     /* from an overload's end until latency is as before; 6: not by then */
    FIGURE_UNANSWERED, /* of an open loop's plan: sent or in line, but never answered; 1 = all */
    FIGURE_UNSENT,     /* of the same: dropped */
    FIGURE_GENERATOR,  /* processor time of the load generator, 1 = one whole processor */
    FIGURE_SLIP_US, /* open loop: 99 of 100 messages left at most so much later than they could */
    FIGURES
};

enum figure_better { FIGURE_LESS, FIGURE_MORE, FIGURE_NEITHER };

struct figure_kind {
    const char *key; /* as it is called in results.json */
    const char *title;
    const char *unit;
    double scale; /* a value is divided by it before it is shown in that unit */
    enum figure_better better;
};

const struct figure_kind *figure_kind(enum figure figure);

/* The figure of that key; FIGURES: there is none. */
enum figure figure_find(const char *key);

#endif
