/* chart_latency.h - how late the slowest of a case are: latency by percentile. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CHART_LATENCY_H
#define BENCH_CHART_LATENCY_H

#include "chart.h"

/* Has any subject latencies there? */
bool chart_latency_any(const struct results *results, size_t which_case);

/* Each step to the right looks at a tenth of the operations before it. Of an open loop the
 * latencies from the moment of sending are there too, dashed. */
void chart_latency(struct chart *chart, const struct results *results, const struct looks *looks,
                   size_t which_case);

#endif
