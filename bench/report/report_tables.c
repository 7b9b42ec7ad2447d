/* report_tables.c - see report_parts.h. */
/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "html.h"
#include "number.h"
#include "report_parts.h"

static bool case_has(const struct results *results, size_t which_case, enum figure figure)
{
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].which_case == which_case && results->rows[i].figures[figure].count > 0)
            return true;
    return false;
}

static void put_head(FILE *page, const struct results *results, size_t which_case)
{
    html_put(page, "<thead><tr><th scope=\"col\">subject</th>");
    for (int figure = 0; figure < FIGURES; figure++) {
        const char *unit = number_unit((enum figure)figure);

        if (!case_has(results, which_case, (enum figure)figure))
            continue;
        html_put(page, "<th scope=\"col\">");
        html_text(page, figure_kind((enum figure)figure)->title);
        if (*unit) {
            html_put(page, "<span>");
            html_text(page, unit);
            html_put(page, "</span>");
        }
        html_put(page, "</th>");
    }
    html_put(page, "</tr></thead>\n");
}

static void put_figure(FILE *page, const struct series *series, double unit)
{
    struct spread spread = series_spread(series);
    char median[NUMBER_SIZE], min[NUMBER_SIZE], max[NUMBER_SIZE];

    if (series->count == 0) {
        html_put(page, "<td class=\"none\">\xe2\x80\x93</td>");
        return;
    }
    html_put(page, "<td>%s", number_write(spread.median / unit, median));
    if (series->count > 1)
        html_put(page, "<span>%s \xe2\x80\x93 %s</span>", number_write(spread.min / unit, min),
                 number_write(spread.max / unit, max));
    html_put(page, "</td>");
}

static void put_row(FILE *page, const struct results *results, const struct result_row *row)
{
    static const char *const words[] = {"", "INVALID", "FAILED", "SKIPPED"};

    html_put(page, "<tr class=\"%s %s\"><th scope=\"row\">", row->ours ? "ours" : "peer",
             row->state == ROW_MEASURED ? "counts" : "troubled");
    html_text(page, row->subject);
    if (row->state != ROW_MEASURED) {
        html_put(page, "<span><b>%s</b> ", words[row->state]);
        html_text(page, row->trouble);
        html_put(page, "</span>");
    }
    html_put(page, "</th>");
    for (int figure = 0; figure < FIGURES; figure++)
        if (case_has(results, row->which_case, (enum figure)figure))
            put_figure(page, &row->figures[figure], figure_kind((enum figure)figure)->scale);
    html_put(page, "</tr>\n");
}

/* A wide table scrolls by itself, by keyboard too, and the page does not. */
static void open_table(FILE *page, const char *title)
{
    html_put(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html_text(page, title);
    html_put(page, "\"><table>\n");
    html_element(page, "caption", title);
}

static void close_table(FILE *page)
{
    html_put(page, "</tbody></table></div>\n");
}

static void put_case(FILE *page, const struct results *results, size_t which_case)
{
    open_table(page, results->cases[which_case].title);
    put_head(page, results, which_case);
    html_put(page, "<tbody>\n");
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].which_case == which_case)
            put_row(page, results, &results->rows[i]);
    close_table(page);
}

static uint64_t error_count(const struct result_row *row)
{
    uint64_t count = 0;

    for (size_t i = 0; i < LOAD_ERRORS; i++)
        count += row->errors[i];
    return count;
}

static void put_error_row(FILE *page, const struct results *results, const struct result_row *row)
{
    html_put(page, "<tr class=\"%s\"><th scope=\"row\">", row->ours ? "ours" : "peer");
    html_text(page, row->subject);
    html_put(page, "<span>");
    html_text(page, results->cases[row->which_case].title);
    html_put(page, "</span></th>");
    for (size_t i = 0; i < LOAD_ERRORS; i++)
        html_put(page, "<td>%" PRIu64 "</td>", row->errors[i]);
    html_put(page, "</tr>\n");
}

static void put_errors(FILE *page, const struct results *results)
{
    bool any = false;

    for (size_t i = 0; i < results->row_count; i++) {
        if (error_count(&results->rows[i]) == 0)
            continue;
        if (!any) {
            html_element(page, "h2", "Errors");
            open_table(page, "Operations that failed");
            html_put(page, "<thead><tr><th scope=\"col\">subject</th>");
            for (int class = 0; class < LOAD_ERRORS; class ++)
                html_element(page, "th scope=\"col\"", load_error_name((enum load_error) class));
            html_put(page, "</tr></thead><tbody>\n");
        }
        any = true;
        put_error_row(page, results, &results->rows[i]);
    }
    if (any)
        close_table(page);
}

void report_tables(FILE *page, const struct results *results)
{
    if (results->case_count > 0) {
        html_element(page, "h2", "All figures");
        html_element(page, "p",
                     "The median of the rounds, and below it the lowest and the highest.");
    }
    for (size_t i = 0; i < results->case_count; i++)
        put_case(page, results, i);
    put_errors(page, results);
}
