/* chart.h - the frame of a chart: its SVG, axes, texts and markers. */
/* SPDX-License-Identifier: MIT */
/*
 * Size     A chart is laid out for a phone, CHART_WIDTH units wide; there a unit is a little less
 *          than a pixel. Wider pages put several side by side, each of about that width.
 * Colours  Only classes are written; style.css has the colours, for light and for dark.
 */
#ifndef BENCH_CHART_H
#define BENCH_CHART_H

#include <stdio.h>

#include "looks.h"
#include "scale.h"

#define CHART_WIDTH 420.0
#define CHART_LINE  16.0 /* from one line of text to the next */

struct chart {
    FILE *page;
    unsigned number; /* of those in the page so far: makes ids */
};

/* What is drawn goes between chart_drawing and chart_close, the words for those who do not see
 * it between chart_open and chart_drawing. */
void chart_open(struct chart *chart, const char *title, double height);
void chart_drawing(struct chart *chart);
void chart_close(struct chart *chart);

/* The group of one subject: its colour is the current one until it is closed. */
void chart_series_open(struct chart *chart, const struct look *subject);
void chart_series_close(struct chart *chart);

void chart_text(struct chart *chart, const char *classes, double x, double y, const char *text);
void chart_line(struct chart *chart, const char *classes, double x1, double y1, double x2,
                double y2);

/* A subject's own shape, in the current colour. */
void chart_marker(struct chart *chart, const struct look *subject, double x, double y);

/* Grid lines across, from `left` to `right`, with the values beside and the unit above them. */
void chart_y_axis(struct chart *chart, const struct scale *scale, double left, double right,
                  const char *unit);

#endif
