/* test_report.c - the page: well-formed, whole, on its own, and right about what was measured. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "html.h"
#include "page_check.h"
#include "report.h"
#include "sample_results.h"

static struct results results;
static char directory[] = "/tmp/report-XXXXXX";
static char path[64];
static char *page;

static void open_results(void)
{
    cr_assert(eq(int, sample_results(&results), 0));
    cr_assert(ne(ptr, mkdtemp(directory), NULL));
    (void)snprintf(path, sizeof path, "%s/report.html", directory);
}

static void close_results(void)
{
    free(page);
    results_destroy(&results);
    (void)unlink(path);
    (void)rmdir(directory);
}

TestSuite(report, .init = open_results, .fini = close_results, .timeout = 10);

static void write_and_read(void)
{
    size_t size = 0;
    FILE *file;

    cr_assert(eq(int, report_write(&results, path), 0));
    file = fopen(path, "re");
    cr_assert(ne(ptr, file, NULL));
    free(page);
    page = NULL;
    cr_assert(lt(long, 0, (long)getdelim(&page, &size, '\0', file)));
    (void)fclose(file);
}

static void expect_well_formed(void)
{
    const char *where = page_check(page);

    cr_expect(where == NULL, "not well-formed at: %.60s", where ? where : "");
}

/* All rows in that state, with nothing measured. */
static void empty_rows(enum row_state state)
{
    for (size_t i = 0; i < results.row_count; i++) {
        results.rows[i].state = state;
        results.rows[i].latency_count = 0;
        memset(results.rows[i].figures, 0, sizeof results.rows[i].figures);
    }
}

Test(report, the_check_finds_what_is_not_well_formed, .init = NULL, .fini = NULL)
{
    cr_expect_null(page_check("<p class=\"a\">a &amp; b<br/></p>"));
    cr_expect_not_null(page_check("<p>"));
    cr_expect_not_null(page_check("</p>"));
    cr_expect_not_null(page_check("<p><b></p></b>"));
    cr_expect_not_null(page_check("<p class=a></p>"));
    cr_expect_not_null(page_check("<p>a < b</p>"));
    cr_expect_not_null(page_check("<p>a & b</p>"));
}

Test(report, is_well_formed)
{
    write_and_read();
    expect_well_formed();
}

Test(report, needs_nothing_but_itself)
{
    write_and_read();
    cr_expect(eq(sz, page_count(page, "<script"), 0));
    cr_expect(eq(sz, page_count(page, "http://"), 0));
    cr_expect(eq(sz, page_count(page, "https://"), 0));
    cr_expect(eq(sz, page_count(page, "url("), 0));
    cr_expect(eq(sz, page_count(page, "@import"), 0));
    cr_expect(eq(sz, page_count(page, "<link"), 0));
}

Test(report, has_a_chart_for_all_that_can_be_drawn)
{
    write_and_read();
    cr_expect(eq(sz, page_count(page, "<svg "), SAMPLE_PLOTS));
    cr_expect(eq(sz, page_count(page, "<svg "), page_count(page, "role=\"img\"")));
    cr_expect(eq(sz, page_count(page, "<title id="), SAMPLE_PLOTS));
    cr_expect(eq(sz, page_count(page, "<desc id="), SAMPLE_PLOTS));
}

Test(report, every_number_is_one)
{
    write_and_read();
    cr_expect(eq(sz, page_count(page, "nan"), 0));
    cr_expect(eq(sz, page_count(page, "inf<"), 0));
    cr_expect(eq(sz, page_count(page, "inf "), 0));
    cr_expect(eq(sz, page_count(page, "inf\""), 0));
}

Test(report, escapes_what_comes_from_outside)
{
    static const char evil[] = "<b id='x' a=\"y\">&amp;";

    (void)snprintf(results.command, sizeof results.command, "%s", evil);
    (void)snprintf(results.started, sizeof results.started, "%s", evil);
    (void)snprintf(results.machine.cpu, sizeof results.machine.cpu, "%s", evil);
    (void)snprintf(results.cases[0].title, sizeof results.cases[0].title, "%s", evil);
    (void)snprintf(results.cases[0].id, sizeof results.cases[0].id, "%s", evil);
    (void)snprintf(results.cases[0].scenario, sizeof results.cases[0].scenario, "%s", evil);
    for (size_t i = 0; i < 8; i++) {
        (void)snprintf(results.rows[i].subject, sizeof results.rows[i].subject, "%zu%s", i, evil);
        (void)snprintf(results.rows[i].trouble, sizeof results.rows[i].trouble, "%s", evil);
        results.rows[i].state = i < 2 ? ROW_INVALID : ROW_FAILED;
    }
    write_and_read();
    expect_well_formed();
    cr_expect(eq(sz, page_count(page, "<b id="), 0));
    cr_expect(lt(sz, 20, page_count(page, "&lt;b id=&#39;x&#39; a=&quot;y&quot;&gt;&amp;amp;")));
}

Test(report, control_characters_become_spaces, .init = NULL, .fini = NULL)
{
    char text[32] = "";
    FILE *file = fmemopen(text, sizeof text, "w");

    cr_assert(ne(ptr, file, NULL));
    html_text(file, "a\x1b[1mb\nc\x7f \xc2\xb5");
    (void)fclose(file);
    cr_expect_str_eq(text, "a [1mb c  \xc2\xb5");
}

Test(report, tells_why_a_row_does_not_count)
{
    write_and_read();
    cr_expect_not_null(strstr(page, "<b>INVALID</b> the load generator used 99 %"));
    cr_expect_not_null(strstr(page, "<b>SKIPPED</b> one thread for each connection"));
    cr_expect_not_null(strstr(page, "<b>FAILED</b> round 4: &lt;connection reset&gt;"));
}

Test(report, tells_errors_by_class_only_if_there_are_any)
{
    write_and_read();
    cr_expect(eq(sz, page_count(page, "<h2>Errors</h2>"), 1));

    for (size_t i = 0; i < results.row_count; i++)
        memset(results.rows[i].errors, 0, sizeof results.rows[i].errors);
    write_and_read();
    cr_expect(eq(sz, page_count(page, "<h2>Errors</h2>"), 0));
}

Test(report, says_that_the_run_was_interrupted)
{
    write_and_read();
    cr_expect_null(strstr(page, "was interrupted"));

    results.interrupted = true;
    write_and_read();
    cr_expect_not_null(strstr(page, "was interrupted"));
}

Test(report, leaves_out_charts_that_have_nothing_to_show)
{
    empty_rows(ROW_SKIPPED);
    write_and_read();
    expect_well_formed();
    cr_expect(eq(sz, page_count(page, "<svg "), 0));
    cr_expect(eq(sz, page_count(page, "class=\"plots\""), 0));
}

Test(report, draws_nothing_of_invalid_rows)
{
    for (size_t i = 0; i < results.row_count; i++)
        results.rows[i].state = ROW_INVALID;
    write_and_read();
    expect_well_formed();
    cr_expect(eq(sz, page_count(page, "<svg "), 0));
}

Test(report, of_no_results_at_all_is_a_page_too)
{
    struct results nothing = {0};

    cr_assert(eq(int, report_write(&nothing, path), 0));
    results_destroy(&results);
    results = nothing;
    write_and_read();
    expect_well_formed();
}

Test(report, draws_zeros_and_single_rounds)
{
    for (size_t i = 0; i < results.row_count; i++)
        for (size_t figure = 0; figure < FIGURES; figure++)
            results.rows[i].figures[figure] = (struct series){.count = 1};
    write_and_read();
    expect_well_formed();
    cr_expect(eq(sz, page_count(page, "nan"), 0));
    cr_expect(eq(sz, page_count(page, "class=\"range\""), 0));
}

Test(report, leaves_out_what_is_no_number)
{
    for (size_t i = 0; i < results.row_count; i++) {
        struct result_row *row = &results.rows[i];

        for (size_t figure = 0; figure < FIGURES; figure++)
            if (row->figures[figure].count > 0)
                row->figures[figure].values[0] = i % 2 == 0 ? (double)NAN : (double)INFINITY;
        for (size_t p = 0; p < RESULTS_PERCENTILES; p += 2)
            row->latency_us[p] = i % 2 == 0 ? (double)NAN : (double)INFINITY;
    }
    write_and_read();
    expect_well_formed();
    cr_expect(eq(sz, page_count(page, "nan"), 0));
    cr_expect(eq(sz, page_count(page, "inf<"), 0));
    cr_expect(eq(sz, page_count(page, "inf "), 0));
    cr_expect(eq(sz, page_count(page, "inf\""), 0));
}

/* Rounds of one figure of ours and of the best peer, in the first case. */
static void set_rounds(double ours, double peer, double spread)
{
    for (size_t i = 0; i < 8; i++) {
        struct series *cpu = &results.rows[i].figures[FIGURE_CPU_US];

        cpu->count = 0;
        series_add(cpu, (results.rows[i].ours ? ours : peer) - spread);
        series_add(cpu, results.rows[i].ours ? ours : peer);
        series_add(cpu, (results.rows[i].ours ? ours : peer) + spread);
    }
}

Test(report, tells_a_percentage_where_the_rounds_lie_apart)
{
    set_rounds(4, 5, 0.3);
    write_and_read();
    cr_expect_not_null(strstr(page, ">-20 % \xc2\xb7 4.00"));
}

Test(report, tells_none_where_the_rounds_overlap)
{
    set_rounds(4, 5, 0.6);
    write_and_read();
    cr_expect_null(strstr(page, ">-20 %"));
    cr_expect_not_null(strstr(page, ">\xe2\x89\x88 best peer \xc2\xb7 4.00"));
}

Test(report, tells_how_many_threads_stand_beside_how_many_where_callbacks_block)
{
    struct result_case *what = &results.cases[0];

    write_and_read();
    cr_expect_null(strstr(page, "libiocp has 8 workers"));
    (void)snprintf(what->scenario, sizeof what->scenario, "blocked");
    write_and_read();
    cr_expect_not_null(strstr(page, "libiocp has 8 workers"));
}

Test(report, tells_the_command_and_the_machine)
{
    write_and_read();
    cr_expect_not_null(strstr(page, "<code>iocp-bench --rounds 5 --peers &#39;all&#39;"));
    cr_expect_not_null(strstr(page, "Imaginary Processor 3000"));
    cr_expect_not_null(strstr(page, "0123456789abcdef, with changes"));
}

Test(report, that_cannot_be_written_is_an_error_and_leaves_nothing)
{
    char there[80];

    (void)snprintf(there, sizeof there, "%s/none/report.html", directory);
    cr_expect(eq(int, report_write(&results, there), -ENOENT));
}

Test(report, that_does_not_fit_leaves_what_was_there)
{
    char draft[80];

    write_and_read();
    (void)snprintf(draft, sizeof draft, "%s.part", path);
    cr_assert(eq(int, symlink("/dev/full", draft), 0));
    cr_expect(lt(int, report_write(&results, path), 0));
    cr_expect(eq(int, access(path, R_OK), 0));
    cr_expect(eq(int, access(draft, F_OK), -1));
}
