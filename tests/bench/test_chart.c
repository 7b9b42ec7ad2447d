/* test_chart.c - scales, ticks, numbers and names of charts. */
/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "labels.h"
#include "number.h"
#include "scale.h"

TestSuite(chart, .timeout = 10);

static void expect_ticks(const struct scale *scale, size_t most, const double wanted[],
                         size_t wanted_count)
{
    double ticks[SCALE_TICKS_MAX];
    size_t count = scale_ticks(scale, most, ticks);

    cr_assert(eq(sz, count, wanted_count));
    for (size_t i = 0; i < count; i++)
        cr_expect(epsilon_eq(dbl, ticks[i], wanted[i], wanted[i] * 1e-9));
}

#define EXPECT_TICKS(scale, most, ...)                          \
    expect_ticks(&(scale), most, (const double[]){__VA_ARGS__}, \
                 sizeof(double[]){__VA_ARGS__} / sizeof(double))

Test(chart, a_linear_scale_has_steps_of_1_2_or_5)
{
    struct scale ones = scale_linear(3.7, 0, 100, 5);
    struct scale twos = scale_linear(9.3, 0, 100, 5);
    struct scale fives = scale_linear(2100, 0, 100, 5);

    EXPECT_TICKS(ones, 5, 0, 1, 2, 3, 4);
    EXPECT_TICKS(twos, 5, 0, 2, 4, 6, 8, 10);
    EXPECT_TICKS(fives, 5, 0, 500, 1000, 1500, 2000, 2500);
}

Test(chart, a_linear_scale_ends_at_the_value_if_that_is_a_tick)
{
    struct scale scale = scale_linear(0.3, 0, 100, 3);

    EXPECT_TICKS(scale, 5, 0, 0.1, 0.2, 0.3);
}

Test(chart, a_linear_scale_leaves_little_of_itself_empty)
{
    struct scale scale = scale_linear(102, 0, 100, 5);

    EXPECT_TICKS(scale, 5, 0, 20, 40, 60, 80, 100, 120);
}

Test(chart, a_linear_scale_of_nothing_has_ticks_all_the_same)
{
    struct scale scale = scale_linear(0, 0, 100, 5);

    EXPECT_TICKS(scale, 5, 0, 0.2, 0.4, 0.6, 0.8, 1);
}

Test(chart, a_value_stands_in_proportion)
{
    struct scale scale = scale_linear(10, 200, 100, 5);

    cr_expect(epsilon_eq(dbl, scale_at(&scale, 0), 200, 1e-9));
    cr_expect(epsilon_eq(dbl, scale_at(&scale, 2.5), 175, 1e-9));
    cr_expect(epsilon_eq(dbl, scale_at(&scale, 10), 100, 1e-9));
}

Test(chart, a_value_beyond_the_axis_stands_at_its_end)
{
    struct scale linear = scale_linear(10, 0, 100, 5);
    struct scale logarithmic = scale_log(1, 10, 0, 100);

    cr_expect(eq(dbl, scale_at(&linear, 11), 100));
    cr_expect(eq(dbl, scale_at(&linear, -1), 0));
    cr_expect(eq(dbl, scale_at(&logarithmic, 0), 0));
    cr_expect(eq(dbl, scale_at(&logarithmic, 1000), 100));
}

Test(chart, a_logarithmic_scale_gives_each_power_the_same_room)
{
    struct scale scale = scale_log(1, 1000, 0, 300);

    cr_expect(epsilon_eq(dbl, scale_at(&scale, 10), 100, 1e-9));
    cr_expect(epsilon_eq(dbl, scale_at(&scale, 100), 200, 1e-9));
}

Test(chart, a_logarithmic_scale_is_widened_to_1_2_or_5)
{
    struct scale wide = scale_log(0.3, 7, 0, 100);
    struct scale narrow = scale_log(5, 5, 0, 100);

    EXPECT_TICKS(wide, 8, 0.2, 0.5, 1, 2, 5, 10);
    EXPECT_TICKS(narrow, 8, 5, 10);
}

Test(chart, ticks_that_are_too_many_are_powers_of_ten_and_then_fewer)
{
    struct scale powers = scale_log(0.02, 2000, 0, 100);
    struct scale fewer = scale_log(1, 1e9, 0, 100);

    EXPECT_TICKS(powers, 8, 0.1, 1, 10, 100, 1000);
    EXPECT_TICKS(fewer, 5, 1, 100, 1e4, 1e6, 1e8);
}

static void expect_number(double value, const char *wanted)
{
    char text[NUMBER_SIZE];

    cr_expect_str_eq(number_write(value, text), wanted);
}

Test(chart, a_number_has_three_digits_that_count)
{
    expect_number(0, "0");
    expect_number(0.0412, "0.041");
    expect_number(4.126, "4.13");
    expect_number(9.999, "10.0");
    expect_number(41.26, "41.3");
    expect_number(99.96, "100");
    expect_number(412.6, "413");
    expect_number(-4.1, "-4.10");
}

Test(chart, thousands_stand_apart)
{
    expect_number(999.7, "1\xe2\x80\xaf"
                         "000");
    expect_number(41260, "41\xe2\x80\xaf"
                         "260");
    expect_number(-123456, "-123\xe2\x80\xaf"
                           "456");
}

static void expect_tick(double value, const char *wanted)
{
    char text[NUMBER_SIZE];

    cr_expect_str_eq(number_tick(value, text), wanted);
}

Test(chart, a_value_on_an_axis_is_short)
{
    expect_tick(0, "0");
    expect_tick(0.2, "0.2");
    expect_tick(5000, "5000");
    expect_tick(20000, "20k");
    expect_tick(5e6, "5M");
    expect_tick(1e10, "10G");
}

Test(chart, a_figure_has_its_unit)
{
    char text[NUMBER_SIZE];

    cr_expect_str_eq(number_of_figure(FIGURE_CPU_US, 4.126, text), "4.13\xe2\x80\xaf\xc2\xb5s");
    cr_expect_str_eq(number_of_figure(FIGURE_KEPT, 0.5, text), "50.0\xe2\x80\xaf%");
    cr_expect_str_eq(number_of_figure(FIGURE_SYSCALLS, 2, text), "2.00");
}

Test(chart, names_with_room_stand_at_their_lines)
{
    struct label labels[] = {{.at = 80, .of = 0}, {.at = 20, .of = 1}};

    labels_spread(labels, 2, 10, 0, 100);
    cr_expect(eq(sz, labels[0].of, 1));
    cr_expect(eq(dbl, labels[0].y, 20));
    cr_expect(eq(dbl, labels[1].y, 80));
}

Test(chart, names_of_lines_that_end_together_are_moved_apart_and_stay_inside)
{
    struct label labels[] = {{.at = 99}, {.at = 100}, {.at = 98}, {.at = 3}};

    labels_spread(labels, 4, 10, 0, 100);
    cr_expect(eq(dbl, labels[0].y, 3));
    cr_expect(eq(dbl, labels[1].y, 80));
    cr_expect(eq(dbl, labels[2].y, 90));
    cr_expect(eq(dbl, labels[3].y, 100));
}
