/* Clock: what is left until a deadline, never rounded towards now. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "clock.h"

#define HOUR_NS (INT64_C(3600) * 1000000000)

TestSuite(clock, .timeout = 10);

Test(clock, it_does_not_go_back)
{
    int64_t last_ns = clock_now_ns();

    for (int i = 0; i < 1000; i++) {
        const int64_t now_ns = clock_now_ns();

        cr_assert(ge(i64, now_ns, last_ns));
        last_ns = now_ns;
    }
}

Test(clock, a_negative_time_out_is_no_deadline)
{
    cr_expect(eq(i64, deadline_after_ms(-1), DEADLINE_NONE));
    cr_expect(eq(int, deadline_left_ms(DEADLINE_NONE), -1));
}

Test(clock, what_is_left_is_rounded_up)
{
    const int64_t now_ns = clock_now_ns();

    /* Beside a whole hour a fraction of a millisecond counts as a whole one; the clock goes on
     * meanwhile, and that alone can make the answer smaller. */
    const int left_ms = deadline_left_ms(now_ns + HOUR_NS + 1);
    const int64_t gone_ns = clock_now_ns() - now_ns;
    cr_expect(ge(i64, (int64_t)left_ms * 1000000, HOUR_NS + 1 - gone_ns));
    cr_expect(le(int, left_ms, 3600001));
}

Test(clock, a_deadline_is_not_over_until_nothing_is_left)
{
    const int64_t deadline_ns = deadline_after_ms(5);
    int left_ms;

    while ((left_ms = deadline_left_ms(deadline_ns)) > 0)
        cr_assert(le(int, left_ms, 5));

    cr_expect(zero(int, left_ms));
    cr_expect(ge(i64, clock_now_ns(), deadline_ns));
}

Test(clock, a_deadline_far_away_is_capped)
{
    cr_expect(eq(int, deadline_left_ms(DEADLINE_NONE - 1), INT_MAX));
    cr_expect(lt(i64, clock_now_ns(), deadline_after_ms(INT_MAX)));
}

Test(clock, a_deadline_is_split_into_seconds_and_nanoseconds)
{
    const struct timespec time = deadline_timespec(INT64_C(12345678900));

    cr_expect(eq(i64, time.tv_sec, 12));
    cr_expect(eq(i64, time.tv_nsec, 345678900));
}
