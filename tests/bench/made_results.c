/* made_results.c - see made_results.h. */
/* SPDX-License-Identifier: MIT */
#include "made_results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

struct result_case *made_case(struct results *results, const char *id)
{
    struct result_case *one = results_add_case(results);

    cr_assert(one != NULL);
    *one = (struct result_case){.scenario = "pingpong",
                                .placement = "apart",
                                .connections = 50,
                                .idle_connections = 10000,
                                .message_size = 64,
                                .depth = 2,
                                .workers = 3,
                                .planned_rate = 12500.5,
                                .leads = "cpu_us"};
    (void)snprintf(one->id, sizeof one->id, "%s", id);
    (void)snprintf(one->title, sizeof one->title, "%s in words", id);
    return one;
}

void made_figure(struct result_row *row, enum figure figure, const double values[])
{
    for (; *values > 0; values++)
        series_add(&row->figures[figure], *values);
}

struct result_row *made_row(struct results *results, const char *subject, bool ours,
                            const double cpu_us[])
{
    struct result_row *row = results_add_row(results, results->case_count - 1, subject, ours);

    cr_assert(row != NULL);
    made_figure(row, FIGURE_CPU_US, cpu_us);
    return row;
}

void made_machine(struct fingerprint *machine)
{
    *machine = (struct fingerprint){.cpu = "Abacus 9",
                                    .cpus = 7,
                                    .memory_gib = 15.5,
                                    .kernel = "6.1.0 x86_64",
                                    .os = "Some Linux 12",
                                    .congestion = "reno",
                                    .descriptors = 20000,
                                    .engine = "epoll",
                                    .compiler = "gcc 12",
                                    .flags = "Release -O2",
                                    .version = "0.1.0",
                                    .commit = "0123456789abcdef",
                                    .dirty = true};
}

char *made_text(void (*write)(FILE *out, const void *what), const void *what)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    cr_assert(out != NULL);
    write(out, what);
    (void)fclose(out);
    return text;
}

void expect_text(const char *text, const char *due)
{
    cr_expect(strcmp(text, due) == 0, "it is not '%s' but: %s", due, text);
}

void expect_part(const char *text, const char *part)
{
    cr_expect(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

void expect_no_part(const char *text, const char *part)
{
    cr_expect(strstr(text, part) == NULL, "'%s' is in: %s", part, text);
}
