/* test_generator.c - the bench's load: it notices every way in which a server goes wrong. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "load.h"
#include "loopback.h"
#include "measure.h"
#include "puppet.h"

#define MS_NS        INT64_C(1000000)
#define MESSAGE_SIZE 64
#define LARGE_SIZE   ((size_t)4 * 1024 * 1024)
#define DEPTH        16

static struct load_result result;

TestSuite(generator, .timeout = 120);

static struct load_options options_for(enum load_kind kind)
{
    return (struct load_options){.kind = kind,
                                 .connections = 1,
                                 .message_size = MESSAGE_SIZE,
                                 .depth = 1,
                                 .measured_ns = 300 * MS_NS,
                                 .patience_ns = 10000 * MS_NS};
}

/* Of a connection that ends with an error, however long that takes on a busy machine. */
static struct load_options options_to_fail(void)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.measured_ns = options.patience_ns;
    return options;
}

static void put_load_on(enum manner manner, struct load_options *options)
{
    struct puppet puppet = {.manner = manner};

    puppet_load(&puppet, options, &result);
}

static void expect_one_error(enum load_error class, int error)
{
    cr_expect(eq(u64, result.errors[class], 1), "not %s", load_error_name(class));
    cr_expect(eq(u64, load_error_count(&result), 1));
    cr_expect(eq(int, result.error, error));
}

static void expect_no_latencies(void)
{
    cr_expect(zero(u64, result.completed));
    cr_expect(zero(u64, result.latency.count));
    cr_expect(zero(u64, result.slept.count));
}

/* Whoever tries again after an error has it again. */
static void expect_error(enum load_kind kind, enum manner manner, enum load_error class, int error)
{
    struct load_options options = kind == LOAD_STREAM ? options_to_fail() : options_for(kind);

    put_load_on(manner, &options);

    if (kind == LOAD_STREAM)
        expect_one_error(class, error);
    cr_expect(lt(u64, 0, result.errors[class]), "not %s", load_error_name(class));
    cr_expect(eq(u64, load_error_count(&result), result.errors[class]));
    cr_expect(eq(int, result.error, error));
    expect_no_latencies();
}

static void expect_echoes(struct load_options *options)
{
    put_load_on(HONEST, options);

    cr_expect(zero(u64, load_error_count(&result)), "%s", strerror(-result.error));
    cr_expect(zero(u64, result.slept.count));
    cr_expect(zero(u64, result.unanswered));
    cr_expect(lt(u64, 0, result.latency.count));
    cr_expect(ge(dbl, result.seconds, (double)options->measured_ns / 1e9));
    cr_expect(lt(dbl, 0, result.generator));
}

Test(generator, completes_what_an_honest_server_echoes)
{
    struct load_options options = options_for(LOAD_STREAM);

    expect_echoes(&options);

    cr_expect(lt(u64, 0, result.completed));
    /* All that began in the measured time, but for one at most, ended in it. */
    cr_expect(ge(u64, result.latency.count, result.completed));
    cr_expect(le(u64, result.latency.count, result.completed + 1));
}

Test(generator, keeps_many_connections_busy)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.connections = 20;
    options.depth = 3;
    expect_echoes(&options);
    cr_expect(ge(u64, result.latency.count, options.connections * options.depth));
}

Test(generator, keeps_sixteen_messages_in_flight)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.depth = DEPTH;
    expect_echoes(&options);
}

Test(generator, has_no_more_in_flight_than_the_depth)
{
    struct load_options options = options_for(LOAD_STREAM);
    struct puppet puppet = {.manner = SILENT};

    options.depth = DEPTH;
    options.patience_ns = 200 * MS_NS;
    puppet_load(&puppet, &options, &result);

    expect_one_error(LOAD_LATE, -ETIMEDOUT);
    cr_expect(eq(u64, puppet.received, (uint64_t)DEPTH * MESSAGE_SIZE));
}

Test(generator, keeps_marked_round_trips_apart)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.marked = true;
    options.depth = DEPTH;
    options.message_size = 7; /* divides no piece */
    put_load_on(MARKS_ALL, &options);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(lt(u64, 0, result.slept.count));
    cr_expect(zero(u64, result.latency.count));
}

Test(generator, marks_nobody_whom_the_server_does_not)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.marked = true;
    options.depth = DEPTH;
    expect_echoes(&options);
}

Test(generator, marks_messages_of_one_byte)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.marked = true;
    options.message_size = 1;
    expect_echoes(&options);
}

Test(generator, sends_messages_larger_than_what_the_kernel_takes_at_once)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.message_size = LARGE_SIZE;
    options.depth = 2;
    expect_echoes(&options);
}

Test(generator, marks_messages_larger_than_what_the_kernel_takes_at_once)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.message_size = LARGE_SIZE;
    options.marked = true;
    expect_echoes(&options);
}

Test(generator, pauses_between_two_round_trips)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.pause_ns = 20 * MS_NS;
    expect_echoes(&options);

    /* One every 20 ms, at most. */
    cr_expect(le(dbl, (double)result.latency.count, result.seconds * 50 + 1));
}

Test(generator, does_not_count_what_is_sent_while_it_warms_up)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.warm_up_ns = 50 * MS_NS;
    options.pause_ns = 10000 * MS_NS; /* one message, at the very start */
    put_load_on(HONEST, &options);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(zero(u64, result.latency.count));
}

/* Each message has its connection. */
static void expect_connections(struct load_options *options)
{
    struct puppet puppet = {.manner = HONEST};

    puppet_load(&puppet, options, &result);

    cr_expect(zero(u64, load_error_count(&result)), "%s", strerror(-result.error));
    cr_expect(ge(u64, result.latency.count, options->connections));
    cr_expect(eq(sz, puppet.accepted, result.latency.count));
    cr_expect(eq(u64, puppet.received, puppet.accepted * options->message_size));
}

Test(generator, makes_a_connection_for_each_message)
{
    struct load_options options = options_for(LOAD_MESSAGE);

    options.connections = 10;
    expect_connections(&options);
}

Test(generator, churns)
{
    struct load_options options = options_for(LOAD_CHURN);

    options.connections = 10;
    expect_connections(&options);
}

Test(generator, makes_a_connection_for_each_large_message)
{
    struct load_options options = options_for(LOAD_MESSAGE);

    options.message_size = LARGE_SIZE;
    expect_connections(&options);
}

Test(generator, churns_with_large_messages)
{
    struct load_options options = options_for(LOAD_CHURN);

    options.message_size = LARGE_SIZE;
    options.marked = true;
    expect_connections(&options);
}

static void expect_error_of_all_kinds(enum manner manner, enum load_error class, int error)
{
    for (enum load_kind kind = LOAD_STREAM; kind <= LOAD_CHURN; kind++) {
        result = (struct load_result){0};
        expect_error(kind, manner, class, error);
    }
}

Test(generator, notices_wrong_bytes)
{
    expect_error_of_all_kinds(WRONG_BYTE, LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_a_mark_where_none_was_sent)
{
    expect_error_of_all_kinds(MARKS_ALL, LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_a_mark_that_is_none)
{
    struct load_options options = options_to_fail();

    options.marked = true;
    put_load_on(WRONG_MARK, &options);

    expect_one_error(LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_bytes_that_nobody_sent)
{
    struct load_options options = options_to_fail();

    options.marked = true;            /* so that the byte would do as a mark */
    options.pause_ns = 10000 * MS_NS; /* so that it is no early byte of the next echo */
    put_load_on(TOO_MUCH, &options);

    expect_one_error(LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_bytes_beyond_the_message)
{
    expect_error(LOAD_MESSAGE, TOO_MUCH, LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_bytes_that_come_before_any_were_sent)
{
    struct load_options options = options_for(LOAD_STREAM);

    options.marked = true; /* so that the byte would do as a mark */
    options.warm_up_ns = 10000 * MS_NS;
    options.pause_ns = 10000 * MS_NS;
    put_load_on(TOO_EARLY, &options);

    expect_one_error(LOAD_WRONG, -EBADMSG);
    cr_expect(zero(dbl, result.seconds)); /* nobody was left to measure */
}

Test(generator, notices_the_echo_of_an_earlier_message)
{
    struct load_options options = options_to_fail();

    put_load_on(REPEATS, &options);

    expect_one_error(LOAD_WRONG, -EBADMSG);
    cr_expect(eq(u64, result.latency.count, 1)); /* the first one's echo was right */
}

Test(generator, notices_the_echo_of_another_client)
{
    struct load_options options = options_to_fail();

    options.connections = 2;
    put_load_on(SWAPS, &options);

    cr_expect(ge(u64, result.errors[LOAD_WRONG], 1));
    expect_no_latencies();
}

Test(generator, notices_that_the_server_ends_the_connection)
{
    expect_error_of_all_kinds(ENDS, LOAD_RESET, -ECONNRESET);
}

Test(generator, does_not_wait_for_ever)
{
    for (enum load_kind kind = LOAD_STREAM; kind <= LOAD_CHURN; kind++) {
        struct load_options options = options_for(kind);

        options.patience_ns = 100 * MS_NS;
        result = (struct load_result){0};
        put_load_on(SILENT, &options);

        cr_expect(ge(u64, result.errors[LOAD_LATE], 1));
        cr_expect(eq(u64, load_error_count(&result), result.errors[LOAD_LATE]));
        cr_expect(eq(int, result.error, -ETIMEDOUT));
        expect_no_latencies();
    }
}

Test(generator, awaits_the_end_of_the_stream)
{
    struct load_options options = options_for(LOAD_MESSAGE);

    options.patience_ns = 100 * MS_NS;
    put_load_on(NEVER_ENDS, &options);

    cr_expect(ge(u64, result.errors[LOAD_LATE], 1));
    expect_no_latencies();
}

Test(generator, notices_that_nobody_listens)
{
    for (enum load_kind kind = LOAD_STREAM; kind <= LOAD_CHURN; kind++) {
        struct load_options options = options_for(kind);
        int listener = loopback_listen();

        options.server = loopback_address(listener);
        close(listener);
        options.measured_ns = 60000 * MS_NS; /* does not take so long, see the time-out */
        result = (struct load_result){0};
        cr_expect(zero(int, load_run(&options, &result)));

        expect_one_error(LOAD_REFUSED, -ECONNREFUSED);
        expect_no_latencies();
    }
}

Test(generator, gives_up_each_client_once_the_server_is_gone)
{
    struct load_options options = options_for(LOAD_CHURN);
    struct puppet puppet = {.manner = LEAVES, .after = 10};

    options.connections = 3;
    options.measured_ns = 60000 * MS_NS;
    puppet_load(&puppet, &options, &result);

    cr_expect(eq(u64, result.errors[LOAD_REFUSED], 3));
    cr_expect(lt(dbl, result.seconds, 60));
}

Test(generator, does_not_wait_for_ever_for_a_connection)
{
    struct load_options options = options_for(LOAD_STREAM);
    int listener = loopback_listen();

    options.server = loopback_address(listener);
    cr_assert(zero(int, listen(listener, 1))); /* and nobody accepts */
    options.connections = 8;
    options.patience_ns = 100 * MS_NS;
    cr_expect(zero(int, load_run(&options, &result)));

    expect_one_error(LOAD_LATE, -ETIMEDOUT);
    close(listener);
}

struct moments {
    enum load_moment seen[4];
    size_t count;
    atomic_bool stop;
};

static void note(enum load_moment moment, void *context)
{
    struct moments *moments = context;

    if (moments->count < 4)
        moments->seen[moments->count++] = moment;
}

static void stop_measuring(enum load_moment moment, void *context)
{
    struct moments *moments = context;

    note(moment, context);
    if (moment == LOAD_MEASURING)
        atomic_store(&moments->stop, true);
}

static void expect_both_moments(const struct moments *moments)
{
    cr_expect(eq(sz, moments->count, 2));
    cr_expect(eq(int, moments->seen[0], LOAD_MEASURING));
    cr_expect(eq(int, moments->seen[1], LOAD_MEASURED));
}

Test(generator, tells_when_it_measures)
{
    struct load_options options = options_for(LOAD_STREAM);
    struct moments moments = {.count = 0};

    options.warm_up_ns = 10 * MS_NS;
    options.at = note;
    options.context = &moments;
    expect_echoes(&options);

    expect_both_moments(&moments);
}

static void sleep_long(enum load_moment moment, void *context)
{
    (void)context;
    if (moment == LOAD_MEASURING)
        measure_sleep_ns(500 * MS_NS);
}

/* While the clients sleep, here or because the machine does, the server answers in time. */
Test(generator, does_not_take_an_answer_for_late_that_it_has_not_looked_at)
{
    for (enum load_kind kind = LOAD_STREAM; kind <= LOAD_CHURN; kind++) {
        struct load_options options = options_for(kind);

        options.connections = 8;
        options.warm_up_ns = 20 * MS_NS;
        options.patience_ns = 400 * MS_NS;
        options.at = sleep_long;
        result = (struct load_result){0};
        expect_echoes(&options);
    }
}

Test(generator, stops_when_told_to)
{
    for (enum load_kind kind = LOAD_STREAM; kind <= LOAD_CHURN; kind++) {
        struct load_options options = options_for(kind);
        struct moments moments = {.count = 0};

        options.measured_ns = options.patience_ns = 60000 * MS_NS;
        options.at = stop_measuring;
        options.context = &moments;
        options.stop = &moments.stop;
        put_load_on(SILENT, &options); /* so that it would have to wait */

        expect_both_moments(&moments);
        cr_expect(zero(u64, load_error_count(&result)));
        cr_expect(lt(dbl, result.seconds, 60));
    }
}

Test(generator, that_was_stopped_before_does_nothing)
{
    struct load_options options = options_for(LOAD_STREAM);
    struct moments moments = {.stop = true};
    struct puppet puppet = {.manner = HONEST};

    options.at = note;
    options.context = &moments;
    options.stop = &moments.stop;
    puppet_load(&puppet, &options, &result);

    cr_expect(zero(sz, moments.count));
    cr_expect(zero(sz, puppet.accepted));
    cr_expect(zero(u64, load_error_count(&result)));
}
