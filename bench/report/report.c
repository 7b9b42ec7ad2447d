/* report.c - see report.h. */
/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "html.h"
#include "report_parts.h"
#include "style.h"
#include "verdict.h"

#define TITLE "libiocp beside its peers"

static size_t count_subjects(const struct results *results)
{
    size_t count = 0;

    for (size_t i = 0; i < results->row_count; i++) {
        size_t earlier = 0;

        while (earlier < i && strcmp(results->rows[earlier].subject, results->rows[i].subject) != 0)
            earlier++;
        count += earlier == i;
    }
    return count;
}

void report_summary(FILE *page, const struct results *results)
{
    size_t subjects = count_subjects(results);
    char verdict[VERDICT_SIZE];

    html_element(page, "h1", TITLE);
    html_put(page, "<p class=\"when\">");
    html_text(page, results->started);
    html_put(page, "</p>\n");
    html_put(page,
             "<p>iocp-server, the echo server of libiocp, and servers that do the same work in "
             "other ways, under the same load on one machine: %zu case%s, %zu subject%s, "
             "%.0f s.</p>\n",
             results->case_count, results->case_count == 1 ? "" : "s", subjects,
             subjects == 1 ? "" : "s", results->elapsed_s);
    if (results->interrupted)
        html_put(page, "<p class=\"warning\">The run was interrupted: rounds, or whole cases, "
                       "are missing.</p>\n");
    html_element(page, "h2", "What came of it");
    html_put(page, "<ul class=\"verdicts\">\n");
    for (size_t i = 0; i < results->case_count; i++) {
        html_put(page, "<li>");
        html_element(page, "strong", results->cases[i].title);
        verdict_write(results, i, verdict, sizeof verdict);
        html_element(page, "p", verdict);
        verdict_write_ratios(results, i, verdict, sizeof verdict);
        if (verdict[0] != '\0')
            html_element(page, "p class=\"ratios\"", verdict);
        html_put(page, "</li>\n");
    }
    html_put(page, "</ul>\n");
}

static void put_page(FILE *page, const struct results *results)
{
    html_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<title>" TITLE "</title>\n<style>\n");
    (void)fwrite(style, 1, sizeof style, page);
    html_put(page, "</style>\n</head>\n<body>\n<main>\n");
    report_summary(page, results);
    report_charts(page, results);
    report_tables(page, results);
    report_method(page, results);
    html_put(page, "</main>\n</body>\n</html>\n");
}

static int write_to(const struct results *results, const char *path)
{
    FILE *page = fopen(path, "we");
    int error = 0;

    if (!page)
        return -errno;
    put_page(page, results);
    if (ferror(page) != 0)
        error = -EIO;
    if (fclose(page) != 0 && error == 0)
        error = -errno;
    return error;
}

int report_write(const struct results *results, const char *path)
{
    char *draft;
    int error;

    if (asprintf(&draft, "%s.part", path) < 0)
        return -ENOMEM;
    error = write_to(results, draft);
    if (error == 0 && rename(draft, path) < 0)
        error = -errno;
    if (error < 0)
        (void)unlink(draft);
    free(draft);
    return error;
}
