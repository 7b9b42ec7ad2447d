/* test_slot.c - a worker that blocks gives up its slot, and what a port does with it. */
/* SPDX-License-Identifier: MIT */
/*
 * Callbacks that have to keep their slot compute, or block where the library cannot see it.
 * A port's statistics are a snapshot taken under its lock: what must not happen is seen at once.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "../contract/contract.h"
#include "clock.h"
#include "own.h"
#include "taker.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define MANY 20000
#else
#define MANY 100000
#endif
#define WORKERS_MAX 8

TestSuite(slot, .timeout = 60);

static struct iocp_port *port;
static struct iocp_pool *pool;

static void open_port(size_t engine, unsigned concurrency)
{
    port = contract_create_port(iocp_engine_name(engine), concurrency);
}

/* Concurrency 1, and workers that all wait. */
static void open_pool(size_t engine, unsigned workers)
{
    open_port(engine, 1);
    cr_assert(zero(int, iocp_pool_create(port, workers, &pool)));
    cr_assert(port_has_waiters(port, workers));
}

static void close_pool(void)
{
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    iocp_pool_free(pool);
    iocp_port_free(port);
}

static void post(struct iocp_op *op, iocp_callback *callback, void *context)
{
    cr_assert(zero(int, iocp_port_post_callback(port, op, 0, callback, context)));
}

struct threads_wanted {
    unsigned waiting;
    unsigned running;
};

static bool threads_are(void *argument)
{
    const struct threads_wanted *wanted = argument;
    struct iocp_port_statistics now = port_statistics(port);

    return now.waiting == wanted->waiting && now.running == wanted->running;
}

/* Wait until so many threads wait and so many run. */
static bool port_comes_to(unsigned waiting, unsigned running)
{
    return wait_until(threads_are, &(struct threads_wanted){waiting, running});
}

static bool is_raised(void *flag)
{
    return atomic_load((atomic_bool *)flag);
}

/* A callback that keeps its slot until it is let go. */
struct spinner {
    struct iocp_op op;
    atomic_bool started;
    atomic_bool let_go;
    atomic_bool done;
};

static void spin(struct iocp_op *op, void *self)
{
    struct spinner *spinner = self;

    (void)op;
    atomic_store(&spinner->started, true);
    while (!atomic_load(&spinner->let_go))
        sched_yield();
    atomic_store(&spinner->done, true);
}

/* A callback that waits on an event, then keeps its slot as a spinner. */
struct sleeper {
    struct spinner spinner;
    struct iocp_event event;
    int timeout_ms;
    int result;
    atomic_bool back;
};

static void sleep_and_spin(struct iocp_op *op, void *self)
{
    struct sleeper *sleeper = self;

    sleeper->result = iocp_event_wait(&sleeper->event, sleeper->timeout_ms);
    atomic_store(&sleeper->back, true);
    spin(op, &sleeper->spinner);
}

static void post_sleeper(struct sleeper *sleeper, int timeout_ms)
{
    sleeper->timeout_ms = timeout_ms;
    iocp_event_init(&sleeper->event, IOCP_MANUAL_RESET, false);
    post(&sleeper->spinner.op, sleep_and_spin, sleeper);
}

/* Waits of the library */

/* A callback that waits in one of several ways for the next callback. */
struct pair {
    struct iocp_op waits;
    struct iocp_op sets;
    struct iocp_event event;
    int (*wait)(struct iocp_event *event);
    int result;
    atomic_bool done;
};

static int wait_for_it(struct iocp_event *event)
{
    return iocp_event_wait(event, PATIENCE_MS);
}

static int wait_for_any(struct iocp_event *event)
{
    return iocp_event_wait_any(&event, 1, PATIENCE_MS);
}

static int wait_for_all(struct iocp_event *event)
{
    return iocp_event_wait_all(&event, 1, PATIENCE_MS);
}

static void wait_for_the_other(struct iocp_op *op, void *self)
{
    struct pair *pair = self;

    (void)op;
    pair->result = pair->wait(&pair->event);
    atomic_store(&pair->done, true);
}

static void set_for_the_other(struct iocp_op *op, void *self)
{
    struct pair *pair = self;

    (void)op;
    iocp_event_set(&pair->event);
}

static void expect_woken(struct pair *pair)
{
    cr_assert(wait_until(is_raised, &pair->done));
    cr_expect(zero(int, pair->result));
    cr_expect(port_comes_to(2, 0));
    iocp_event_destroy(&pair->event);
}

/* CL-03 */
EngineTest(slot, a_callback_may_wait_for_an_event_that_a_queued_one_sets)
{
    static int (*const waits[])(struct iocp_event *) = {wait_for_it, wait_for_any, wait_for_all};

    open_pool(*engine, 2);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct pair pair = {.wait = waits[i]};

        iocp_event_init(&pair.event, IOCP_AUTO_RESET, false);
        post(&pair.waits, wait_for_the_other, &pair);
        post(&pair.sets, set_for_the_other, &pair);

        expect_woken(&pair);
    }
    close_pool();
}

/* CL-03: the other comes when the slot is free already. */
EngineTest(slot, a_callback_may_wait_for_an_event_that_a_later_one_sets)
{
    struct pair pair = {.wait = wait_for_it};

    open_pool(*engine, 2);
    iocp_event_init(&pair.event, IOCP_AUTO_RESET, false);
    post(&pair.waits, wait_for_the_other, &pair);
    cr_expect(port_comes_to(1, 0));

    post(&pair.sets, set_for_the_other, &pair);

    expect_woken(&pair);
    close_pool();
}

static void end_sleeper(struct sleeper *sleeper)
{
    atomic_store(&sleeper->spinner.let_go, true);
    cr_assert(wait_until(is_raised, &sleeper->spinner.done));
    iocp_event_destroy(&sleeper->event);
}

/* CL-03 */
EngineTest(slot, a_wait_that_runs_out_takes_the_slot_again)
{
    struct sleeper sleeper = {0};

    open_pool(*engine, 2);
    post_sleeper(&sleeper, 20);

    cr_assert(wait_until(is_raised, &sleeper.back));
    cr_expect(eq(int, sleeper.result, -ETIMEDOUT));
    expect_port(port, 0, 1, 1);
    end_sleeper(&sleeper);
    cr_expect(port_comes_to(2, 0));
    close_pool();
}

/* CL-03: only who blocks gives it up. */
EngineTest(slot, a_look_at_an_event_keeps_the_slot)
{
    struct sleeper sleeper = {0};
    struct spinner other = {.let_go = true};

    open_pool(*engine, 2);
    cr_assert(eq(int, iocp_port_wait(port, &(struct iocp_completion){0}, 0), -ETIMEDOUT));
    post_sleeper(&sleeper, 0);
    post(&other.op, spin, &other); /* both wait, as this thread has the slot */
    iocp_blocking_begin();

    cr_assert(wait_until(is_raised, &sleeper.back));
    cr_expect(eq(int, sleeper.result, -ETIMEDOUT));
    expect_port(port, 1, 1, 1);
    cr_expect(not(atomic_load(&other.started)));
    end_sleeper(&sleeper);
    cr_expect(wait_until(is_raised, &other.done));
    iocp_blocking_end();
    close_pool();
}

/* A callback that receives in its own thread: begin, then end at once. */
struct receiver {
    struct iocp_socket *trigger;
    struct iocp_socket *source;
    struct iocp_op triggered;
    struct iocp_op received;
    char bytes[2];
    bool waits_first;
    ssize_t result;
    atomic_bool done;
};

static void receive_from_source(struct iocp_op *op, void *self)
{
    struct receiver *receiver = self;

    receiver->result = iocp_end_receive(receiver->trigger, op);
    if (receiver->result == 1)
        receiver->result = iocp_begin_receive(receiver->source, &receiver->received,
                                              &receiver->bytes[1], 1, NULL, NULL);
    if (receiver->result == 0 && receiver->waits_first)
        receiver->result = iocp_op_wait(&receiver->received, PATIENCE_MS);
    if (receiver->result == 0)
        receiver->result = iocp_end_receive(receiver->source, &receiver->received);
    atomic_store(&receiver->done, true);
}

static void adopt(struct connection *connection)
{
    struct contract contract = {.port = port};

    contract_connect(&contract, connection);
}

/* Who ran the callback watched the sockets before, and somebody else has to now. */
static void receive_in_a_callback(size_t engine, bool waits_first)
{
    struct connection trigger, source;

    open_pool(engine, 4);
    adopt(&trigger);
    adopt(&source);
    struct receiver receiver = {
        .trigger = trigger.socket, .source = source.socket, .waits_first = waits_first};
    cr_assert(zero(int, iocp_begin_receive(trigger.socket, &receiver.triggered, receiver.bytes, 1,
                                           receive_from_source, &receiver)));
    cr_assert(zero(int, loopback_write_all(trigger.peer, "x", 1)));
    cr_expect(port_comes_to(3, 0));

    cr_assert(zero(int, loopback_write_all(source.peer, "y", 1)));

    cr_assert(wait_until(is_raised, &receiver.done));
    cr_expect(eq(long, receiver.result, 1));
    cr_expect(eq(chr, receiver.bytes[1], 'y'));
    contract_disconnect(&trigger);
    contract_disconnect(&source);
    close_pool();
}

/* CL-03 */
EngineTest(slot, a_callback_may_end_what_has_not_completed)
{
    receive_in_a_callback(*engine, false);
}

/* CL-03 */
EngineTest(slot, a_callback_may_wait_for_what_has_not_completed)
{
    receive_in_a_callback(*engine, true);
}

/* The bracket around blocking calls */

/* A callback that blocks in a call that the library knows nothing of. */
struct reader {
    struct iocp_op op;
    int ends[2];
    unsigned brackets;
    ssize_t result;
    atomic_bool started;
    atomic_bool done;
};

static void read_pipe(struct iocp_op *op, void *self)
{
    struct reader *reader = self;
    char byte;

    (void)op;
    atomic_store(&reader->started, true);
    for (unsigned i = 0; i < reader->brackets; i++)
        iocp_blocking_begin();
    reader->result = read(reader->ends[0], &byte, 1);
    for (unsigned i = 0; i < reader->brackets; i++)
        iocp_blocking_end();
    atomic_store(&reader->done, true);
}

static void post_reader(struct reader *reader)
{
    cr_assert(zero(int, pipe(reader->ends)));
    post(&reader->op, read_pipe, reader);
    cr_assert(wait_until(is_raised, &reader->started));
}

static void feed_reader(struct reader *reader)
{
    cr_assert(eq(long, write(reader->ends[1], "x", 1), 1));
    cr_assert(wait_until(is_raised, &reader->done));
    cr_expect(eq(long, reader->result, 1));
    close(reader->ends[0]);
    close(reader->ends[1]);
}

/* CL-06 */
EngineTest(slot, a_blocking_call_inside_the_bracket_lets_another_callback_run)
{
    struct reader reader = {.brackets = 1};
    struct spinner other = {.let_go = true};

    open_pool(*engine, 2);
    post_reader(&reader);
    post(&other.op, spin, &other);

    cr_expect(wait_until(is_raised, &other.done));
    cr_expect(not(atomic_load(&reader.done)));
    cr_expect(port_comes_to(1, 0));

    feed_reader(&reader);
    cr_expect(port_comes_to(2, 0));
    close_pool();
}

/* CL-06: a bracket in a bracket is part of it, as is a wait of the library. */
EngineTest(slot, brackets_may_stand_in_each_other)
{
    struct reader reader = {.brackets = 3};
    struct spinner other = {0};

    open_pool(*engine, 2);
    post_reader(&reader);
    cr_expect(port_comes_to(1, 0));
    post(&other.op, spin, &other);
    cr_expect(wait_until(is_raised, &other.started));
    expect_port(port, 0, 0, 1);

    atomic_store(&other.let_go, true);
    feed_reader(&reader);

    cr_expect(port_comes_to(2, 0));
    close_pool();
}

/* CL-06: a thread that counts nowhere has no slot to give up. */
EngineTest(slot, the_bracket_of_a_stranger_changes_nothing)
{
    struct iocp_completion completion;

    open_port(*engine, 1);

    iocp_blocking_begin();
    expect_port(port, 0, 0, 0);
    iocp_blocking_end();
    expect_port(port, 0, 0, 0);

    cr_expect(eq(int, iocp_port_wait(port, &completion, 0), -ETIMEDOUT));
    expect_port(port, 0, 0, 1);
    iocp_blocking_begin();
    expect_port(port, 0, 0, 0);
    iocp_blocking_end();
    expect_port(port, 0, 0, 1);
    iocp_port_free(port);
}

/* CL-07: Linux does not tell the library; a waiter finds it out. */
EngineTest(slot, a_blocking_call_outside_of_it_loses_the_slot)
{
    struct reader reader = {0};
    struct spinner other = {.let_go = true};

    open_pool(*engine, 4);
    post_reader(&reader);
    post(&other.op, spin, &other);

    cr_expect(wait_until(is_raised, &other.done));
    cr_expect(not(atomic_load(&reader.done)));
    cr_expect(port_comes_to(3, 0));

    feed_reader(&reader);
    cr_expect(port_comes_to(4, 0));
    close_pool();
}

/* Blocked workers */

/* CL-08 */
EngineTest(slot, with_all_workers_blocked_no_thread_is_added_and_the_first_one_back_goes_on)
{
    struct sleeper sleepers[4] = {0};
    struct spinner last = {.let_go = true};

    open_pool(*engine, 4);
    size_t threads = thread_count();
    for (size_t i = 0; i < 4; i++) {
        atomic_store(&sleepers[i].spinner.let_go, true);
        post_sleeper(&sleepers[i], PATIENCE_MS);
    }
    cr_assert(port_comes_to(0, 0));
    post(&last.op, spin, &last);

    expect_port(port, 1, 0, 0);
    cr_expect(eq(sz, thread_count(), threads));
    iocp_event_set(&sleepers[2].event);
    cr_expect(wait_until(is_raised, &last.done));
    cr_expect(eq(sz, thread_count(), threads));
    cr_expect(port_comes_to(1, 0));
    expect_port(port, 0, 1, 0);

    for (size_t i = 0; i < 4; i++)
        iocp_event_set(&sleepers[i].event);
    cr_expect(port_comes_to(4, 0));
    for (size_t i = 0; i < 4; i++) {
        cr_expect(zero(int, sleepers[i].result));
        iocp_event_destroy(&sleepers[i].event);
    }
    close_pool();
}

/* Concurrency 1, 8 workers, 8 callbacks: the first one blocks, the second one computes, and the
 * others do nothing. */
struct crowd {
    struct sleeper first;
    struct spinner second;
    struct spinner others[6];
};

static void open_crowd(struct crowd *crowd, size_t engine)
{
    open_pool(engine, WORKERS_MAX);
    post_sleeper(&crowd->first, PATIENCE_MS);
    post(&crowd->second.op, spin, &crowd->second);
    for (size_t i = 0; i < 6; i++) {
        atomic_store(&crowd->others[i].let_go, true);
        post(&crowd->others[i].op, spin, &crowd->others[i]);
    }
    cr_assert(wait_until(is_raised, &crowd->second.started));
}

static void close_crowd(struct crowd *crowd)
{
    for (size_t i = 0; i < 6; i++)
        cr_expect(wait_until(is_raised, &crowd->others[i].done));
    cr_expect(port_comes_to(WORKERS_MAX, 0));
    cr_expect(zero(int, crowd->first.result));
    iocp_event_destroy(&crowd->first.event);
    close_pool();
}

/* CL-12 */
EngineTest(slot, a_blocked_worker_lets_exactly_one_more_callback_start)
{
    struct crowd crowd = {0};

    open_crowd(&crowd, *engine);

    expect_port(port, 6, 6, 1);
    cr_expect(not(atomic_load(&crowd.others[0].started)));

    atomic_store(&crowd.first.spinner.let_go, true);
    atomic_store(&crowd.second.let_go, true);
    cr_expect(wait_until(is_raised, &crowd.others[5].done));
    iocp_event_set(&crowd.first.event);
    close_crowd(&crowd);
}

/* CL-04 */
EngineTest(slot, over_the_limit_after_a_wait_nobody_is_released_until_it_holds_again)
{
    struct crowd crowd = {0};

    open_crowd(&crowd, *engine);

    iocp_event_set(&crowd.first.event);
    cr_assert(wait_until(is_raised, &crowd.first.back));
    expect_port(port, 6, 6, 2);

    atomic_store(&crowd.second.let_go, true);
    cr_assert(port_comes_to(7, 1)); /* one runs, which is not below the limit */
    expect_port(port, 6, 7, 1);
    cr_expect(not(atomic_load(&crowd.others[0].started)));

    atomic_store(&crowd.first.spinner.let_go, true);
    close_crowd(&crowd);
}

/* Threads that stop a pool */

static void stop_after_a_look(size_t engine, enum iocp_stop how)
{
    struct iocp_completion completion;

    open_pool(engine, 4);
    cr_assert(eq(int, iocp_port_wait(port, &completion, 0), -ETIMEDOUT));
    expect_port(port, 0, 4, 1); /* this thread has the slot that the workers need to end */

    cr_expect(zero(long, iocp_pool_stop(pool, how)));

    expect_port(port, 0, 0, 1);
    iocp_pool_free(pool);
    iocp_port_free(port);
}

EngineTest(slot, a_thread_that_counts_as_running_may_drain_a_pool)
{
    stop_after_a_look(*engine, IOCP_DRAIN);
}

EngineTest(slot, a_thread_that_counts_as_running_may_stop_a_pool_at_once)
{
    stop_after_a_look(*engine, IOCP_DISCARD);
}

/* Order */

static struct iocp_op *numbered; /* MANY; no array, as stuck_bytes is none */
static atomic_size_t posted, run, misplaced;

static void expect_its_number(struct iocp_op *op, void *context)
{
    (void)context;
    if (op != &numbered[atomic_load(&run)])
        atomic_fetch_add(&misplaced, 1);
    atomic_fetch_add(&run, 1);
}

/* It keeps its slot until the queue is long. */
static void await_posts(struct iocp_op *op, void *socket)
{
    if (iocp_end_receive(socket, op) != 1)
        atomic_fetch_add(&misplaced, 1);
    while (atomic_load(&posted) < 2000)
        sched_yield();
}

/* Wait until the queue is short, without a pause: it is the haste that is tried here. */
static bool queue_gets_short(void)
{
    const int64_t give_up_ns = deadline_after_ms(PATIENCE_MS);

    while (atomic_load(&posted) - atomic_load(&run) > 300) {
        if (clock_now_ns() >= give_up_ns)
            return false;
        sched_yield();
    }
    return true;
}

static bool all_have_run(void *unused)
{
    (void)unused;
    return atomic_load(&run) == MANY;
}

/* PQ-01: also while somebody looks at the sockets of a port that is never empty. */
EngineTest(slot, callbacks_start_in_the_order_of_their_posts_while_the_port_is_busy)
{
    struct connection connection;
    struct iocp_op op = {0};
    char byte;

    numbered = calloc(MANY, sizeof *numbered);
    cr_assert_not_null(numbered);
    open_pool(*engine, 2);
    adopt(&connection);
    cr_assert(zero(
        int, iocp_begin_receive(connection.socket, &op, &byte, 1, await_posts, connection.socket)));
    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));
    cr_assert(port_comes_to(1, 1));

    for (size_t i = 0; i < MANY; i++) {
        post(&numbered[i], expect_its_number, NULL);
        atomic_fetch_add(&posted, 1);
        if (i > 2000)
            cr_assert(queue_gets_short());
    }

    cr_assert(wait_until(all_have_run, NULL));
    cr_expect(zero(sz, atomic_load(&misplaced)));
    contract_disconnect(&connection);
    close_pool();
    free(numbered);
}

/* Waiters that are taken away */

struct receive_seen {
    struct iocp_op op;
    struct iocp_socket *socket;
    char byte;
    ssize_t result;
    atomic_bool done;
};

static void note_receive(struct iocp_op *op, void *self)
{
    struct receive_seen *receive = self;

    receive->result = iocp_end_receive(receive->socket, op);
    atomic_store(&receive->done, true);
}

static void begin_receive(struct connection *connection, struct receive_seen *receive)
{
    adopt(connection);
    receive->socket = connection->socket;
    cr_assert(zero(int, iocp_begin_receive(receive->socket, &receive->op, &receive->byte, 1,
                                           note_receive, receive)));
}

/* The pools share the port, so that only its end tells all workers to end. */
static void stop_both(struct iocp_pool *older, struct iocp_pool *newer)
{
    (void)iocp_port_close(port);
    cr_expect(zero(long, iocp_pool_stop(newer, IOCP_DRAIN)));
    cr_expect(zero(long, iocp_pool_stop(older, IOCP_DRAIN)));
    iocp_pool_free(newer);
    iocp_pool_free(older);
}

/* Two workers, the older one with a silent socket. A ready one comes, and at once the newer
 * worker gets something else to do: the older one has to turn to the ready socket. */
static void serve_ready_socket_once(size_t engine)
{
    struct connection silent, ready;
    struct receive_seen never = {0}, soon = {0};
    struct spinner other = {0};
    struct iocp_pool *older, *newer;

    open_port(engine, 2);
    begin_receive(&silent, &never);
    cr_assert(zero(int, iocp_pool_create(port, 1, &older)));
    cr_assert(port_has_waiters(port, 1));
    cr_assert(zero(int, iocp_pool_create(port, 1, &newer)));
    cr_assert(port_has_waiters(port, 2));

    begin_receive(&ready, &soon);
    post(&other.op, spin, &other);
    cr_assert(zero(int, loopback_write_all(ready.peer, "x", 1)));
    cr_expect(wait_until(is_raised, &soon.done));
    cr_expect(eq(long, soon.result, 1));

    atomic_store(&other.let_go, true);
    cr_assert(wait_until(is_raised, &other.done));
    contract_disconnect(&ready);
    contract_disconnect(&silent);
    stop_both(older, newer);
    iocp_port_free(port);
}

EngineTest(slot, a_ready_socket_is_served_though_a_waiter_is_taken_away)
{
    for (int round = 0; round < 50; round++)
        serve_ready_socket_once(*engine);
}
