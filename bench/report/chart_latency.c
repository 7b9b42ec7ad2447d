/* chart_latency.c - see chart_latency.h. */
/* SPDX-License-Identifier: MIT */
#include "chart_latency.h"

#include <math.h>

#include "chart_lines.h"

/* So many operations have to be slower than a point for it to say something. */
#define SLOWER_MIN 10

static const struct mark marks[] = {
    {2, "p50"}, {10, "p90"}, {100, "p99"}, {1000, "p99.9"}, {10000, "p99.99"}};

#define MARKS (sizeof marks / sizeof *marks)

static bool has_latency(const struct result_row *row)
{
    return row->latency_count > 0 && (row->state == ROW_MEASURED || row->state == ROW_FAILED);
}

bool chart_latency_any(const struct results *results, size_t which_case)
{
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].which_case == which_case && has_latency(&results->rows[i]))
            return true;
    return false;
}

static bool is_marked(double x)
{
    for (size_t i = 0; i < MARKS; i++)
        if (fabs(x / marks[i].x - 1) < 1e-6)
            return true;
    return false;
}

/* The percentile as the number of operations of which one is slower. */
static bool one_in(const struct result_row *row, size_t percentile, double *count)
{
    double one = 100 / (100 - results_percentiles[percentile]);

    if (!(one > marks[0].x * (1 - 1e-6) && one < marks[MARKS - 1].x * (1 + 1e-6)))
        return false;
    *count = one;
    return one <= marks[0].x * (1 + 1e-6) || (double)row->latency_count / one >= SLOWER_MIN;
}

static void add_line(struct lines *lines, const struct look *subject, const struct result_row *row,
                     const double us[RESULTS_PERCENTILES], bool dashed)
{
    struct line *line = lines_add(lines, subject);
    double x;

    if (!line)
        return;
    line->dashed = dashed;
    for (size_t i = 0; i < RESULTS_PERCENTILES; i++)
        if (one_in(row, i, &x) && us[i] > 0)
            line_add(lines, line,
                     (struct point){.x = x,
                                    .y = us[i],
                                    .low = us[i],
                                    .high = us[i],
                                    .marked = !dashed && is_marked(x)});
    if (line->count == 0)
        lines->count--;
}

void chart_latency(struct chart *chart, const struct results *results, const struct looks *looks,
                   size_t which_case)
{
    struct lines lines = {.title = results->cases[which_case].title,
                          .description =
                              "Latency by percentile, for each subject from p50 to the highest",
                          .x_title = "percentile of the operations",
                          .y_unit = "\xc2\xb5s"};

    for (; lines.mark_count < MARKS; lines.mark_count++)
        lines.marks[lines.mark_count] = marks[lines.mark_count];
    for (size_t i = 0; i < looks->count; i++) {
        const struct result_row *row = look_row(results, which_case, &looks->all[i]);

        if (!row || !has_latency(row))
            continue;
        add_line(&lines, &looks->all[i], row, row->latency_us, false);
        if (results->cases[which_case].planned_rate > 0)
            add_line(&lines, &looks->all[i], row, row->uncorrected_us, true);
    }
    if (lines.count > 0)
        chart_lines(chart, &lines);
}
