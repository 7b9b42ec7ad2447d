/* results.c - see results.h. */
/* SPDX-License-Identifier: MIT */
#include "results.h"

#include <stdio.h>
#include <stdlib.h>

/* Each share of ten, of a hundred and so on of the slowest is seen by a half and by a quarter. */
const double results_percentiles[RESULTS_PERCENTILES] = {
    0,    10,    25,   50,    75,     85,    90,     95,      97.5,   99,
    99.5, 99.75, 99.9, 99.95, 99.975, 99.99, 99.995, 99.9975, 99.999, 100};

/* Room for one member more in an array that grows to twice its size at every power of two. */
static void *grow(void *members, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return members;
    return reallocarray(members, count > 0 ? count * 2 : 1, size);
}

struct result_case *results_add_case(struct results *results)
{
    struct result_case *cases = grow(results->cases, results->case_count, sizeof *cases);

    if (!cases)
        return NULL;
    results->cases = cases;
    cases[results->case_count] = (struct result_case){0};
    return &cases[results->case_count++];
}

struct result_row *results_add_row(struct results *results, size_t which_case, const char *subject,
                                   bool ours)
{
    struct result_row *rows = grow(results->rows, results->row_count, sizeof *rows);

    if (!rows)
        return NULL;
    results->rows = rows;
    rows[results->row_count] = (struct result_row){.which_case = which_case, .ours = ours};
    (void)snprintf(rows[results->row_count].subject, sizeof rows->subject, "%s", subject);
    return &rows[results->row_count++];
}

void results_destroy(struct results *results)
{
    free(results->cases);
    free(results->rows);
    results->cases = NULL;
    results->rows = NULL;
    results->case_count = results->row_count = 0;
}

void results_set_latency(double us[RESULTS_PERCENTILES], const struct histogram *histogram)
{
    for (size_t i = 0; i < RESULTS_PERCENTILES; i++)
        us[i] = (double)histogram_percentile(histogram, results_percentiles[i]) / 1e3;
}

bool results_spread(const struct result_row *row, enum figure figure, struct spread *spread)
{
    const struct series *series = &row->figures[figure];

    if (series->count == 0 || row->state == ROW_INVALID || row->state == ROW_SKIPPED)
        return false;
    *spread = series_spread(series);
    return true;
}

bool results_median(const struct result_row *row, enum figure figure, double *median)
{
    struct spread spread;

    if (!results_spread(row, figure, &spread))
        return false;
    *median = spread.median;
    return true;
}

const struct result_row *results_best(const struct results *results, size_t which_case,
                                      enum figure figure, bool ours)
{
    const enum figure_better better = figure_kind(figure)->better;
    const struct result_row *best = NULL;
    double median, best_median = 0;

    if (better == FIGURE_NEITHER)
        return NULL;
    for (size_t i = 0; i < results->row_count; i++) {
        const struct result_row *row = &results->rows[i];

        if (row->which_case != which_case || row->ours != ours ||
            !results_median(row, figure, &median))
            continue;
        if (!best || (better == FIGURE_LESS ? median < best_median : median > best_median)) {
            best = row;
            best_median = median;
        }
    }
    return best;
}

bool results_best_peer(const struct results *results, size_t which_case, enum figure figure,
                       double *median, const char **who)
{
    const struct result_row *best = results_best(results, which_case, figure, false);

    if (!best)
        return false;
    if (who)
        *who = best->subject;
    return results_median(best, figure, median);
}
