/* table.h - what a run finds out, on a terminal: a block for each case, verdicts at the end. */
/* SPDX-License-Identifier: MIT */
/*
 * Form  Plain ASCII, no line wider than WORDING_WIDTH. Processor time for an operation leads; a
 *       figure of several rounds is their median and, where there is room for it, their range.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdio.h>

#include "results.h"

/* Write a case: ours in their order, then the peers by processor time; under a row what is wrong
 * with it. Returns 0; -ENOMEM. */
int table_write_case(FILE *out, const struct results *results, size_t which_case);

/* Write the verdict of every case, and ours beside each peer. */
void table_write_verdicts(FILE *out, const struct results *results);

#endif
