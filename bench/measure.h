/* measure.h - clocks, and what several rounds have come to. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#define ROUNDS_MAX 99

/* One figure of each round. */
struct series {
    double values[ROUNDS_MAX];
    size_t count;
};

struct spread {
    double min, median, max;
};

int64_t measure_now_ns(void);

/* The processor time of this process until now. */
double measure_cpu_us(void);

void measure_sleep_ns(int64_t duration_ns);

void series_add(struct series *series, double value);

/* All zero if there was no round. The values stay in their order. */
struct spread series_spread(const struct series *series);

/* Is the left one as a whole less (-1) or more (1) than the right one? 0: they overlap. */
int spread_compare(const struct spread *left, const struct spread *right);

#endif
