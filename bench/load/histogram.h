/* histogram.h - counts of values in log-linear slots: three significant digits, any range. */
/* SPDX-License-Identifier: MIT */
/*
 * Slots    Below 2048 every value has its own; above, each power of two is cut into 1024 equal
 *          slots. So what is told of a value is at most a thousandth too high, never too low.
 * Threads  One at a time. Threads that measure keep one each, merged at the end.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_VALUE_BITS 40 /* in nanoseconds: 18 minutes */
#define HISTOGRAM_VALUE_MAX  ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)
#define HISTOGRAM_PART_BITS  10
#define HISTOGRAM_SLOTS      ((HISTOGRAM_VALUE_BITS - HISTOGRAM_PART_BITS + 1) << HISTOGRAM_PART_BITS)

/* All zero is an empty one. */
struct histogram {
    uint64_t count;
    uint64_t max; /* exact, whatever the range */
    double sum;
    uint64_t slots[HISTOGRAM_SLOTS];
};

/* A value above HISTOGRAM_VALUE_MAX is counted in the last slot. */
void histogram_add(struct histogram *histogram, uint64_t value);

void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value that `percent` of all values do not exceed: 0 yields the smallest, 100 the largest;
 * 0 if there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

/* 0 if there are none. */
double histogram_mean(const struct histogram *histogram);

/* The highest value counted in a slot, and so what is told of the others there. */
uint64_t histogram_slot_value(const struct histogram *histogram, size_t slot);

/*
 * Write the percentiles as HdrHistogram's tools read them, values divided by `unit`: five rows
 * from 0 to a half, five from there to three quarters, and so on.
 *
 * Returns 0; -EIO: `out` did not take it.
 */
int histogram_write_hgrm(const struct histogram *histogram, double unit, FILE *out);

#endif
