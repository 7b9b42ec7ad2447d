/* scale.h - where a value stands on an axis, and which values are written beside it. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include <stdbool.h>
#include <stddef.h>

#define SCALE_TICKS_MAX 16

struct scale {
    double low, high; /* values at the ends of the axis */
    double from, to;  /* and where the ends are */
    double step;      /* linear: from tick to tick */
    bool logarithmic;
};

/* From zero to the first tick that `high` does not exceed, with about `ticks` of them. */
struct scale scale_linear(double high, double from, double to, size_t ticks);

/* From the last 1, 2 or 5 times a power of ten not above `low`, to the first not below `high`;
 * both above zero. */
struct scale scale_log(double low, double high, double from, double to);

/* Exactly from `low` to `high`, which are above zero. */
struct scale scale_log_exact(double low, double high, double from, double to);

/* Where a value stands; one beyond an end of the axis stands at that end. */
double scale_at(const struct scale *scale, double value);

/* The values to write: multiples of the step, or 1, 2, 5 and 10, or powers of ten where those
 * were more than `most`, and every second one, third one... where these were too. Returns how
 * many. */
size_t scale_ticks(const struct scale *scale, size_t most, double ticks[SCALE_TICKS_MAX]);

#endif
