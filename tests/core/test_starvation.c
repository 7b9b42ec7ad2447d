/* test_starvation.c - a port tells when completions waited for a thread that was free. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "contract.h"
#include "taker.h"

enum { WORKERS = 2, LONG_MS = 150 };

TestSuite(starvation, .timeout = 60);

static struct contract contract;

/* What the port told. */
static struct iocp_starvation told;
static void *told_context;
static atomic_uint times;

static void note(void *context, const struct iocp_starvation *starvation)
{
    told = *starvation;
    told_context = context;
    atomic_fetch_add(&times, 1);
}

/* A callback that blocks until its byte is written. */
struct sleeper {
    struct iocp_op op;
    int pipe[2];
};

static struct sleeper sleepers[WORKERS];
static atomic_uint back;

static void block(struct iocp_op *op, void *self)
{
    struct sleeper *sleeper = self;
    char byte;

    (void)op;
    if (read(sleeper->pipe[0], &byte, 1) == 1)
        atomic_fetch_add(&back, 1);
}

static void count(struct iocp_op *op, void *counter)
{
    (void)op;
    atomic_fetch_add((atomic_uint *)counter, 1);
}

static bool is_at_least_one(void *counter)
{
    return atomic_load((atomic_uint *)counter) > 0;
}

static bool all_are_back(void *unused)
{
    (void)unused;
    return atomic_load(&back) == WORKERS && port_statistics(contract.port).waiting == WORKERS;
}

static void post(struct iocp_op *op, iocp_callback *callback, void *context)
{
    cr_assert(zero(int, iocp_port_post_callback(contract.port, op, 0, callback, context)));
}

static void open_all(size_t engine)
{
    contract_open(&contract, engine, WORKERS);
    iocp_port_on_starvation(contract.port, note, &told);
    for (size_t i = 0; i < WORKERS; i++)
        cr_assert(zero(int, pipe(sleepers[i].pipe)));
    cr_assert(port_has_waiters(contract.port, WORKERS));
}

static void block_all(void)
{
    atomic_store(&back, 0);
    for (size_t i = 0; i < WORKERS; i++)
        post(&sleepers[i].op, block, &sleepers[i]);
    cr_assert(port_has_waiters(contract.port, 0));
}

static void let_all_go(void)
{
    for (size_t i = 0; i < WORKERS; i++)
        cr_assert(eq(long, write(sleepers[i].pipe[1], "x", 1), 1));
    cr_assert(wait_until(all_are_back, NULL));
}

static void close_all(void)
{
    contract_close(&contract);
    for (size_t i = 0; i < WORKERS; i++) {
        close(sleepers[i].pipe[0]);
        close(sleepers[i].pipe[1]);
    }
}

/* CL-08: all workers are blocked, longer than is worth telling. */
EngineTest(starvation, is_told_by_the_first_thread_that_is_back)
{
    struct iocp_event never;
    struct iocp_op waiting = {0}, again = {0};
    atomic_uint served = 0;
    int64_t start_ns = clock_now_ns();

    open_all(*engine);
    iocp_event_init(&never, IOCP_MANUAL_RESET, false);
    block_all();
    post(&waiting, count, &served);
    cr_expect(eq(int, iocp_event_wait(&never, LONG_MS), -ETIMEDOUT));
    cr_expect(zero(uint, atomic_load(&times)));
    let_all_go();

    cr_expect(wait_until(is_at_least_one, &served));
    cr_expect(eq(uint, atomic_load(&times), 1));
    cr_expect(eq(ptr, told_context, &told));
    cr_expect(ge(uint, told.milliseconds, 100));
    cr_expect(eq(uint, told.threads, WORKERS));
    cr_expect(eq(sz, told.queued, 1));

    /* Not again within a second. */
    block_all();
    post(&again, count, &served);
    cr_expect(eq(int, iocp_event_wait(&never, LONG_MS), -ETIMEDOUT));
    let_all_go();
    cr_expect(le(long, atomic_load(&times), 1 + (clock_now_ns() - start_ns) / 1000000000));
    iocp_event_destroy(&never);
    close_all();
}

/* Busy for long, but nothing waited. */
EngineTest(starvation, is_not_told_when_nothing_waited)
{
    struct iocp_event never;

    open_all(*engine);
    iocp_event_init(&never, IOCP_MANUAL_RESET, false);
    block_all();
    cr_expect(eq(int, iocp_event_wait(&never, LONG_MS), -ETIMEDOUT));
    let_all_go();

    cr_expect(zero(uint, atomic_load(&times)));
    iocp_event_destroy(&never);
    close_all();
}

static void wait_in_vain(void *event, const struct iocp_starvation *starvation)
{
    (void)starvation;
    if (iocp_event_wait(event, 1) == -ETIMEDOUT)
        atomic_fetch_add(&times, 1);
}

/* Who is told has not begun to run yet. */
EngineTest(starvation, is_told_to_who_may_wait_and_counts_once_afterwards)
{
    struct iocp_event never;
    struct iocp_op waiting = {0};
    atomic_uint served = 0;

    open_all(*engine);
    iocp_event_init(&never, IOCP_MANUAL_RESET, false);
    iocp_port_on_starvation(contract.port, wait_in_vain, &never);
    block_all();
    post(&waiting, count, &served);
    cr_expect(eq(int, iocp_event_wait(&never, LONG_MS), -ETIMEDOUT));
    let_all_go();

    cr_expect(wait_until(is_at_least_one, &served));
    cr_assert(wait_until(all_are_back, NULL));
    cr_expect(eq(uint, atomic_load(&times), 1));
    cr_expect(zero(uint, port_statistics(contract.port).running));
    iocp_event_destroy(&never);
    close_all();
}

/* The only thread stays in its lane, and finds there what has come meanwhile. (With the engine
 * "blocking" nothing has come before somebody waits for it.) */
EngineTest(starvation, is_told_by_a_thread_that_finds_in_its_own_lane_what_waited)
{
    struct connection first, second;
    struct iocp_op received[2] = {0};
    struct pollfd nothing = {.events = POLLIN};
    char bytes[2];

    if (strcmp(iocp_engine_name(*engine), "blocking") == 0)
        cr_skip_test("it has no lanes");
    contract_open(&contract, *engine, 0);
    iocp_port_on_starvation(contract.port, note, &told);
    contract_connect(&contract, &first);
    contract_connect(&contract, &second);
    cr_assert(
        zero(int, iocp_begin_receive(first.socket, &received[0], &bytes[0], 1, count, &back)));
    cr_assert(
        zero(int, iocp_begin_receive(second.socket, &received[1], &bytes[1], 1, count, &back)));

    cr_assert(zero(int, loopback_write_all(first.peer, "1", 1)));
    cr_assert(eq(ptr, contract_run_one(&contract), &received[0]));
    cr_assert(zero(int, loopback_write_all(second.peer, "2", 1)));
    nothing.fd = first.peer;
    cr_assert(zero(int, poll(&nothing, 1, LONG_MS)));
    cr_assert(eq(ptr, contract_run_one(&contract), &received[1]));

    cr_expect(eq(uint, atomic_load(&times), 1));
    cr_expect(eq(uint, told.threads, 1));
    cr_expect(eq(sz, told.queued, 1));
    for (int i = 0; i < 2; i++)
        cr_expect(
            eq(long, iocp_end_receive(i == 0 ? first.socket : second.socket, &received[i]), 1));
    contract_disconnect(&first);
    contract_disconnect(&second);
    contract_close(&contract);
}

struct stream {
    struct connection connection;
    struct iocp_op received;
    char byte;
};

static void receive_byte(struct stream *stream);

/* Each byte is followed by the next. */
static void on_byte(struct iocp_op *op, void *self)
{
    struct stream *stream = self;

    if (iocp_end_receive(stream->connection.socket, op) == 1)
        receive_byte(stream);
}

static void receive_byte(struct stream *stream)
{
    if (iocp_begin_receive(stream->connection.socket, &stream->received, &stream->byte, 1, on_byte,
                           stream) < 0)
        abort();
}

static void receive_both(struct iocp_op *op, void *streams)
{
    (void)op;
    receive_byte(streams);
    receive_byte((struct stream *)streams + 1);
}

static void open_stream(struct stream *stream)
{
    static const char bytes[400000];

    contract_connect(&contract, &stream->connection);
    cr_assert(zero(int, loopback_write_all(stream->connection.peer, bytes, sizeof bytes)));
}

static void open_streams(size_t engine, struct stream streams[2], struct iocp_op *start)
{
    contract_open(&contract, engine, 0);
    iocp_port_on_starvation(contract.port, note, &told);
    open_stream(&streams[0]);
    open_stream(&streams[1]);
    post(start, receive_both, streams);
}

static void close_streams(struct stream streams[2])
{
    contract_disconnect(&streams[0].connection);
    contract_disconnect(&streams[1].connection);
    contract_close(&contract);
}

/* Callbacks begin what completes at once, so the lane is never empty and its thread never waits;
 * but each of them is short. (A machine that stands still looks like a long one.) */
EngineTest(starvation, is_not_told_of_a_thread_that_takes_one_thing_after_the_other)
{
    struct stream streams[2] = {0};
    struct iocp_op start = {0};
    unsigned pauses = 0;
    int64_t last_ns;

    open_streams(*engine, streams, &start);
    last_ns = clock_now_ns();
    for (const int64_t end_ns = last_ns + 2 * LONG_MS * 1000000LL; last_ns < end_ns;) {
        const int64_t before_ns = last_ns;

        contract_run_one(&contract);
        last_ns = clock_now_ns();
        pauses += last_ns - before_ns > 50000000;
    }

    cr_expect(le(uint, atomic_load(&times), pauses));
    close_streams(streams);
}

/* A callback after the other is worth telling, but only once a second: what is told then is how
 * long the last one took, and not all of them. */
EngineTest(starvation, is_told_with_the_time_since_somebody_was_free)
{
    struct stream streams[2] = {0};
    struct iocp_op start = {0};
    int64_t last_ns, longest_ns = 0;

    open_streams(*engine, streams, &start);
    last_ns = clock_now_ns();
    while (atomic_load(&times) < 2) {
        const int64_t before_ns = last_ns;

        contract_run_one(&contract);
        cr_assert(zero(int, poll(NULL, 0, LONG_MS)));
        last_ns = clock_now_ns();
        if (last_ns - before_ns > longest_ns)
            longest_ns = last_ns - before_ns;
    }

    cr_expect(le(long, told.milliseconds, 2 * longest_ns / 1000000));
    close_streams(streams);
}

/* A connection of which a receive is in flight. */
static struct stream pending;

static bool other_waits(void *served)
{
    return is_at_least_one(served) && port_statistics(contract.port).waiting == 1;
}

/* Who is told lets the other worker go, and when that has nothing more to do, takes back the
 * receive: its completion belongs to the lane of who is told, and it is about to wait. */
static void shed_load(void *served, const struct iocp_starvation *starvation)
{
    (void)starvation;
    if (write(sleepers[0].pipe[1], "x", 1) == 1 && wait_until(other_waits, served) &&
        iocp_socket_cancel(pending.connection.socket, &pending.received) == 1)
        atomic_fetch_add(&times, 1);
}

EngineTest(starvation, is_told_to_who_may_complete_something_that_is_not_lost)
{
    struct iocp_event never;
    struct iocp_op waiting = {0};
    atomic_uint served = 0, cancelled = 0;

    open_all(*engine);
    contract_connect(&contract, &pending.connection);
    iocp_event_init(&never, IOCP_MANUAL_RESET, false);
    iocp_port_on_starvation(contract.port, shed_load, &served);
    cr_assert(zero(int, iocp_begin_receive(pending.connection.socket, &pending.received,
                                           &pending.byte, 1, count, &cancelled)));
    post(&sleepers[0].op, block, &sleepers[0]);
    cr_assert(port_has_waiters(contract.port, 1));
    post(&sleepers[1].op, block, &sleepers[1]); /* which nobody sees, so it keeps its lane */
    cr_assert(port_has_waiters(contract.port, 0));
    post(&waiting, count, &served);
    cr_expect(eq(int, iocp_event_wait(&never, LONG_MS), -ETIMEDOUT));
    cr_assert(eq(long, write(sleepers[1].pipe[1], "x", 1), 1));

    cr_expect(wait_until(is_at_least_one, &cancelled));
    cr_expect(eq(uint, atomic_load(&times), 1));
    contract_disconnect(&pending.connection);
    iocp_event_destroy(&never);
    close_all();
}
