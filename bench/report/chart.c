/* chart.c - see chart.h. */
/* SPDX-License-Identifier: MIT */
#include "chart.h"

#include "html.h"
#include "number.h"

#define Y_TICKS 8

void chart_open(struct chart *chart, const char *title, double height)
{
    unsigned number = ++chart->number;

    html_put(chart->page, "<figure class=\"plot\">\n");
    html_element(chart->page, "figcaption", title);
    html_put(chart->page,
             "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"t%u d%u\">\n"
             "<title id=\"t%u\">",
             CHART_WIDTH, height, number, number, number);
    html_text(chart->page, title);
    html_put(chart->page, "</title>\n<desc id=\"d%u\">", number);
}

void chart_drawing(struct chart *chart)
{
    html_put(chart->page, "</desc>\n");
}

void chart_close(struct chart *chart)
{
    html_put(chart->page, "</svg>\n</figure>\n");
}

void chart_series_open(struct chart *chart, const struct look *subject)
{
    char classes[24];

    html_put(chart->page, "<g class=\"%s\" data-subject=\"", look_class(subject, classes));
    html_text(chart->page, subject->name);
    html_put(chart->page, "\">\n");
}

void chart_series_close(struct chart *chart)
{
    html_put(chart->page, "</g>\n");
}

void chart_text(struct chart *chart, const char *classes, double x, double y, const char *text)
{
    html_put(chart->page, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", classes, x, y);
    html_text(chart->page, text);
    html_put(chart->page, "</text>\n");
}

void chart_line(struct chart *chart, const char *classes, double x1, double y1, double x2,
                double y2)
{
    html_put(chart->page, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", classes, x1, y1, x2,
             y2);
}

void chart_marker(struct chart *chart, const struct look *subject, double x, double y)
{
    static const char *const shapes[] = {
        "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",    /* circle */
        "m-3.5-3.5h7v7h-7z",                     /* square */
        "m0-4.5l4.2 7.5h-8.4z",                  /* triangle */
        "m0-4.8l4.8 4.8l-4.8 4.8l-4.8-4.8z",     /* diamond */
        "m0 4.5l4.2-7.5h-8.4z",                  /* triangle, upside down */
        "m-4.5-1.5h3v-3h3v3h3v3h-3v3h-3v-3h-3z", /* plus */
    };

    html_put(chart->page, "<path class=\"marker\" d=\"M%.1f %.1f%s\"/>\n", x, y,
             shapes[subject->rank % (sizeof shapes / sizeof *shapes)]);
}

void chart_y_axis(struct chart *chart, const struct scale *scale, double left, double right,
                  const char *unit)
{
    double ticks[SCALE_TICKS_MAX];
    size_t count = scale_ticks(scale, Y_TICKS, ticks);
    char text[NUMBER_SIZE];

    for (size_t i = 0; i < count; i++) {
        double y = scale_at(scale, ticks[i]);

        chart_line(chart, i == 0 ? "axis" : "grid", left, y, right, y);
        chart_text(chart, "tick end", left - 6, y + 4, number_tick(ticks[i], text));
    }
    chart_text(chart, "tick", 2, scale->to - 14, unit);
}
