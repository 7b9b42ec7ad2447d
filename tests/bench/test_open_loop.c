/* test_open_loop.c - messages by plan: none vanishes, and a stall shows in all that it delayed. */
/* SPDX-License-Identifier: MIT */
#include <math.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "load.h"
#include "measure.h"
#include "puppet.h"

#define MS_NS    INT64_C(1000000)
#define RATE     1000.0
#define STALL_NS (200 * MS_NS)

static struct load_result result;

TestSuite(open_loop, .timeout = 120);

static struct load_options options_for(enum load_kind kind, double rate)
{
    return (struct load_options){.kind = kind,
                                 .connections = 1,
                                 .message_size = 64,
                                 .depth = 1,
                                 .rate = rate,
                                 .measured_ns = 300 * MS_NS,
                                 .patience_ns = 10000 * MS_NS};
}

/* How many values are not below this one, in slots as coarse as they are. */
static uint64_t count_from(const struct histogram *histogram, int64_t value)
{
    uint64_t count = 0;

    for (size_t i = 0; i < HISTOGRAM_SLOTS; i++)
        if (histogram_slot_value(histogram, i) >= (uint64_t)value)
            count += histogram->slots[i];
    return count;
}

/* All the messages whose moment was in the measured time. */
static void expect_all_planned(const struct load_options *options)
{
    double planned = options->rate * result.seconds;
    uint64_t told = result.latency.count + result.dropped;

    cr_expect(le(dbl, fabs((double)told - planned), 1), "%llu of %g", (unsigned long long)told,
              planned);
}

static void expect_rate_kept(struct load_options options)
{
    struct puppet puppet = {.manner = HONEST};

    puppet_load(&puppet, &options, &result);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(zero(u64, result.unanswered));
    expect_all_planned(&options);
    cr_expect(eq(u64, result.uncorrected.count, result.latency.count));
    cr_expect(eq(u64, result.slip.count, result.latency.count));
    cr_expect(le(u64, result.completed, result.latency.count + 1));
    cr_expect(le(u64, result.uncorrected.max, result.latency.max));
}

Test(open_loop, keeps_its_rate)
{
    struct load_options options = options_for(LOAD_STREAM, 1300);

    options.connections = 20;
    options.depth = 4;
    expect_rate_kept(options);

    /* They were sent in their time, not all in the end. */
    cr_expect(ge(u64, result.completed, result.latency.count / 2));
}

Test(open_loop, keeps_its_rate_by_a_connection_for_each_message)
{
    struct load_options options = options_for(LOAD_MESSAGE, 500);

    options.connections = 8;
    expect_rate_kept(options);
}

Test(open_loop, keeps_its_rate_while_it_churns)
{
    struct load_options options = options_for(LOAD_CHURN, 500);

    options.connections = 8;
    expect_rate_kept(options);
}

Test(open_loop, keeps_a_rate_below_one_a_connection)
{
    struct load_options options = options_for(LOAD_STREAM, 30);

    options.connections = 20;
    expect_rate_kept(options);
}

Test(open_loop, does_not_count_what_was_planned_while_it_warmed_up)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = HONEST};

    options.warm_up_ns = 100 * MS_NS;
    puppet_load(&puppet, &options, &result);

    expect_all_planned(&options);
    cr_expect(ge(u64, puppet.received / options.message_size, result.latency.count + 100));
}

static void look_long(enum load_moment moment, void *context)
{
    (void)moment;
    (void)context;
    measure_sleep_ns(50 * MS_NS);
}

Test(open_loop, plans_nothing_more_while_the_caller_looks_at_the_server)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = HONEST};

    options.warm_up_ns = 100 * MS_NS;
    options.at = look_long;
    puppet_load(&puppet, &options, &result);

    expect_all_planned(&options);
    cr_expect(zero(u64, result.unanswered));
}

Test(open_loop, keeps_marked_round_trips_apart)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = MARKS_ALL};

    options.marked = true;
    puppet_load(&puppet, &options, &result);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(zero(u64, result.latency.count));
    cr_expect(zero(u64, result.uncorrected.count));
    cr_expect(eq(u64, result.slept.count, result.slip.count));
}

/*
 * Of the 200 messages planned while the server stalls, the first one waits 200 ms, the next one
 * 199, and so on: all but the last 20 wait for 20 ms at least. Seen from the moments of sending,
 * the only connection has one message in flight at a time, and so many cannot have waited so long
 * in so short a run.
 */
Test(open_loop, shows_a_stall_in_all_that_it_delayed)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = STALLS, .after = 100, .for_ns = STALL_NS};
    int64_t began_ns = measure_now_ns(), took_ns;
    double percent;

    options.measured_ns = 1000 * MS_NS;
    puppet_load(&puppet, &options, &result);
    took_ns = measure_now_ns() - began_ns;

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(zero(u64, result.unanswered));
    expect_all_planned(&options);
    cr_expect(ge(u64, result.latency.max, (uint64_t)STALL_NS));
    cr_expect(ge(u64, count_from(&result.latency, 20 * MS_NS), 178));
    cr_expect(ge(u64, count_from(&result.latency, 100 * MS_NS), 98));
    cr_expect(
        le(i64, (int64_t)count_from(&result.uncorrected, 100 * MS_NS) * 100 * MS_NS, took_ns));
    percent = 100 * (1 - 150 / (double)result.latency.count);
    cr_expect(ge(u64, histogram_percentile(&result.latency, percent), 20 * (uint64_t)MS_NS));
    cr_expect(lt(u64, histogram_percentile(&result.uncorrected, percent),
                 histogram_percentile(&result.latency, percent)));
}

/* Where the others have room, a stall of one connection is no fault of the generator. */
Test(open_loop, does_not_take_a_full_connection_for_its_own_slip)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = STALLS, .after = 100, .for_ns = STALL_NS};

    options.measured_ns = 1000 * MS_NS;
    puppet_load(&puppet, &options, &result);

    cr_expect(ge(u64, count_from(&result.latency, 100 * MS_NS), 98));
    cr_expect(lt(u64, count_from(&result.slip, 100 * MS_NS), 98));
}

/* An answer takes 10 ms, and ten messages are planned for each. */
static void overload(struct load_options *options, struct puppet *puppet)
{
    options->patience_ns = 500 * MS_NS;
    *puppet = (struct puppet){.manner = SLOW, .for_ns = 10 * MS_NS};
    puppet_load(puppet, options, &result);
}

Test(open_loop, ends_though_its_lines_have_not)
{
    for (enum load_kind kind = LOAD_STREAM; kind <= LOAD_CHURN; kind++) {
        struct load_options options = options_for(kind, RATE);
        struct puppet puppet;

        result = (struct load_result){0};
        overload(&options, &puppet);

        cr_expect(zero(u64, load_error_count(&result)));
        expect_all_planned(&options);
        cr_expect(lt(u64, 0, result.unanswered));
        cr_expect(eq(u64, result.uncorrected.count + result.unanswered, result.latency.count));
        cr_expect(ge(u64, count_from(&result.latency, options.patience_ns), result.unanswered));
    }
}

/* The answers, if there are any, come so late that most of what is planned has no room. */
Test(open_loop, that_drops_has_all_that_it_sent_answered)
{
    for (enum load_kind kind = LOAD_STREAM; kind <= LOAD_CHURN; kind++) {
        struct load_options options = options_for(kind, RATE);
        struct puppet puppet = {.manner = SLOW, .for_ns = 10 * MS_NS};

        options.drops = true;
        result = (struct load_result){0};
        puppet_load(&puppet, &options, &result);

        cr_expect(zero(u64, load_error_count(&result)));
        cr_expect(lt(u64, 0, result.dropped));
        cr_expect(zero(u64, result.unanswered));
        cr_expect(eq(u64, result.uncorrected.count, result.latency.count));
        cr_expect(eq(u64, puppet.received, result.latency.count * options.message_size));
        expect_all_planned(&options);
    }
}

Test(open_loop, that_drops_has_a_line_as_long_as_the_depth)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = SILENT};

    options.drops = true;
    options.depth = 4;
    options.patience_ns = 3000 * MS_NS;
    puppet_load(&puppet, &options, &result);

    cr_expect(eq(u64, puppet.received, options.depth * options.message_size));
    cr_expect(eq(u64, result.unanswered, 2 * options.depth));
    cr_expect(eq(u64, result.latency.count, 2 * options.depth));
    expect_all_planned(&options);
}

/* However late the generator is: there are fewer messages than there is room for. */
Test(open_loop, drops_nothing_that_has_room)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = STALLS, .after = 100, .for_ns = STALL_NS};

    options.drops = true;
    options.depth = LOAD_DEPTH_MAX;
    puppet_load(&puppet, &options, &result);

    cr_expect(zero(u64, result.dropped));
    cr_expect(zero(u64, result.unanswered));
    expect_all_planned(&options);
}

Test(open_loop, does_not_count_what_was_dropped_while_it_warmed_up)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = SLOW, .for_ns = 10 * MS_NS};

    options.drops = true;
    options.warm_up_ns = 100 * MS_NS;
    puppet_load(&puppet, &options, &result);

    cr_expect(lt(u64, 0, result.dropped));
    expect_all_planned(&options);
}

Test(open_loop, counts_the_answers_in_time)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = HONEST};

    options.in_time_ns = 60000 * MS_NS;
    puppet_load(&puppet, &options, &result);
    cr_expect(lt(u64, 0, result.in_time));
    cr_expect(eq(u64, result.in_time, result.latency.count));

    result = (struct load_result){0};
    options.in_time_ns = 10 * MS_NS;
    puppet = (struct puppet){.manner = SLOW, .for_ns = 11 * MS_NS};
    puppet_load(&puppet, &options, &result);
    cr_expect(lt(u64, 0, result.latency.count));
    cr_expect(zero(u64, result.in_time));
}

Test(open_loop, tells_each_part_of_the_time_by_its_own_messages)
{
    static struct histogram parts[3];
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = STALLS, .after = 150, .for_ns = STALL_NS};

    options.warm_up_ns = 50 * MS_NS;
    options.parts = parts;
    options.part_count = 3;
    puppet_load(&puppet, &options, &result);

    for (size_t i = 0; i < 3; i++)
        cr_expect(le(dbl, fabs((double)parts[i].count - 100), 1), "part %zu: %llu", i,
                  (unsigned long long)parts[i].count);
    cr_expect(ge(u64, parts[1].max, (uint64_t)STALL_NS - 51 * (uint64_t)MS_NS));
}

Test(open_loop, counts_what_was_planned_for_a_failed_connection_as_if_it_had_waited)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = LEAVES, .after = 1};

    options.connections = 1;
    puppet_load(&puppet, &options, &result);

    cr_expect(eq(u64, load_error_count(&result), 1));
    cr_expect(ge(u64, result.unanswered, 1));
    cr_expect(ge(u64, count_from(&result.latency, options.patience_ns), result.unanswered));
    cr_expect(eq(u64, result.uncorrected.count + result.unanswered, result.latency.count));
}

Test(open_loop, tries_again_and_loses_only_what_failed)
{
    struct load_options options = options_for(LOAD_CHURN, RATE);
    struct puppet puppet = {.manner = ENDS};

    options.patience_ns = 1000 * MS_NS;
    puppet_load(&puppet, &options, &result);

    cr_expect(ge(u64, result.errors[LOAD_RESET], 2));
    expect_all_planned(&options);
    cr_expect(eq(u64, result.unanswered, result.latency.count));
    cr_expect(eq(u64, count_from(&result.latency, options.patience_ns), result.latency.count));
}

static void stop_it(enum load_moment moment, void *stop)
{
    if (moment == LOAD_MEASURING)
        atomic_store((atomic_bool *)stop, true);
}

Test(open_loop, stops_when_told_to)
{
    struct load_options options = options_for(LOAD_STREAM, RATE);
    struct puppet puppet = {.manner = SILENT};
    atomic_bool stop = false;

    options.measured_ns = options.patience_ns = 60000 * MS_NS;
    options.at = stop_it;
    options.context = &stop;
    options.stop = &stop;
    puppet_load(&puppet, &options, &result);

    cr_expect(lt(dbl, result.seconds, 60));
    cr_expect(zero(u64, load_error_count(&result)));
    expect_all_planned(&options);
    cr_expect(eq(u64, result.unanswered, result.latency.count));
}
