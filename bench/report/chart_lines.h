/* chart_lines.h - lines over a logarithmic axis, each with its name at its end. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CHART_LINES_H
#define BENCH_CHART_LINES_H

#include "chart.h"

#define LINE_POINTS_MAX 32
#define LINES_MAX       ((size_t)2 * LOOKS_MAX)

struct point {
    double x, y;
    double low, high; /* the range around y */
    bool marked;
};

struct line {
    const struct look *subject;
    struct point points[LINE_POINTS_MAX]; /* from left to right */
    size_t count;
    bool dashed; /* the same subject's second line: it has no name of its own */
};

/* A value of the x axis that is written, and as what. */
struct mark {
    double x;
    char text[24];
};

struct lines {
    const char *title;
    const char *description;
    const char *x_title;
    const char *y_unit;
    bool linear;                        /* the y axis, from zero; else logarithmic */
    double low, high;                   /* of what stands on it */
    struct mark marks[LINE_POINTS_MAX]; /* the first and the last are the ends of the x axis */
    size_t mark_count;
    struct line all[LINES_MAX];
    size_t count;
};

/* A line more, still without points; NULL: no room. */
struct line *lines_add(struct lines *lines, const struct look *subject);

/* A point more, if there is room and it is a number, which also widens the range of the y axis. */
void line_add(struct lines *lines, struct line *line, struct point point);

void chart_lines(struct chart *chart, const struct lines *lines);

#endif
