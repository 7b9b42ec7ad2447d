/* test_schedule.c - the moments of an open loop's messages, and whose they are. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "schedule.h"

TestSuite(schedule, .timeout = 60);

Test(schedule, counts_and_moments_agree)
{
    static const double intervals[] = {10, 333.3, 1e9 / 3, 7e6 + 0.1};

    for (size_t i = 0; i < 4; i++) {
        struct schedule schedule = {.origin_ns = 123, .interval_ns = intervals[i], .clients = 1};

        cr_expect(zero(u64, schedule_count(&schedule, 122)));
        cr_expect(eq(u64, schedule_count(&schedule, 123), 1));
        for (uint64_t k = 1; k < UINT64_C(1) << 30; k = k * 3 + 1) {
            int64_t moment_ns = schedule_next(&schedule, k);

            cr_expect(eq(u64, schedule_count(&schedule, moment_ns), k + 1));
            cr_expect(eq(u64, schedule_count(&schedule, moment_ns - 1), k));
        }
    }
}

Test(schedule, deals_messages_out_in_turn)
{
    struct schedule schedule = {.interval_ns = 10, .clients = 3};

    cr_expect(eq(i64, schedule_moment(&schedule, 0, 0), 0));
    cr_expect(eq(i64, schedule_moment(&schedule, 2, 0), 20));
    cr_expect(eq(i64, schedule_moment(&schedule, 1, 5), 160));
    cr_expect(eq(i64, schedule_next(&schedule, 16), 160));
    for (uint64_t count = 0; count < 20; count++) {
        uint64_t sum = 0;

        for (size_t client = 0; client < 3; client++)
            sum += schedule_share(&schedule, client, count);
        cr_expect(eq(u64, sum, count));
        cr_expect(eq(u64, schedule_share(&schedule, 2, count), count / 3));
    }
}
