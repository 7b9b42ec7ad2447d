/* chart_crowd.c - see chart_crowd.h. */
/* SPDX-License-Identifier: MIT */
#include "chart_crowd.h"

#include <stdlib.h>
#include <string.h>

#include "chart_lines.h"
#include "number.h"

/* Cases of one kind, by their connections. */
struct crowd {
    const struct result_case *cases[LINE_POINTS_MAX];
    size_t count;
};

static bool alike(const struct result_case *a, const struct result_case *b)
{
    return strcmp(a->scenario, b->scenario) == 0 && strcmp(a->placement, b->placement) == 0 &&
           a->idle_connections == b->idle_connections && a->message_size == b->message_size &&
           a->depth == b->depth && a->workers == b->workers && a->planned_rate == b->planned_rate;
}

static int compare(const void *left, const void *right)
{
    const struct result_case *const *a = left, *const *b = right;

    return ((*a)->connections > (*b)->connections) - ((*a)->connections < (*b)->connections);
}

static bool has_rate(const struct results *results, size_t which_case)
{
    double median;

    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].which_case == which_case &&
            results_median(&results->rows[i], FIGURE_RATE, &median))
            return true;
    return false;
}

static bool holds(const struct crowd *crowd, size_t connections)
{
    for (size_t i = 0; i < crowd->count; i++)
        if (crowd->cases[i]->connections == connections)
            return true;
    return false;
}

static void read_crowd(const struct results *results, size_t first, struct crowd *crowd)
{
    crowd->count = 0;
    for (size_t i = first; i < results->case_count && crowd->count < LINE_POINTS_MAX; i++)
        if (alike(&results->cases[first], &results->cases[i]) && has_rate(results, i) &&
            results->cases[i].connections > 0 && !holds(crowd, results->cases[i].connections))
            crowd->cases[crowd->count++] = &results->cases[i];
    qsort(crowd->cases, crowd->count, sizeof *crowd->cases, compare);
}

bool chart_crowd_any(const struct results *results, size_t first)
{
    struct crowd crowd;

    for (size_t i = 0; i < first; i++)
        if (alike(&results->cases[i], &results->cases[first]))
            return false;
    read_crowd(results, first, &crowd);
    return crowd.count > 1;
}

static void add_line(struct lines *lines, const struct results *results, const struct crowd *crowd,
                     const struct look *subject)
{
    const double unit = figure_kind(FIGURE_RATE)->scale;
    struct line *line = lines_add(lines, subject);
    struct spread spread;

    for (size_t i = 0; line && i < crowd->count; i++) {
        size_t which = (size_t)(crowd->cases[i] - results->cases);
        const struct result_row *row = look_row(results, which, subject);

        if (row && results_spread(row, FIGURE_RATE, &spread))
            line_add(lines, line,
                     (struct point){.x = (double)crowd->cases[i]->connections,
                                    .y = spread.median / unit,
                                    .low = spread.min / unit,
                                    .high = spread.max / unit,
                                    .marked = true});
    }
    if (line && line->count == 0)
        lines->count--;
}

void chart_crowd(struct chart *chart, const struct results *results, const struct looks *looks,
                 size_t first)
{
    const struct result_case *kind = &results->cases[first];
    struct lines lines = {.linear = true,
                          .description = "Thousands of operations per second, for each subject "
                                         "from the fewest connections to the most",
                          .x_title = "connections",
                          .y_unit = "1000 operations per second"};
    struct crowd crowd;
    char title[160], number[NUMBER_SIZE];

    read_crowd(results, first, &crowd);
    (void)snprintf(title, sizeof title, "%s, %zu B, %zu worker%s", kind->scenario,
                   kind->message_size, kind->workers, kind->workers == 1 ? "" : "s");
    lines.title = title;
    for (size_t i = 0; i < crowd.count; i++) {
        struct mark *mark = &lines.marks[lines.mark_count++];

        mark->x = (double)crowd.cases[i]->connections;
        (void)snprintf(mark->text, sizeof mark->text, "%s", number_tick(mark->x, number));
    }
    for (size_t i = 0; i < looks->count; i++)
        add_line(&lines, results, &crowd, &looks->all[i]);
    chart_lines(chart, &lines);
}
