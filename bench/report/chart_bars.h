/* chart_bars.h - one figure of all subjects in one case, as bars from zero. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CHART_BARS_H
#define BENCH_CHART_BARS_H

#include "chart.h"

struct bars {
    const struct results *results;
    const struct looks *looks;
    size_t which_case;
    const char *lead; /* of the title, which goes on with the case's */
    enum figure figure;
    enum figure part; /* of it, which is filled, while the rest is hatched; else the figure */
};

/* Has any subject a value there? Without one there is nothing to draw. */
bool chart_bars_any(const struct bars *bars);

/* A bar for each subject with a row in the case, its rounds' range, and a line at the best peer's
 * median. */
void chart_bars(struct chart *chart, const struct bars *bars);

#endif
