/* test_compare.c - two runs side by side: ranges decide what is better and worse. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "compare.h"
#include "made_results.h"
#include "wording.h"

static struct results before, after;
static size_t worse;
static char *text;

static void make_cases(void)
{
    made_machine(&before.machine);
    made_machine(&after.machine);
    made_case(&before, "pingpong");
    made_case(&after, "flood"); /* at another index than there */
    made_case(&after, "pingpong");
}

static void destroy(void)
{
    free(text);
    results_destroy(&before);
    results_destroy(&after);
}

TestSuite(compare, .init = make_cases, .fini = destroy, .timeout = 60);

static void write_both(FILE *out, const void *unused)
{
    (void)unused;
    worse = compare_write(out, &before, &after);
}

static const char *comparison(void)
{
    free(text);
    text = made_text(write_both, NULL);
    for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
        cr_expect(le(sz, strcspn(at, "\n"), WORDING_WIDTH), "too wide: %s", at);
    return text;
}

Test(compare, finds_what_is_better_worse_or_within_the_spread)
{
    struct result_row *row = made_row(&before, "io_uring", true, ROUNDS(10, 11, 12));

    made_figure(row, FIGURE_RATE, ROUNDS(100e3, 101e3, 102e3));
    made_figure(row, FIGURE_P99_US, ROUNDS(50, 60, 70));
    row = made_row(&after, "io_uring", true, ROUNDS(5, 5.5, 6));
    made_figure(row, FIGURE_RATE, ROUNDS(50e3, 50.5e3, 51e3));
    made_figure(row, FIGURE_P99_US, ROUNDS(69, 75, 80));
    comparison();
    expect_no_part(text, "WARNING");
    expect_part(text, "\npingpong, io_uring\n");
    expect_part(text, "CPU us/op       11.0 ->     5.50    0.50  better\n");
    expect_part(text, "1000 ops/s       101 ->     50.5    0.50  WORSE\n");
    expect_part(text, "p99 us          60.0 ->     75.0    1.25  within the spread\n");
    cr_expect(eq(sz, worse, 1));
    expect_no_part(text, "only ");
}

Test(compare, counts_rows_that_are_worse_not_figures)
{
    made_figure(made_row(&before, "a", true, ROUNDS(1, 2)), FIGURE_P99_US, ROUNDS(1, 2));
    made_figure(made_row(&after, "a", true, ROUNDS(3, 4)), FIGURE_P99_US, ROUNDS(3, 4));
    made_row(&before, "b", true, ROUNDS(1, 2));
    made_row(&after, "b", true, ROUNDS(3, 4));
    made_row(&before, "c", true, ROUNDS(3, 4));
    made_row(&after, "c", true, ROUNDS(1, 2));
    expect_part(comparison(), "2 rows worse");
    cr_expect(eq(sz, worse, 2));
}

Test(compare, does_not_judge_a_single_round)
{
    made_row(&before, "a", true, ROUNDS(1, 2));
    made_row(&after, "a", true, ROUNDS(30));
    expect_part(comparison(), "a single round shows no spread");
    cr_expect(zero(sz, worse));
}

Test(compare, does_not_judge_what_is_not_to_be_believed)
{
    struct result_row *row = made_row(&before, "a", true, ROUNDS(1, 2));

    row->state = ROW_INVALID;
    (void)strcpy(row->trouble, "no time left");
    made_row(&after, "a", true, ROUNDS(30, 31));
    expect_part(comparison(), "\n    INVALID before: no time left\n");
    expect_no_part(text, "CPU us/op");
    cr_expect(zero(sz, worse));
}

Test(compare, lists_what_only_one_of_them_has)
{
    made_row(&before, "old peer", false, ROUNDS(1, 2));
    made_row(&after, "new peer", false, ROUNDS(1, 2));
    expect_part(comparison(), "\nonly before:\n  pingpong, old peer\n");
    expect_part(text, "\nonly now:\n  pingpong, new peer\n");
    expect_part(text, "\n0 rows worse\n");
}

Test(compare, warns_first_of_all_that_the_machines_differ)
{
    (void)strcpy(after.machine.kernel, "6.9");
    after.machine.cpus = 8;
    after.machine.memory_gib = 15.51; /* the same, as it is told */
    comparison();
    cr_expect(zero(int, strncmp(text, "WARNING: ", 9)), "it said: %s", text);
    expect_part(text, "kernel '6.1.0 x86_64' and '6.9'");
    expect_part(text, "usable processors '7' and '8'");
    expect_no_part(text, "memory");
    expect_no_part(text, "compiler");
}

Test(compare, tells_of_both_builds)
{
    (void)strcpy(after.machine.commit, "");
    after.machine.dirty = false;
    after.interrupted = true;
    expect_part(comparison(), "commit 0123456789abcdef with changes\n");
    expect_part(text, "commit unknown, interrupted\n");
    expect_no_part(text, "WARNING");
}
