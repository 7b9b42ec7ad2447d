/* doubt.h - is a row to be believed? By the load generator's own account. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RESULTS_DOUBT_H
#define BENCH_RESULTS_DOUBT_H

#include "results.h"

/* A generator that in most rounds sent 1 % of its messages later than this was not on schedule,
 * if it matters: if that is more than such a share of the p99 latency. */
#define DOUBT_SLIP_US    1000.0
#define DOUBT_SLIP_SHARE 0.05

/* With more of a processor than this the generator was busy; with less of its own than that the
 * server was not. */
#define DOUBT_GENERATOR_BUSY 0.95
#define DOUBT_SERVER_BUSY    0.90

/* Make a measured row ROW_INVALID, and say why, if its schedule slipped, or if the generator was
 * the bottleneck: if a server of so many workers left some of what it had of the processors, which
 * are those that the two had together. */
void doubt_row(struct result_row *row, size_t workers, size_t processors);

#endif
