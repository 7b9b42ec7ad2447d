/* test_results.c - cases and rows as they are added, medians, the best peer, percentiles. */
/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "made_results.h"

static struct results results;

TestSuite(results, .timeout = 60);

Test(results, keep_many_cases_and_rows_in_their_order)
{
    char name[16];

    for (size_t i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "%zu", i);
        made_case(&results, name);
        made_row(&results, name, i % 2, ROUNDS((double)i + 1));
    }
    cr_assert(eq(sz, results.case_count, 100));
    cr_assert(eq(sz, results.row_count, 100));
    for (size_t i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "%zu", i);
        expect_text(results.cases[i].id, name);
        expect_text(results.rows[i].subject, name);
        cr_expect(eq(sz, results.rows[i].which_case, i));
        cr_expect(eq(int, results.rows[i].ours, i % 2));
        cr_expect(eq(dbl, results.rows[i].figures[FIGURE_CPU_US].values[0], (double)i + 1));
        cr_expect(zero(sz, results.rows[i].figures[FIGURE_RATE].count));
    }
    results_destroy(&results);
    cr_expect(zero(sz, results.case_count));
    cr_expect(zero(ptr, results.rows));
}

Test(results, cut_a_subject_that_is_too_long)
{
    char name[100];

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    made_case(&results, "long");
    cr_expect(eq(sz, strlen(made_row(&results, name, true, ROUNDS(1))->subject),
                 sizeof results.rows->subject - 1));
    results_destroy(&results);
}

Test(results, have_the_median_of_the_rounds_and_leave_them_in_their_order)
{
    struct spread spread;
    double median = 0;

    made_case(&results, "one");
    struct result_row *row = made_row(&results, "a", true, ROUNDS(5, 1, 4, 2, 9));
    cr_assert(results_spread(row, FIGURE_CPU_US, &spread));
    cr_expect(eq(dbl, spread.min, 1));
    cr_expect(eq(dbl, spread.median, 4));
    cr_expect(eq(dbl, spread.max, 9));
    cr_assert(results_median(row, FIGURE_CPU_US, &median));
    cr_expect(eq(dbl, median, 4));
    cr_expect(eq(dbl, row->figures[FIGURE_CPU_US].values[0], 5));
    cr_expect(eq(dbl, row->figures[FIGURE_CPU_US].values[4], 9));

    row = made_row(&results, "b", true, ROUNDS(8, 2, 4, 1));
    cr_assert(results_median(row, FIGURE_CPU_US, &median));
    cr_expect(eq(dbl, median, 3), "of an even count it lies between the two in the middle");
    results_destroy(&results);
}

Test(results, have_no_median_of_what_was_not_measured_or_is_not_to_be_believed)
{
    double median = -1;

    made_case(&results, "one");
    struct result_row *row = made_row(&results, "a", true, ROUNDS(5));
    cr_expect(not(results_median(row, FIGURE_RATE, &median)));
    row->state = ROW_INVALID;
    cr_expect(not(results_median(row, FIGURE_CPU_US, &median)));
    row->state = ROW_SKIPPED;
    cr_expect(not(results_median(row, FIGURE_CPU_US, &median)));
    cr_expect(eq(dbl, median, -1));
    row->state = ROW_FAILED;
    cr_expect(results_median(row, FIGURE_CPU_US, &median), "rounds before a failure count");
    results_destroy(&results);
}

Test(results, know_the_best_peer_of_a_case)
{
    const char *who = NULL;
    double median = 0;

    made_case(&results, "one");
    made_row(&results, "ours", true, ROUNDS(1));
    made_figure(made_row(&results, "slow", false, ROUNDS(7)), FIGURE_RATE, ROUNDS(100));
    made_figure(made_row(&results, "fast", false, ROUNDS(6)), FIGURE_RATE, ROUNDS(200));
    made_row(&results, "liar", false, ROUNDS(2))->state = ROW_INVALID;
    made_row(&results, "absent", false, ROUNDS(0))->state = ROW_SKIPPED;
    made_figure(&results.rows[1], FIGURE_GENERATOR, ROUNDS(0.5));
    made_case(&results, "two");
    made_row(&results, "elsewhere", false, ROUNDS(3));

    cr_assert(results_best_peer(&results, 0, FIGURE_CPU_US, &median, &who));
    expect_text(who, "fast");
    cr_expect(eq(dbl, median, 6));
    cr_assert(results_best_peer(&results, 0, FIGURE_RATE, &median, NULL));
    cr_expect(eq(dbl, median, 200), "more is better");
    cr_expect(not(results_best_peer(&results, 0, FIGURE_KEPT, &median, &who)));
    cr_expect(not(results_best_peer(&results, 0, FIGURE_GENERATOR, &median, &who)),
              "there is no better");
    expect_text(results_best(&results, 0, FIGURE_CPU_US, true)->subject, "ours");
    results_destroy(&results);
}

Test(results, keep_latencies_in_microseconds_from_the_least_to_the_most)
{
    static struct histogram histogram;
    double us[RESULTS_PERCENTILES];

    for (uint64_t i = 1; i <= 1000; i++)
        histogram_add(&histogram, i);
    results_set_latency(us, &histogram);
    cr_expect(eq(dbl, results_percentiles[0], 0));
    cr_expect(eq(dbl, us[0], 0.001));
    cr_expect(eq(dbl, results_percentiles[RESULTS_PERCENTILES - 1], 100));
    cr_expect(eq(dbl, us[RESULTS_PERCENTILES - 1], 1));
    for (size_t i = 1; i < RESULTS_PERCENTILES; i++) {
        cr_expect(lt(dbl, results_percentiles[i - 1], results_percentiles[i]));
        if (results_percentiles[i] == 50 || results_percentiles[i] == 99)
            cr_expect(eq(dbl, us[i], results_percentiles[i] / 100));
    }
}

Test(results, tell_ranges_apart_only_where_they_do_not_touch)
{
    struct spread low = {1, 2, 3}, touching = {3, 4, 5}, high = {3.5, 4, 5};

    cr_expect(zero(int, spread_compare(&low, &touching)));
    cr_expect(zero(int, spread_compare(&touching, &low)));
    cr_expect(eq(int, spread_compare(&low, &high), -1));
    cr_expect(eq(int, spread_compare(&high, &low), 1));
    cr_expect(zero(int, spread_compare(&low, &low)));
}
