/* report_charts.c - see report_parts.h. */
/* SPDX-License-Identifier: MIT */
#include "chart_bars.h"
#include "chart_crowd.h"
#include "chart_latency.h"
#include "html.h"
#include "report_parts.h"

static void open_charts(FILE *page, const char *title, const char *words)
{
    html_element(page, "h2", title);
    html_element(page, "p", words);
}

/* A figure of every case that has it. */
static void put_bars(struct chart *chart, struct bars bars, enum figure figure, const char *lead)
{
    bars.figure = figure;
    bars.part = figure == FIGURE_CPU_US ? FIGURE_CPU_USER_US : figure;
    bars.lead = lead;
    for (bars.which_case = 0; bars.which_case < bars.results->case_count; bars.which_case++)
        if (chart_bars_any(&bars))
            chart_bars(chart, &bars);
}

static bool any_bars(struct bars bars, enum figure figure)
{
    bars.figure = figure;
    for (bars.which_case = 0; bars.which_case < bars.results->case_count; bars.which_case++)
        if (chart_bars_any(&bars))
            return true;
    return false;
}

static void put_cpu(struct chart *chart, struct bars bars)
{
    if (!any_bars(bars, FIGURE_CPU_US))
        return;
    open_charts(chart->page, "Processor time for one operation",
                "Lower is better. The time of the server alone, its median over the rounds; "
                "ours beside the best peer in percent, where the rounds of the two lie apart.");
    html_put(chart->page,
             "<ul class=\"key\"><li><i class=\"user\"></i>user space; or both, not told apart</li>"
             "<li><i class=\"kernel\"></i>kernel</li>"
             "<li><i class=\"rounds\"></i>lowest to highest round</li>"
             "<li><i class=\"peer-line\"></i>best peer</li></ul>\n"
             "<div class=\"plots\">\n");
    put_bars(chart, bars, FIGURE_CPU_US, "");
    html_put(chart->page, "</div>\n");
}

static void put_idle(struct chart *chart, struct bars bars)
{
    if (!any_bars(bars, FIGURE_IDLE_BYTES) && !any_bars(bars, FIGURE_KEPT))
        return;
    open_charts(chart->page, "Idle connections",
                "What the server grew by for each connection on which nothing happens: lower is "
                "better. And what was left of the rate beside them, where 100 % is the rate "
                "without them: higher is better.");
    html_put(chart->page, "<div class=\"plots\">\n");
    put_bars(chart, bars, FIGURE_IDLE_BYTES, "Memory: ");
    put_bars(chart, bars, FIGURE_KEPT, "Rate kept: ");
    html_put(chart->page, "</div>\n");
}

static void put_latencies(struct chart *chart, const struct results *results,
                          const struct looks *looks)
{
    bool any = false;

    for (size_t i = 0; i < results->case_count; i++) {
        if (!chart_latency_any(results, i))
            continue;
        if (!any) {
            open_charts(chart->page, "Latency by percentile",
                        "Lower is better; p99 is the time that 99 of 100 operations did not "
                        "exceed. A line ends where fewer than ten operations were slower. With "
                        "a planned rate the solid line runs from the planned moment, so that "
                        "waiting behind a slow operation counts, and the dashed line from the "
                        "moment of sending.");
            html_put(chart->page, "<div class=\"plots\">\n");
        }
        any = true;
        chart_latency(chart, results, looks, i);
    }
    if (any)
        html_put(chart->page, "</div>\n");
}

static void put_crowds(struct chart *chart, const struct results *results,
                       const struct looks *looks)
{
    bool any = false;

    for (size_t i = 0; i < results->case_count; i++) {
        if (!chart_crowd_any(results, i))
            continue;
        if (!any) {
            open_charts(chart->page, "Rate against connections",
                        "Higher is better. Lines join the medians; the band is what the rounds "
                        "lay between.");
            html_put(chart->page, "<div class=\"plots\">\n");
        }
        any = true;
        chart_crowd(chart, results, looks, i);
    }
    if (any)
        html_put(chart->page, "</div>\n");
}

void report_charts(FILE *page, const struct results *results)
{
    struct chart chart = {.page = page};
    struct looks looks;
    struct bars bars = {.results = results, .looks = &looks};

    looks_read(results, &looks);
    put_cpu(&chart, bars);
    put_latencies(&chart, results, &looks);
    put_crowds(&chart, results, &looks);
    put_idle(&chart, bars);
}
