/* report.h - the results as one page that needs nothing else: words, charts and tables. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "results.h"

/*
 * Write the page. What was at that path is there until the whole page is written.
 *
 * Returns  0 or a negative errno.
 */
int report_write(const struct results *results, const char *path);

#endif
