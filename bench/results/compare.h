/* compare.h - two runs side by side: what has become better or worse. */
/* SPDX-License-Identifier: MIT */
/*
 * Judgement  A figure is better or worse only where the ranges of its rounds lie apart. Of a single
 *            round there is no range, and no judgement.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdio.h>

#include "results.h"

/*
 * Write, of every subject that both have measured in the same case, processor time for an
 * operation, rate and p99; then what only one of them has. A warning comes first if the machines
 * differ.
 *
 * Returns  How many rows have a figure that is worse.
 */
size_t compare_write(FILE *out, const struct results *before, const struct results *after);

#endif
