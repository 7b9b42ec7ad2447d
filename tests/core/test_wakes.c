/* test_wakes.c - nobody sleeps on who is needed, or whose turn has come. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "contract.h"
#include "taker.h"

enum { ROUNDS = 20000 };

TestSuite(wakes, .timeout = 60);

static struct contract contract;

/* Concurrency 1 and two workers that wait: the older one sits in the lane, the newer one, which
 * is handed what is posted, in none (in the blocking engine in a seat of its own). */
static void open_with_two(size_t engine)
{
    contract_open(&contract, engine, 0);
    cr_assert(zero(int, iocp_pool_create(contract.port, 2, &contract.pool)));
    cr_assert(port_has_waiters(contract.port, 2));
}

static void post(struct iocp_port *port, struct iocp_op *op, iocp_callback *callback, void *context)
{
    cr_assert(zero(int, iocp_port_post_callback(port, op, 0, callback, context)));
}

static bool is_raised(void *flag)
{
    return atomic_load((atomic_bool *)flag);
}

static bool nobody_runs(void *port)
{
    return port_statistics(port).running == 0;
}

static bool has_one_waiter_and_runs_nobody(void *port)
{
    struct iocp_port_statistics now = port_statistics(port);

    return now.waiting == 1 && now.running == 0;
}

static void raise_flag(struct iocp_op *op, void *flag)
{
    (void)op;
    atomic_store((atomic_bool *)flag, true);
}

/* A callback that receives in its own thread: begin, then end at once. */
struct ender {
    struct connection connection;
    struct iocp_op call;
    struct iocp_op receive;
    iocp_callback *callback;  /* of the receive */
    struct iocp_event *event; /* to be waited for before the end, unless NULL */
    char byte;
    ssize_t result;
    atomic_bool done;
};

static void receive_and_end(struct iocp_op *op, void *self)
{
    struct ender *ender = self;

    (void)op;
    iocp_op_set_event(&ender->receive, ender->event);
    ender->result = iocp_begin_receive(ender->connection.socket, &ender->receive, &ender->byte, 1,
                                       ender->callback, NULL);
    if (ender->result == 0 && ender->event != NULL)
        ender->result = iocp_event_wait(ender->event, IOCP_INFINITE);
    if (ender->result == 0)
        ender->result = iocp_end_receive(ender->connection.socket, &ender->receive);
    atomic_store(&ender->done, true);
}

static void expect_ended(struct ender *ender)
{
    cr_assert(wait_until(is_raised, &ender->done));
    cr_expect(eq(long, ender->result, 1));
    contract_disconnect(&ender->connection);
}

/* A callback that blocks in a call that the library knows nothing of. */
struct reader {
    int ends[2];
    struct iocp_event *first; /* to be waited for before, unless NULL */
    bool computes;            /* afterwards, until let go */
    atomic_bool started;
    atomic_bool let_go;
    atomic_bool done;
};

static void read_from_pipe(struct iocp_op *op, void *self)
{
    struct reader *reader = self;
    char byte;

    (void)op;
    while (reader->first != NULL && iocp_event_wait(reader->first, IOCP_INFINITE) != 0)
        continue;
    atomic_store(&reader->started, true);
    while (read(reader->ends[0], &byte, 1) < 0)
        continue;
    while (reader->computes && !atomic_load(&reader->let_go))
        sched_yield();
    atomic_store(&reader->done, true);
}

static void end_reader(struct reader *reader)
{
    cr_assert(eq(long, write(reader->ends[1], "x", 1), 1));
    atomic_store(&reader->let_go, true);
    cr_assert(wait_until(is_raised, &reader->done));
    close(reader->ends[0]);
    close(reader->ends[1]);
}

/* The end waits for an operation with a callback, which the other worker finds and runs. */
EngineTest(wakes, an_end_returns_when_another_worker_runs_the_callback)
{
    struct ender ender = {.callback = iocp_no_callback};

    open_with_two(*engine);
    contract_connect(&contract, &ender.connection);
    post(contract.port, &ender.call, receive_and_end, &ender);
    cr_assert(wait_until(has_one_waiter_and_runs_nobody, contract.port));

    cr_assert(zero(int, loopback_write_all(ender.connection.peer, "x", 1)));

    expect_ended(&ender);
    contract_close(&contract);
}

/* The only worker waits for the operation's event. */
EngineTest(wakes, an_operation_is_carried_out_though_all_workers_wait_for_its_event)
{
    struct iocp_event event;
    struct ender ender = {.event = &event};

    contract_open(&contract, *engine, 1);
    iocp_event_init(&event, IOCP_MANUAL_RESET, false);
    cr_assert(port_has_waiters(contract.port, 1));
    contract_connect(&contract, &ender.connection);
    post(contract.port, &ender.call, receive_and_end, &ender);
    cr_assert(port_has_waiters(contract.port, 0));
    cr_assert(wait_until(nobody_runs, contract.port));

    cr_assert(zero(int, loopback_write_all(ender.connection.peer, "x", 1)));

    expect_ended(&ender);
    contract_close(&contract);
    iocp_event_destroy(&event);
}

/* Nobody waits any more; only the thread inside the end can find that the other one is stuck. */
EngineTest(wakes, an_end_goes_on_although_the_worker_that_sat_blocks)
{
    struct ender ender = {0};
    struct reader reader = {0};
    struct connection trigger;
    struct iocp_op triggered = {0};
    char byte;

    open_with_two(*engine);
    cr_assert(zero(int, pipe(reader.ends)));
    contract_connect(&contract, &ender.connection);
    contract_connect(&contract, &trigger);
    post(contract.port, &ender.call, receive_and_end, &ender);
    cr_assert(wait_until(has_one_waiter_and_runs_nobody, contract.port));
    cr_assert(zero(
        int, iocp_begin_receive(trigger.socket, &triggered, &byte, 1, read_from_pipe, &reader)));
    cr_assert(zero(int, loopback_write_all(trigger.peer, "x", 1)));
    cr_assert(wait_until(is_raised, &reader.started));

    cr_assert(zero(int, loopback_write_all(ender.connection.peer, "x", 1)));

    expect_ended(&ender);
    end_reader(&reader);
    contract_disconnect(&trigger);
    contract_close(&contract);
}

/* The other worker came back to wait when nobody ran, so when there was nothing to watch. */
EngineTest(wakes, a_callback_that_blocks_after_a_wait_loses_the_slot)
{
    struct iocp_event event;
    struct reader reader = {.first = &event};
    struct iocp_op read = {0}, calls[2] = {0};
    atomic_bool ran[2] = {0};

    open_with_two(*engine);
    iocp_event_init(&event, IOCP_MANUAL_RESET, false);
    cr_assert(zero(int, pipe(reader.ends)));
    post(contract.port, &read, read_from_pipe, &reader);
    cr_assert(wait_until(has_one_waiter_and_runs_nobody, contract.port));
    post(contract.port, &calls[0], raise_flag, &ran[0]);
    cr_assert(wait_until(is_raised, &ran[0]));
    cr_assert(wait_until(has_one_waiter_and_runs_nobody, contract.port));
    iocp_event_set(&event);
    cr_assert(wait_until(is_raised, &reader.started));

    post(contract.port, &calls[1], raise_flag, &ran[1]);

    cr_assert(wait_until(is_raised, &ran[1]));
    end_reader(&reader);
    contract_close(&contract);
    iocp_event_destroy(&event);
}

static bool somebody_runs(void *port)
{
    return port_statistics(port).running > 0;
}

/* The other worker came back to wait when all that was left to watch was blocked. */
EngineTest(wakes, a_callback_that_was_blocked_counts_when_it_goes_on)
{
    struct reader reader = {.computes = true};
    struct iocp_op read = {0}, call = {0};
    atomic_bool ran = false;

    open_with_two(*engine);
    cr_assert(zero(int, pipe(reader.ends)));
    post(contract.port, &read, read_from_pipe, &reader);
    cr_assert(wait_until(is_raised, &reader.started));
    cr_assert(wait_until(has_one_waiter_and_runs_nobody, contract.port));
    post(contract.port, &call, raise_flag, &ran);
    cr_assert(wait_until(is_raised, &ran));
    cr_assert(wait_until(has_one_waiter_and_runs_nobody, contract.port));

    cr_assert(eq(long, write(reader.ends[1], "x", 1), 1));

    cr_expect(wait_until(somebody_runs, contract.port));
    end_reader(&reader);
    contract_close(&contract);
}

/* A worker of one port waits for what the worker of another port carries out. */
EngineTest(wakes, an_end_returns_at_a_port_that_is_not_the_threads_own)
{
    struct contract other;
    struct ender ender = {0};

    contract_open(&contract, *engine, 1);
    contract_open(&other, *engine, 1);
    contract_connect(&other, &ender.connection);
    cr_assert(port_has_waiters(contract.port, 1));
    post(contract.port, &ender.call, receive_and_end, &ender);
    cr_assert(port_has_waiters(contract.port, 0));
    cr_assert(wait_until(nobody_runs, contract.port));

    cr_assert(zero(int, loopback_write_all(ender.connection.peer, "x", 1)));

    expect_ended(&ender);
    contract_close(&other);
    contract_close(&contract);
}

/* A thread that takes packets until the port is closed. */
static void *take_all(void *taken)
{
    struct iocp_completion completion;

    while (iocp_port_wait(contract.port, &completion, IOCP_INFINITE) == 0)
        atomic_fetch_add((atomic_uint *)taken, 1);
    return NULL;
}

static void *wait_once(void *unused)
{
    struct iocp_completion completion;

    return iocp_port_wait(contract.port, &completion, 0) == -ETIMEDOUT ? unused : NULL;
}

struct count {
    atomic_uint *taken;
    unsigned wanted;
};

static bool are_taken(void *argument)
{
    const struct count *count = argument;

    return atomic_load(count->taken) == count->wanted;
}

/* The packet comes earlier or later, also while the thread is about to sleep. */
static void post_and_await(atomic_uint *taken, unsigned round)
{
    struct count count = {taken, round + 1};

    for (volatile unsigned i = 0; i < round % 512 * 8; i++)
        continue;
    cr_assert(zero(int, iocp_port_post(contract.port, 0, 0, NULL)));
    for (int i = 0; i < 1000000 && !are_taken(&count); i++)
        continue;
    cr_assert(wait_until(are_taken, &count), "round %u", round);
}

/* The other thread that had a lane has ended, so the one left sits in both. */
EngineTest(wakes, a_thread_that_sits_in_several_lanes_hears_every_wake)
{
    pthread_t taker, visitor;
    atomic_uint taken = 0;

    contract.port = contract_create_port(iocp_engine_name(*engine), 2);
    cr_assert(zero(int, pthread_create(&taker, NULL, take_all, &taken)));
    cr_assert(port_has_waiters(contract.port, 1));
    cr_assert(zero(int, pthread_create(&visitor, NULL, wait_once, NULL)));
    cr_assert(zero(int, pthread_join(visitor, NULL)));

    for (unsigned round = 0; round < ROUNDS; round++)
        post_and_await(&taken, round);

    (void)iocp_port_close(contract.port);
    cr_assert(zero(int, pthread_join(taker, NULL)));
    iocp_port_free(contract.port);
}
