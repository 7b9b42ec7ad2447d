/* test_doubt.c - which rows are not to be believed. */
/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "doubt.h"
#include "made_results.h"

TestSuite(doubt, .timeout = 60);

#define PROCESSORS 4

static struct results results;

/* A server that used `server`, a generator that used `generator` of a processor. */
static struct result_row *row_of(double server, double generator)
{
    struct result_row *row;

    cr_assert(made_case(&results, "doubtful") != NULL);
    row = made_row(&results, "epoll", false, ROUNDS(10, 10, 10));
    row->figures[FIGURE_RATE].count = row->figures[FIGURE_GENERATOR].count = 0;
    for (int i = 0; i < 3; i++) {
        series_add(&row->figures[FIGURE_RATE], server * 1e5); /* of 10 us each */
        series_add(&row->figures[FIGURE_GENERATOR], generator);
    }
    return row;
}

static enum row_state state_of(struct result_row *row, size_t workers)
{
    enum row_state state;

    doubt_row(row, workers, PROCESSORS);
    state = row->state;
    results_destroy(&results);
    results = (struct results){0};
    return state;
}

Test(doubt, believes_a_server_that_was_busy)
{
    cr_expect(eq(int, (int)state_of(row_of(0.95, 0.99), 1), (int)ROW_MEASURED));
}

Test(doubt, believes_a_generator_that_was_not)
{
    cr_expect(eq(int, (int)state_of(row_of(0.3, 0.5), 1), (int)ROW_MEASURED));
}

Test(doubt, disbelieves_a_generator_that_was_the_bottleneck)
{
    struct result_row *row = row_of(0.7, 0.99);

    doubt_row(row, 1, PROCESSORS);
    expect_part(row->trouble, "generator was the bottleneck");
    cr_expect(eq(int, (int)state_of(row, 1), (int)ROW_INVALID));
}

Test(doubt, counts_the_processors_that_the_server_had)
{
    cr_expect(eq(int, (int)state_of(row_of(1.0, 0.99), 2), (int)ROW_INVALID));
    cr_expect(eq(int, (int)state_of(row_of(1.9, 0.99), 2), (int)ROW_MEASURED));
}

Test(doubt, believes_where_there_was_no_more_of_the_processors)
{
    struct result_row *row = row_of(0.97, 0.99);

    doubt_row(row, 2, 2);
    cr_expect(eq(int, (int)row->state, (int)ROW_MEASURED));
    doubt_row(row, 2, 3);
    cr_expect(eq(int, (int)row->state, (int)ROW_INVALID));
    results_destroy(&results);
}

Test(doubt, disbelieves_a_schedule_that_slipped_in_most_rounds)
{
    struct result_row *row = row_of(0.5, 0.5);

    made_figure(row, FIGURE_SLIP_US, ROUNDS(2500, 2600, 10));
    doubt_row(row, 1, PROCESSORS);
    expect_part(row->trouble, "slipped");
    cr_expect(eq(int, (int)state_of(row, 1), (int)ROW_INVALID));
}

Test(doubt, forgives_a_slip_that_is_little_beside_the_latency)
{
    struct result_row *row = row_of(0.5, 0.5);

    made_figure(row, FIGURE_SLIP_US, ROUNDS(2500, 2600, 2700));
    made_figure(row, FIGURE_P99_US, ROUNDS(60000, 60000, 60000));
    cr_expect(eq(int, (int)state_of(row, 1), (int)ROW_MEASURED));
}

Test(doubt, forgives_a_slip_in_one_round)
{
    struct result_row *row = row_of(0.5, 0.5);

    made_figure(row, FIGURE_SLIP_US, ROUNDS(20, 90000, 10));
    cr_expect(eq(int, (int)state_of(row, 1), (int)ROW_MEASURED));
}

Test(doubt, leaves_a_failed_row_as_it_is)
{
    struct result_row *row = row_of(0.1, 0.99);

    row->state = ROW_FAILED;
    cr_expect(eq(int, (int)state_of(row, 1), (int)ROW_FAILED));
}
