/* run.h - one run of iocp-bench: every case of the matrix, and the files that tell of it. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <stdatomic.h>

#include "bench_options.h"

/*
 * Measure, print, write the files; `command` is the line that was given. When `stop` becomes true
 * it ends soon, with what it has.
 *
 * Returns  The exit status: 0; 1: something that was asked for was not measured, or not written.
 */
int run(const struct bench_options *options, const char *command, const atomic_bool *stop);

#endif
