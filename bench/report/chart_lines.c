/* chart_lines.c - see chart_lines.h. */
/* SPDX-License-Identifier: MIT */
#include "chart_lines.h"

#include <math.h>

#include "html.h"
#include "labels.h"
#include "number.h"

#define LEFT    42.0
#define RIGHT   (CHART_WIDTH - 168) /* beyond it the names */
#define NAMES   (RIGHT + 15)
#define TOP     26.0
#define HEIGHT  216.0
#define AXIS    44.0
#define Y_TICKS 5

#define NAME_MAX_CHARACTERS 20

struct axes {
    struct scale x, y;
};

struct line *lines_add(struct lines *lines, const struct look *subject)
{
    struct line *line = &lines->all[lines->count];

    if (lines->count == LINES_MAX)
        return NULL;
    lines->count++;
    line->subject = subject;
    line->count = 0;
    line->dashed = false;
    return line;
}

void line_add(struct lines *lines, struct line *line, struct point point)
{
    if (line->count == LINE_POINTS_MAX || !isfinite(point.low) || !isfinite(point.high))
        return;
    line->points[line->count++] = point;
    lines->low = lines->high > 0 ? fmin(lines->low, point.low) : point.low;
    lines->high = fmax(lines->high, point.high);
}

static void draw_x_axis(struct chart *chart, const struct lines *lines, const struct scale *x,
                        double bottom)
{
    for (size_t i = 0; i < lines->mark_count; i++) {
        double at = scale_at(x, lines->marks[i].x);

        chart_line(chart, "tick-line", at, bottom, at, bottom + 4);
        chart_text(chart, "tick middle", at, bottom + 20, lines->marks[i].text);
    }
    chart_text(chart, "tick middle", (LEFT + RIGHT) / 2, bottom + 37, lines->x_title);
}

static void draw_band(struct chart *chart, const struct line *line, const struct axes *axes)
{
    html_put(chart->page, "<path class=\"band\" d=\"");
    for (size_t i = 0; i < line->count; i++)
        html_put(chart->page, "%c%.1f %.1f", i == 0 ? 'M' : 'L',
                 scale_at(&axes->x, line->points[i].x), scale_at(&axes->y, line->points[i].high));
    for (size_t i = line->count; i-- > 0;)
        html_put(chart->page, "L%.1f %.1f", scale_at(&axes->x, line->points[i].x),
                 scale_at(&axes->y, line->points[i].low));
    html_put(chart->page, "z\"/>\n");
}

static void draw_line(struct chart *chart, const struct line *line, const struct axes *axes)
{
    bool ranged = false;

    for (size_t i = 0; i < line->count; i++)
        ranged = ranged || line->points[i].high > line->points[i].low;
    if (ranged)
        draw_band(chart, line, axes);
    html_put(chart->page, "<path class=\"line%s\" d=\"", line->dashed ? " dashed" : "");
    for (size_t i = 0; i < line->count; i++)
        html_put(chart->page, "%c%.1f %.1f", i == 0 ? 'M' : 'L',
                 scale_at(&axes->x, line->points[i].x), scale_at(&axes->y, line->points[i].y));
    html_put(chart->page, "\"/>\n");
    for (size_t i = 0; i < line->count; i++)
        if (line->points[i].marked)
            chart_marker(chart, line->subject, scale_at(&axes->x, line->points[i].x),
                         scale_at(&axes->y, line->points[i].y));
}

/* A name as long as there is room for, cut between two characters. */
static void shorten(const char *name, char text[40])
{
    size_t length = 0, characters = 0;

    for (; name[length] && length < 36; length++) {
        characters += ((unsigned char)name[length] & 0xc0) != 0x80;
        if (characters > NAME_MAX_CHARACTERS)
            break;
    }
    (void)snprintf(text, 40, "%.*s%s", (int)length, name, name[length] ? "\xe2\x80\xa6" : "");
}

static void draw_name(struct chart *chart, const struct line *line, const struct axes *axes,
                      const struct label *label)
{
    const struct point *last = &line->points[line->count - 1];
    char text[40];

    chart_series_open(chart, line->subject);
    chart_line(chart, "leader", scale_at(&axes->x, last->x) + 5, label->at, NAMES - 7, label->y);
    chart_marker(chart, line->subject, NAMES, label->y);
    chart_series_close(chart);
    shorten(line->subject->name, text);
    chart_text(chart, line->subject->ours ? "ours" : "peer", NAMES + 8, label->y + 4, text);
}

static void draw_names(struct chart *chart, const struct lines *lines, const struct axes *axes,
                       double bottom)
{
    struct label labels[LINES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < lines->count; i++) {
        const struct line *line = &lines->all[i];

        if (!line->dashed)
            labels[count++] =
                (struct label){.at = scale_at(&axes->y, line->points[line->count - 1].y), .of = i};
    }
    labels_spread(labels, count, CHART_LINE, TOP, bottom);
    for (size_t i = 0; i < count; i++)
        draw_name(chart, &lines->all[labels[i].of], axes, &labels[i]);
}

/* Ours last, so that nothing lies over them. */
static void draw_lines(struct chart *chart, const struct lines *lines, const struct axes *axes)
{
    for (size_t i = lines->count; i-- > 0;) {
        chart_series_open(chart, lines->all[i].subject);
        draw_line(chart, &lines->all[i], axes);
        chart_series_close(chart);
    }
}

static void describe(struct chart *chart, const struct lines *lines)
{
    char first[NUMBER_SIZE], last[NUMBER_SIZE];

    html_text(chart->page, lines->description);
    for (size_t i = 0; i < lines->count; i++) {
        const struct line *line = &lines->all[i];

        if (line->dashed)
            continue;
        html_put(chart->page, "; ");
        html_text(chart->page, line->subject->name);
        html_put(chart->page, " %s to %s", number_write(line->points[0].y, first),
                 number_write(line->points[line->count - 1].y, last));
    }
}

void chart_lines(struct chart *chart, const struct lines *lines)
{
    double height = fmax(HEIGHT, (double)lines->count * CHART_LINE);
    double bottom = TOP + height;
    struct axes axes = {
        .x = scale_log_exact(lines->marks[0].x, lines->marks[lines->mark_count - 1].x, LEFT, RIGHT),
        .y = lines->linear ? scale_linear(lines->high, bottom, TOP, Y_TICKS)
                           : scale_log(lines->low, lines->high, bottom, TOP)};

    chart_open(chart, lines->title, bottom + AXIS);
    describe(chart, lines);
    chart_drawing(chart);
    chart_y_axis(chart, &axes.y, LEFT, RIGHT, lines->y_unit);
    draw_x_axis(chart, lines, &axes.x, bottom);
    draw_lines(chart, lines, &axes);
    draw_names(chart, lines, &axes, bottom);
    chart_close(chart);
}
