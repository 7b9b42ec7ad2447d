/* measure.c - see measure.h. */
/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define SECOND_NS INT64_C(1000000000)

int64_t measure_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

double measure_cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void measure_sleep_ns(int64_t duration_ns)
{
    struct timespec left = {.tv_sec = duration_ns / SECOND_NS, .tv_nsec = duration_ns % SECOND_NS};

    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        continue;
}

void series_add(struct series *series, double value)
{
    assert(series->count < ROUNDS_MAX);
    series->values[series->count++] = value;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

struct spread series_spread(const struct series *series)
{
    struct series sorted = *series;
    size_t count = series->count, middle = count / 2;

    if (count == 0)
        return (struct spread){0};
    qsort(sorted.values, count, sizeof *sorted.values, compare);
    return (struct spread){.min = sorted.values[0],
                           .median = count % 2
                                         ? sorted.values[middle]
                                         : (sorted.values[middle - 1] + sorted.values[middle]) / 2,
                           .max = sorted.values[count - 1]};
}

int spread_compare(const struct spread *left, const struct spread *right)
{
    return (left->min > right->max) - (left->max < right->min);
}
