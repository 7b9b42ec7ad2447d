/* chart_bars.c - see chart_bars.h. */
/* SPDX-License-Identifier: MIT */
#include "chart_bars.h"

#include <math.h>
#include <string.h>

#include "html.h"
#include "number.h"

#define LEFT       2.0
#define RIGHT      (CHART_WIDTH - 20)
#define TOP        4.0
#define PITCH      38.0 /* from one bar to the next: its words above it */
#define BAR_TOP    18.0
#define BAR_HEIGHT 11.0
#define AXIS       40.0 /* its values and what they are, below the bars */
#define TICKS      5

static const struct result_row *row_of(const struct bars *bars, size_t subject)
{
    return look_row(bars->results, bars->which_case, &bars->looks->all[subject]);
}

static bool spread_of(const struct bars *bars, size_t subject, struct spread *spread)
{
    const struct result_row *row = row_of(bars, subject);

    return row && results_spread(row, bars->figure, spread) && isfinite(spread->min) &&
           isfinite(spread->max);
}

bool chart_bars_any(const struct bars *bars)
{
    struct spread spread;

    for (size_t i = 0; i < bars->looks->count; i++)
        if (spread_of(bars, i, &spread))
            return true;
    return false;
}

static void describe(struct chart *chart, const struct bars *bars)
{
    char number[NUMBER_SIZE];
    struct spread spread;

    html_text(chart->page, figure_kind(bars->figure)->title);
    for (size_t i = 0; i < bars->looks->count; i++)
        if (spread_of(bars, i, &spread)) {
            html_put(chart->page, "%s", "; ");
            html_text(chart->page, bars->looks->all[i].name);
            html_put(chart->page, " %s", number_of_figure(bars->figure, spread.median, number));
        }
}

static void draw_axis(struct chart *chart, const struct bars *bars, const struct scale *scale,
                      double bottom)
{
    double ticks[SCALE_TICKS_MAX];
    size_t count = scale_ticks(scale, TICKS, ticks);
    const char *unit = number_unit(bars->figure);
    char text[NUMBER_SIZE], title[96];

    for (size_t i = 0; i < count; i++) {
        double x = scale_at(scale, ticks[i]);

        chart_line(chart, i == 0 ? "axis" : "grid", x, TOP + BAR_TOP - 3, x, bottom + 2);
        chart_text(chart, i == 0 ? "tick" : "tick middle", i == 0 ? LEFT : x, bottom + 17,
                   number_tick(ticks[i], text));
    }
    (void)snprintf(title, sizeof title, "%s%s%s", figure_kind(bars->figure)->title,
                   *unit ? ", " : "", unit);
    chart_text(chart, "tick middle", (LEFT + RIGHT) / 2, bottom + 34, title);
}

static void draw_range(struct chart *chart, const struct scale *scale, const struct spread *spread,
                       double y)
{
    double from = scale_at(scale, spread->min), to = scale_at(scale, spread->max);

    html_put(chart->page, "<path class=\"range\" d=\"M%.1f %.1fv6m0-3H%.1fm0-3v6\"/>\n", from,
             y - 3, to);
}

static void draw_bar(struct chart *chart, const struct bars *bars, const struct result_row *row,
                     const struct scale *scale, const struct spread *spread, double y)
{
    const double unit = figure_kind(bars->figure)->scale;
    const struct spread shown = {spread->min / unit, spread->median / unit, spread->max / unit};
    double filled = spread->median, end = scale_at(scale, shown.median), part_end = end;

    if (results_median(row, bars->part, &filled))
        part_end = scale_at(scale, fmin(filled / unit, shown.median));
    html_put(chart->page,
             "<rect class=\"whole\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\"/>\n"
             "<rect class=\"part\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\"/>\n",
             LEFT, y, end - LEFT, BAR_HEIGHT, LEFT, y, part_end - LEFT, BAR_HEIGHT);
    if (row->figures[bars->figure].count > 1)
        draw_range(chart, scale, &shown, y + BAR_HEIGHT / 2);
}

/* "-14 % . 4.12 us": beside the best peer's, if the rounds of both lie apart, as in the verdict. */
static void write_value(const struct bars *bars, const struct result_row *row,
                        const struct spread *spread, char *text, size_t size)
{
    const struct result_row *best =
        row->ours ? results_best(bars->results, bars->which_case, bars->figure, false) : NULL;
    char number[NUMBER_SIZE];
    struct spread peer;

    number_of_figure(bars->figure, spread->median, number);
    if (!best || !results_spread(best, bars->figure, &peer) || !(peer.median > 0))
        (void)snprintf(text, size, "%s", number);
    else if (spread_compare(spread, &peer) == 0)
        (void)snprintf(text, size, "\xe2\x89\x88 best peer \xc2\xb7 %s", number);
    else
        (void)snprintf(text, size, "%+.0f %% \xc2\xb7 %s", (spread->median / peer.median - 1) * 100,
                       number);
}

static const char *word_for(const struct result_row *row)
{
    static const char *const words[] = {"not measured", "invalid", "failed", "skipped"};

    return words[row->state];
}

static void draw_row(struct chart *chart, const struct bars *bars, size_t subject,
                     const struct scale *scale, double top)
{
    const struct result_row *row = row_of(bars, subject);
    struct spread spread;
    bool measured = spread_of(bars, subject, &spread);
    char value[NUMBER_SIZE + 24], name[80];
    const char *who = "";
    double best;

    (void)results_best_peer(bars->results, bars->which_case, bars->figure, &best, &who);
    (void)snprintf(name, sizeof name, "%s%s", row->subject,
                   strcmp(who, row->subject) == 0 ? " \xc2\xb7 best peer" : "");
    (void)snprintf(value, sizeof value, "%s", word_for(row));
    if (measured)
        write_value(bars, row, &spread, value, sizeof value);
    chart_text(chart, row->ours ? "name ours" : "name", LEFT, top + BAR_TOP - 4, name);
    chart_text(chart, row->ours ? "value ours end" : "value end", CHART_WIDTH - 2,
               top + BAR_TOP - 4, value);
    if (!measured)
        return;
    chart_series_open(chart, &bars->looks->all[subject]);
    draw_bar(chart, bars, row, scale, &spread, top + BAR_TOP);
    chart_series_close(chart);
}

static double highest(const struct bars *bars, size_t *rows)
{
    struct spread spread;
    double high = 0;

    *rows = 0;
    for (size_t i = 0; i < bars->looks->count; i++) {
        *rows += row_of(bars, i) != NULL;
        if (spread_of(bars, i, &spread))
            high = fmax(high, spread.max / figure_kind(bars->figure)->scale);
    }
    return high;
}

void chart_bars(struct chart *chart, const struct bars *bars)
{
    char title[160];
    size_t rows;
    struct scale scale = scale_linear(highest(bars, &rows), LEFT, RIGHT, TICKS);
    double best, top = TOP, bottom = TOP + (double)rows * PITCH;

    (void)snprintf(title, sizeof title, "%s%s", bars->lead,
                   bars->results->cases[bars->which_case].title);
    chart_open(chart, title, bottom + AXIS);
    describe(chart, bars);
    chart_drawing(chart);
    draw_axis(chart, bars, &scale, bottom);
    if (results_best_peer(bars->results, bars->which_case, bars->figure, &best, NULL)) {
        double x = scale_at(&scale, best / figure_kind(bars->figure)->scale);

        chart_line(chart, "best", x, TOP + BAR_TOP - 3, x, bottom + 2);
    }
    for (size_t i = 0; i < bars->looks->count; i++)
        if (row_of(bars, i)) {
            draw_row(chart, bars, i, &scale, top);
            top += PITCH;
        }
    chart_close(chart);
}
