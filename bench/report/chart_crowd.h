/* chart_crowd.h - what becomes of the rate as connections are added. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CHART_CROWD_H
#define BENCH_CHART_CROWD_H

#include "chart.h"

/* Is this case the first of several that differ in their connections only, with rates to tell? */
bool chart_crowd_any(const struct results *results, size_t first);

/* The rate against the connections of that case and of those like it. */
void chart_crowd(struct chart *chart, const struct results *results, const struct looks *looks,
                 size_t first);

#endif
