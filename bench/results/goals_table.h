/* goals_table.h - the goals and what a run has come to, on a terminal and in README.md. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_GOALS_TABLE_H
#define BENCH_GOALS_TABLE_H

#include <stdio.h>

#include "results.h"

/* Write the goals whose cases are in the results, and how many are met; nothing if there is
 * none. */
void goals_write_table(FILE *out, const struct results *results);

/* The same as Markdown, with what was measured where and when. */
void goals_write_markdown(FILE *out, const struct results *results);

#endif
