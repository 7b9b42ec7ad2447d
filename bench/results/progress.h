/* progress.h - what the program is at, and how long it will take, while it works. */
/* SPDX-License-Identifier: MIT */
/*
 * Form  On a terminal one line that is drawn again and again; elsewhere a line for each case.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out;
    bool terminal;
    double planned_s;
    int64_t start_ns;
    size_t drawn;     /* columns of the line that stands there */
    char heading[96]; /* of the case */
};

/* `out` is the standard error stream; the whole is to take `planned_s` seconds. */
void progress_start(struct progress *progress, FILE *out, double planned_s);

/* Tell the case ("case 3 of 12: pingpong-64B-50c-1w"), what of it runs ("round 2 of 5, libuv"), and
 * which share of the whole is done, from 0 to 1. */
void progress_at(struct progress *progress, const char *heading, const char *detail,
                 double done_share);

/* Take the line away: before anything else is printed, and at the end. */
void progress_clear(struct progress *progress);

#endif
