/* test_histogram.c - counts, percentiles and their error, merging. */
/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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
    cr_expect(epsilon_eq(dbl, histogram_mean(&odd), histogram_mean(&all), 1e-3));
    cr_expect(zero(int, memcmp(odd.slots, all.slots, sizeof all.slots)));
}

Test(histogram, tells_the_mean)
{
    cr_expect(zero(dbl, histogram_mean(&histogram)));

    histogram_add(&histogram, 1);
    histogram_add(&histogram, 1000003);

    cr_expect(epsilon_eq(dbl, histogram_mean(&histogram), 500002, 1e-6));
}

/* The lines of what histogram_write_hgrm has written; the text is cut up. */
static size_t write_lines(double unit, char **text, char *lines[], size_t max)
{
    size_t size, count = 0;
    FILE *out = open_memstream(text, &size);

    cr_assert(ne(ptr, out, NULL));
    cr_expect(zero(int, histogram_write_hgrm(&histogram, unit, out)));
    cr_assert(zero(int, fclose(out)));
    for (char *rest = *text; *rest && count < max; count++) {
        lines[count] = rest;
        rest += strcspn(rest, "\n");
        *rest++ = '\0';
    }
    return count;
}

struct hgrm_row {
    double value, percentile;
    uint64_t total;
    double inverse; /* 0: the last row has none */
};

static struct hgrm_row read_row(const char *line)
{
    struct hgrm_row row = {0};
    char *rest;

    row.value = strtod(line, &rest);
    row.percentile = strtod(rest, &rest);
    row.total = strtoull(rest, &rest, 10);
    row.inverse = strtod(rest, NULL);
    return row;
}

static void expect_truth(struct hgrm_row row, double unit)
{
    double share = row.percentile * (double)histogram.count;

    cr_expect(ge(dbl, (double)row.total, share - 1e-6));
    cr_expect(
        le(dbl,
           fabs(row.value - (double)histogram_percentile(&histogram, 100 * row.percentile) / unit),
           0.001));
    cr_expect(epsilon_eq(dbl, row.inverse, 1 / (1 - row.percentile), 0.01));
}

static void expect_line(const char *line, const char *expected)
{
    cr_expect(zero(int, strcmp(line, expected)), "\"%s\"", line);
}

static void expect_heading(char *lines[])
{
    expect_line(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
    expect_line(lines[1], "");
}

Test(histogram, is_written_as_the_tools_of_hdrhistogram_read_it)
{
    char *text, *lines[200];
    struct hgrm_row row, before = {0};
    size_t count;

    for (uint64_t i = 1; i <= 10000; i++)
        histogram_add(&histogram, i * i);
    count = write_lines(1000, &text, lines, 200);

    cr_assert(lt(sz, 2 + 5 * 10 + 3, count)); /* five rows for each half of what is left */
    expect_heading(lines);
    cr_expect(epsilon_eq(dbl, read_row(lines[2 + 1]).percentile, 0.1, 1e-9));
    cr_expect(epsilon_eq(dbl, read_row(lines[2 + 5]).percentile, 0.5, 1e-9));
    cr_expect(epsilon_eq(dbl, read_row(lines[2 + 6]).percentile, 0.55, 1e-9));
    cr_expect(epsilon_eq(dbl, read_row(lines[2 + 10]).percentile, 0.75, 1e-9));
    for (size_t i = 2; i < count - 4; i++, before = row) {
        row = read_row(lines[i]);
        expect_truth(row, 1000);
        cr_expect(ge(dbl, row.value, before.value));
        cr_expect(ge(u64, row.total, before.total));
        cr_expect(i == 2 || row.percentile > before.percentile);
    }
    row = read_row(lines[count - 4]);
    cr_expect(ge(dbl, row.value, before.value));
    cr_expect(eq(dbl, row.value, 100000));
    cr_expect(eq(dbl, row.percentile, 1));
    cr_expect(eq(u64, row.total, 10000));
    cr_expect(zero(dbl, row.inverse));
    expect_line(lines[count - 2], "#[Max     =   100000.000, Total count    =        10000]");
    expect_line(lines[count - 1], "#[Buckets =           30, SubBuckets     =         2048]");
    free(text);
}

Test(histogram, is_written_with_mean_and_deviation)
{
    char *text, *lines[20];
    size_t count;

    for (uint64_t i = 0; i < 4; i++)
        histogram_add(&histogram, i < 2 ? 400 : 1000);
    count = write_lines(1, &text, lines, 20);

    cr_assert(ge(sz, count, 6));
    expect_line(lines[count - 3], "#[Mean    =      700.000, StdDeviation   =      300.000]");
    cr_expect(eq(dbl, read_row(lines[2]).value, 400));
    cr_expect(eq(u64, read_row(lines[2]).total, 2));
    free(text);
}

Test(histogram, that_is_empty_is_written_without_rows)
{
    char *text, *lines[20];

    cr_assert(eq(sz, write_lines(1, &text, lines, 20), 5));
    expect_heading(lines);
    expect_line(lines[2], "#[Mean    =        0.000, StdDeviation   =        0.000]");
    free(text);
}
