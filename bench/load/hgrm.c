/* hgrm.c - a histogram's percentiles as the tools of HdrHistogram read them. See histogram.h. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "histogram.h"

#define TICKS 5 /* rows for each half of what is left to all */

/* How far the reading is: the slots that hold `seen` values together. */
struct reading {
    const struct histogram *histogram;
    size_t slot;
    uint64_t seen;
};

static void read_up_to(struct reading *reading, double level)
{
    const struct histogram *histogram = reading->histogram;
    double rank = level * (double)histogram->count;

    while ((double)reading->seen < rank || reading->seen == 0)
        reading->seen += histogram->slots[++reading->slot];
}

/* Every TICKS rows halve what is left to all. */
static double level_of(unsigned row)
{
    unsigned halvings = row / TICKS;
    double left = exp2(-(double)halvings);

    return 1 - left + left / 2 * (row % TICKS) / TICKS;
}

static double deviation(const struct histogram *histogram)
{
    double mean = histogram_mean(histogram), sum = 0;

    for (size_t i = 0; i < HISTOGRAM_SLOTS; i++) {
        double distance = (double)histogram_slot_value(histogram, i) - mean;

        sum += (double)histogram->slots[i] * distance * distance;
    }
    return histogram->count > 0 ? sqrt(sum / (double)histogram->count) : 0;
}

static void write_rows(const struct histogram *histogram, double unit, FILE *out)
{
    struct reading reading = {.histogram = histogram, .seen = histogram->slots[0]};

    for (unsigned row = 0;; row++) {
        double level = level_of(row);

        read_up_to(&reading, level);
        if (reading.seen == histogram->count)
            break;
        (void)fprintf(out, "%12.3f %2.12f %10" PRIu64 " %14.2f\n",
                      (double)histogram_slot_value(histogram, reading.slot) / unit, level,
                      reading.seen, 1 / (1 - level));
    }
    (void)fprintf(out, "%12.3f %2.12f %10" PRIu64 "\n", (double)histogram->max / unit, 1.0,
                  histogram->count);
}

int histogram_write_hgrm(const struct histogram *histogram, double unit, FILE *out)
{
    (void)fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
                  "1/(1-Percentile)");
    if (histogram->count > 0)
        write_rows(histogram, unit, out);
    (void)fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
                  histogram_mean(histogram) / unit, deviation(histogram) / unit);
    (void)fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
                  (double)histogram->max / unit, histogram->count);
    (void)fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n",
                  HISTOGRAM_VALUE_BITS - HISTOGRAM_PART_BITS, 2 << HISTOGRAM_PART_BITS);
    return ferror(out) ? -EIO : 0;
}
