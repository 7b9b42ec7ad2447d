/* doubt.c - see doubt.h. */
/* SPDX-License-Identifier: MIT */
#include "doubt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static void doubt(struct result_row *row, const char *format,
                                                        ...)
{
    va_list values;

    row->state = ROW_INVALID;
    va_start(values, format);
    (void)vsnprintf(row->trouble, sizeof row->trouble, format, values);
    va_end(values);
}

static double median(const struct result_row *row, enum figure figure)
{
    double value = 0;

    (void)results_median(row, figure, &value);
    return value;
}

void doubt_row(struct result_row *row, size_t workers, size_t processors)
{
    double slip_us = median(row, FIGURE_SLIP_US);
    double generator = median(row, FIGURE_GENERATOR);
    double server = median(row, FIGURE_CPU_US) * median(row, FIGURE_RATE) / 1e6;
    double to_use = fmin((double)workers, (double)processors - generator);

    if (row->state != ROW_MEASURED)
        return;
    if (slip_us > DOUBT_SLIP_US && slip_us > DOUBT_SLIP_SHARE * median(row, FIGURE_P99_US))
        doubt(row, "the schedule slipped: 1 %% of the messages left %.1f ms late or more",
              slip_us / 1e3);
    else if (generator > DOUBT_GENERATOR_BUSY && server < DOUBT_SERVER_BUSY * to_use)
        doubt(
            row,
            "the generator was the bottleneck: it used %.0f %% of a processor, the server %.0f %%",
            generator * 100, server * 100);
}
