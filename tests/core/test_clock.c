/* Clock: what is left until a deadline, never rounded towards now. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <time.h>

/* The clock of this file's clock.h: the coarse one is behind by as much as a test says. */
static int64_t coarse_lag_ns;

static int lagging_gettime(clockid_t clock, struct timespec *time)
{
    const bool is_coarse = clock == CLOCK_MONOTONIC_COARSE;
    const int result = clock_gettime(CLOCK_MONOTONIC, time);
    const int64_t now_ns = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
    const int64_t told_ns = now_ns - (is_coarse ? coarse_lag_ns : 0);

    *time = (struct timespec){.tv_sec = told_ns / 1000000000, .tv_nsec = told_ns % 1000000000};
    return result;
}

#define clock_gettime lagging_gettime
#include "clock.h"
#undef clock_gettime

#define HOUR_NS (INT64_C(3600) * 1000000000)
#define MS_NS   INT64_C(1000000)

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

static void expect_about(int timeout_ms)
{
    const int64_t timeout_ns = timeout_ms * MS_NS;
    const int64_t before_ns = clock_now_ns();
    const int64_t deadline_ns = deadline_after_about_ms(timeout_ms);
    const int64_t after_ns = clock_now_ns();

    cr_expect(ge(i64, deadline_ns, before_ns + timeout_ns), "%d ms", timeout_ms);
    cr_expect(le(i64, deadline_ns, after_ns + timeout_ns + timeout_ns / 10), "%d ms", timeout_ms);
}

Test(clock, a_deadline_in_about_some_time_is_never_early_and_at_most_a_tenth_late)
{
    static const int64_t lags_ns[] = {0, 10 * MS_NS, 50 * MS_NS};

    for (size_t i = 0; i < sizeof lags_ns / sizeof *lags_ns; i++) {
        coarse_lag_ns = lags_ns[i];
        for (int timeout_ms = 1; timeout_ms <= 1000; timeout_ms++)
            expect_about(timeout_ms);
        expect_about(INT_MAX);
    }
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
