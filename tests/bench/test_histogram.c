/* test_histogram.c - counts, percentiles and their error, merging. */
/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "histogram.h"

static struct histogram histogram;

TestSuite(histogram, .timeout = 60);

Test(histogram, that_is_empty_tells_zero)
{
    cr_expect(zero(u64, histogram.count));
    cr_expect(zero(u64, histogram.max));
    cr_expect(zero(u64, histogram_percentile(&histogram, 0)));
    cr_expect(zero(u64, histogram_percentile(&histogram, 50)));
    cr_expect(zero(u64, histogram_percentile(&histogram, 100)));
}

Test(histogram, tells_the_value_at_every_rank)
{
    for (uint64_t i = 1; i <= 1000; i++)
        histogram_add(&histogram, 1001 - i);

    cr_expect(eq(u64, histogram.count, 1000));
    cr_expect(eq(u64, histogram.max, 1000));
    cr_expect(eq(u64, histogram_percentile(&histogram, 0), 1));
    cr_expect(eq(u64, histogram_percentile(&histogram, 0.1), 1));
    cr_expect(eq(u64, histogram_percentile(&histogram, 50), 500));
    cr_expect(eq(u64, histogram_percentile(&histogram, 90), 900));
    cr_expect(eq(u64, histogram_percentile(&histogram, 99), 990));
    cr_expect(eq(u64, histogram_percentile(&histogram, 99.9), 999));
    cr_expect(eq(u64, histogram_percentile(&histogram, 99.99), 1000));
    cr_expect(eq(u64, histogram_percentile(&histogram, 100), 1000));
}

/* Of a single value the maximum would tell the truth by itself; the larger one prevents it. */
static uint64_t told_of(uint64_t value)
{
    histogram = (struct histogram){0};
    histogram_add(&histogram, value);
    histogram_add(&histogram, UINT64_MAX);
    return histogram_percentile(&histogram, 50);
}

Test(histogram, tells_small_values_exactly)
{
    for (uint64_t value = 0; value < 2048; value += 89)
        cr_expect(eq(u64, told_of(value), value));
    cr_expect(eq(u64, told_of(2047), 2047));
}

static void expect_three_digits(uint64_t value)
{
    uint64_t told = told_of(value);

    cr_expect(ge(u64, told, value));
    cr_expect(le(u64, told - value, value / 1000), "%llu is told as %llu",
              (unsigned long long)value, (unsigned long long)told);
}

Test(histogram, is_never_too_low_nor_a_thousandth_too_high)
{
    for (uint64_t power = 2048; power < HISTOGRAM_VALUE_MAX / 2; power *= 2) {
        expect_three_digits(power - 1);
        expect_three_digits(power);
        expect_three_digits(power + 1);
        expect_three_digits(power + power / 3);
        expect_three_digits(power + power / 1024 - 1);
    }
}

Test(histogram, counts_what_is_out_of_range_and_keeps_the_maximum)
{
    histogram_add(&histogram, 7);
    histogram_add(&histogram, HISTOGRAM_VALUE_MAX + 1);
    histogram_add(&histogram, UINT64_MAX);

    cr_expect(eq(u64, histogram.count, 3));
    cr_expect(eq(u64, histogram.max, UINT64_MAX));
    cr_expect(eq(u64, histogram_percentile(&histogram, 1), 7));
    cr_expect(eq(u64, histogram_percentile(&histogram, 100), UINT64_MAX));
}

Test(histogram, never_tells_more_than_the_maximum)
{
    histogram_add(&histogram, 1000000);

    cr_expect(eq(u64, histogram_percentile(&histogram, 50), 1000000));
}

Test(histogram, that_was_merged_is_as_if_it_had_counted_all)
{
    static struct histogram odd, even, all;

    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t value = i * i * i;

        histogram_add(i % 2 ? &odd : &even, value);
        histogram_add(&all, value);
    }
    histogram_merge(&odd, &even);
    histogram_merge(&odd, &histogram); /* an empty one changes nothing */

    cr_expect(eq(u64, odd.count, all.count));
    cr_expect(eq(u64, odd.max, all.max));
    cr_expect(zero(int, memcmp(odd.slots, all.slots, sizeof all.slots)));
}
