/* report_parts.h - the parts of the page, each beginning with its heading. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_REPORT_PARTS_H
#define BENCH_REPORT_PARTS_H

#include <stdio.h>

#include "results.h"

/* What was measured, and what came of it, in words. */
void report_summary(FILE *page, const struct results *results);

void report_charts(FILE *page, const struct results *results);

/* All figures of all rows, why some do not count, and what went wrong. */
void report_tables(FILE *page, const struct results *results);

/* How it was measured, on what machine, and how to do it again. */
void report_method(FILE *page, const struct results *results);

#endif
