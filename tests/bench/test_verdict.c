/* test_verdict.c - a verdict claims no more than the rounds have shown. */
/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "made_results.h"
#include "verdict.h"

static struct results results;
static char text[VERDICT_SIZE];

static void make_case(void)
{
    made_case(&results, "pingpong");
}

static void destroy(void)
{
    results_destroy(&results);
}

TestSuite(verdict, .init = make_case, .fini = destroy, .timeout = 60);

static const char *verdict(void)
{
    verdict_write(&results, 0, text, sizeof text);
    return text;
}

static const char *ratios(void)
{
    verdict_write_ratios(&results, 0, text, sizeof text);
    return text;
}

Test(verdict, tells_the_ratio_of_ranges_that_lie_apart)
{
    made_row(&results, "iocp-server epoll", true, ROUNDS(9, 8, 7));
    made_row(&results, "iocp-server io_uring", true, ROUNDS(5.2, 5.1, 5));
    made_row(&results, "libevent", false, ROUNDS(8, 8.1, 8.2));
    made_row(&results, "libuv", false, ROUNDS(6, 5.9, 6.1));
    expect_text(verdict(), "iocp-server io_uring 5.10 us, 0.85 of the best peer (libuv 6.00 us)");
    expect_text(ratios(), "iocp-server io_uring to each peer: libevent 0.63, libuv 0.85");
}

Test(verdict, tells_it_as_well_when_the_peer_is_better)
{
    made_row(&results, "iocp-server", true, ROUNDS(9, 9.1, 9.2));
    made_row(&results, "libuv", false, ROUNDS(6, 5.9, 6.1));
    expect_text(verdict(), "iocp-server 9.10 us, 1.52 of the best peer (libuv 6.00 us)");
}

Test(verdict, says_about_the_same_where_ranges_overlap)
{
    made_row(&results, "iocp-server", true, ROUNDS(5, 5.1, 6.5));
    made_row(&results, "libuv", false, ROUNDS(6.4, 7, 7.1));
    expect_text(verdict(), "iocp-server 5.10 us, about the same as the best peer (libuv 7.00 us)");
    expect_text(ratios(), "iocp-server to each peer: libuv about the same");
}

Test(verdict, says_about_the_same_where_ranges_only_touch)
{
    made_row(&results, "iocp-server", true, ROUNDS(5, 5.5, 6));
    made_row(&results, "libuv", false, ROUNDS(6, 6.5, 7));
    expect_part(verdict(), "about the same as");
}

Test(verdict, says_about_the_same_where_one_range_lies_in_the_other)
{
    made_row(&results, "iocp-server", true, ROUNDS(6, 6.1, 6.2));
    made_row(&results, "libuv", false, ROUNDS(5, 7, 9));
    expect_part(verdict(), "about the same as");
}

Test(verdict, of_a_single_round_says_so)
{
    made_row(&results, "iocp-server", true, ROUNDS(5));
    made_row(&results, "libuv", false, ROUNDS(10, 11, 12));
    expect_text(verdict(), "iocp-server 5.00 us, 0.45 of the best peer (libuv 11.0 us) "
                           "in a single round, which shows no spread");
}

Test(verdict, names_those_that_do_not_count)
{
    made_row(&results, "iocp-server", true, ROUNDS(5, 5, 5));
    made_row(&results, "liar", false, ROUNDS(1, 1, 1))->state = ROW_INVALID;
    made_row(&results, "libuv", false, ROUNDS(10, 10, 10));
    made_row(&results, "asio", false, ROUNDS(0))->state = ROW_SKIPPED;
    made_row(&results, "libevent", false, ROUNDS(0))->state = ROW_FAILED;
    expect_text(verdict(), "iocp-server 5.00 us, 0.50 of the best peer (libuv 10.0 us); "
                           "without liar (INVALID), asio (skipped), libevent (FAILED)");
    expect_no_part(ratios(), "liar");
}

Test(verdict, tells_of_a_failure_whose_rounds_count)
{
    made_row(&results, "iocp-server", true, ROUNDS(5, 5.1))->state = ROW_FAILED;
    made_row(&results, "libuv", false, ROUNDS(10, 10, 10));
    expect_text(verdict(), "iocp-server 5.05 us, 0.51 of the best peer (libuv 10.0 us); "
                           "iocp-server FAILED after 2 rounds");
}

Test(verdict, needs_both_sides)
{
    expect_text(verdict(), "nothing was measured that could be compared");
    expect_text(ratios(), "");
    made_row(&results, "libuv", false, ROUNDS(10, 10, 10));
    expect_text(verdict(), "no figure of ours to go by; the best peer is libuv 10.0 us");
    expect_text(ratios(), "");
    made_row(&results, "iocp-server", true, ROUNDS(5, 5, 5));
    results.rows[0].state = ROW_SKIPPED;
    expect_text(verdict(), "iocp-server 5.00 us, and no peer to compare with; without "
                           "libuv (skipped)");
    expect_text(ratios(), "");
}

Test(verdict, goes_by_the_rate_where_no_processor_time_was_measured)
{
    made_figure(made_row(&results, "iocp-server", true, ROUNDS(0)), FIGURE_RATE,
                ROUNDS(200e3, 201e3));
    made_figure(made_row(&results, "slow", false, ROUNDS(0)), FIGURE_RATE, ROUNDS(50e3, 51e3));
    made_figure(made_row(&results, "fast", false, ROUNDS(0)), FIGURE_RATE, ROUNDS(100e3, 101e3));
    expect_text(verdict(), "operations per second: iocp-server 200 x 1000/s, 2.00 of the "
                           "best peer (fast 100 x 1000/s)");
}

Test(verdict, goes_by_the_figure_that_leads_in_the_case)
{
    (void)snprintf(results.cases[0].leads, sizeof results.cases[0].leads, "p99_us");
    made_figure(made_row(&results, "iocp-server", true, ROUNDS(9, 9.1, 9.2)), FIGURE_P99_US,
                ROUNDS(3000, 3100));
    made_figure(made_row(&results, "libuv", false, ROUNDS(5, 5.1, 5.2)), FIGURE_P99_US,
                ROUNDS(30000, 31000));
    expect_text(verdict(), "latency, p99: iocp-server 3050 us, 0.10 of the best peer "
                           "(libuv 30500 us)");
}

Test(verdict, tells_of_the_memory_of_idle_connections_too)
{
    made_figure(made_row(&results, "iocp-server", true, ROUNDS(5, 5)), FIGURE_IDLE_BYTES,
                ROUNDS(500, 502));
    made_figure(made_row(&results, "libuv", false, ROUNDS(10, 10)), FIGURE_IDLE_BYTES,
                ROUNDS(1000, 1004));
    expect_part(verdict(), "(libuv 10.0 us); memory per idle connection: iocp-server 501 bytes, "
                           "0.50 of the best peer (libuv 1002 bytes)");
}

Test(verdict, divides_by_no_zero)
{
    made_row(&results, "iocp-server", true, ROUNDS(5, 5));
    series_add(&made_row(&results, "nothing", false, ROUNDS(0))->figures[FIGURE_CPU_US], 0);
    expect_part(verdict(), "iocp-server 5.00 us, more than the best peer (nothing 0 us)");
}

Test(verdict, stays_in_its_room)
{
    char small[20];

    made_row(&results, "iocp-server", true, ROUNDS(5, 5));
    memset(small, 'x', sizeof small);
    verdict_write(&results, 0, small, 10);
    expect_text(small, "iocp-serv");
    cr_expect(eq(chr, small[10], 'x'));
    verdict_write(&results, 0, small, 1);
    expect_text(small, "");
}
