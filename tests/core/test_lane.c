/* test_lane.c - completions that a lane holds are the port's all the same. */
/* SPDX-License-Identifier: MIT */
/*
 * An engine in which all threads wait together has one lane and holds nothing there: for it
 * these tests show the same from outside, and what they say of lanes is left out.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "clock.h"
#include "port.h"
#include "stage.h"
#include "taker.h"

enum { KEPT = 3 };

TestSuite(lane, .timeout = 60);

/* How many completions lanes hold. */
static size_t held_by_lanes(void)
{
    size_t count = 0;

    lock_acquire(&stage.port->lock);
    for (unsigned i = 0; i < stage.port->lane_count; i++)
        count += lane_count_ready(stage.port->lanes[i]);
    lock_release(&stage.port->lock);
    return count;
}

/* Completions that come from inside a callback */

/* Receives in flight, which a callback cancels; then it computes. */
static struct connection connections[KEPT];
static struct catcher catchers[KEPT];
static struct spinner canceller;

static void begin_receives(void)
{
    for (size_t i = 0; i < KEPT; i++) {
        contract_connect(&stage, &connections[i]);
        catcher_begin(&catchers[i], &connections[i], 0);
    }
}

static void cancel_receive(size_t i)
{
    if (iocp_socket_cancel(catchers[i].socket, NULL) != 1)
        abort();
}

static void cancel_receives(void)
{
    for (size_t i = 0; i < KEPT; i++)
        cancel_receive(i);
}

static void cancel_and_spin(struct iocp_op *op, void *self)
{
    cancel_receives();
    spin(op, self);
}

/* A single worker runs the callback. */
static void keep_completions(size_t engine)
{
    stage_open(engine, 1, 1);
    begin_receives();
    stage_post(&canceller.op, cancel_and_spin, &canceller);
    cr_assert(stage_sees(&canceller.started));
    if (!stage_engine_is_shared())
        cr_assert(eq(sz, held_by_lanes(), KEPT));
}

static void expect_cancelled(void)
{
    for (size_t i = 0; i < KEPT; i++) {
        cr_expect(stage_sees(&catchers[i].done));
        cr_expect(eq(uint, atomic_load(&catchers[i].runs), 1));
        cr_expect(eq(long, catchers[i].result, -ECANCELED));
    }
}

static void close_connections(void)
{
    for (size_t i = 0; i < KEPT; i++)
        contract_disconnect(&connections[i]);
}

EngineTest(lane, what_a_lane_holds_counts_as_queued)
{
    keep_completions(*engine);

    expect_port(stage.port, KEPT, 0, 1);

    atomic_store(&canceller.let_go, true);
    expect_cancelled();
    cr_expect(stage_comes_to(1, 0));
    expect_port(stage.port, 0, 1, 0);
    close_connections();
    stage_close();
}

EngineTest(lane, the_close_of_the_port_drops_what_a_lane_holds)
{
    keep_completions(*engine);

    cr_expect(eq(sz, iocp_port_close(stage.port), KEPT));

    expect_port(stage.port, 0, 0, 1);
    atomic_store(&canceller.let_go, true);
    cr_expect(zero(long, iocp_pool_stop(stage.pool, IOCP_DRAIN)));
    for (size_t i = 0; i < KEPT; i++) {
        cr_expect(zero(uint, atomic_load(&catchers[i].runs)));
        cr_expect(eq(long, iocp_end_receive(catchers[i].socket, &catchers[i].op), -ECANCELED));
    }
    close_connections();
    iocp_pool_free(stage.pool);
    iocp_port_free(stage.port);
}

/* It computes until the pool's quit has come to the port. */
static void cancel_and_await_quit(struct iocp_op *op, void *self)
{
    (void)op;
    (void)self;
    cancel_receives();
    atomic_store(&canceller.started, true);
    while (port_statistics(stage.port).queued < KEPT + 1)
        sched_yield();
}

static long stop_after_keeping(size_t engine, enum iocp_stop how)
{
    long dropped;

    stage_open(engine, 1, 1);
    begin_receives();
    stage_post(&canceller.op, cancel_and_await_quit, NULL);
    cr_assert(stage_sees(&canceller.started));
    dropped = iocp_pool_stop(stage.pool, how);
    expect_port(stage.port, 0, 0, 0);
    return dropped;
}

static void close_after_stop(void)
{
    close_connections();
    iocp_pool_free(stage.pool);
    iocp_port_free(stage.port);
}

/* A callback that is in a bracket until it is called, and then computes. */
struct absentee {
    struct iocp_op op;
    atomic_bool away;
    atomic_bool called;
    struct spinner spinner;
};

static void bracket_and_spin(struct iocp_op *op, void *self)
{
    struct absentee *absentee = self;

    iocp_blocking_begin();
    atomic_store(&absentee->away, true);
    while (!atomic_load(&absentee->called))
        sched_yield();
    iocp_blocking_end();
    spin(op, &absentee->spinner);
}

/* With one thread too many running, it waits like all the others who come for something. */
EngineTest(lane, a_thread_without_a_slot_takes_nothing_from_its_lane)
{
    struct absentee absentee = {0};

    stage_open(*engine, 1, 2);
    stage_post(&absentee.op, bracket_and_spin, &absentee);
    cr_assert(stage_sees(&absentee.away));
    begin_receives();
    stage_post(&canceller.op, cancel_and_spin, &canceller);
    cr_assert(stage_sees(&canceller.started));
    atomic_store(&absentee.called, true);
    cr_assert(stage_sees(&absentee.spinner.started));

    atomic_store(&canceller.let_go, true);
    cr_expect(stage_comes_to(1, 1));
    for (size_t i = 0; i < KEPT; i++)
        cr_expect(zero(uint, atomic_load(&catchers[i].runs)));

    atomic_store(&absentee.spinner.let_go, true);
    expect_cancelled();
    close_connections();
    stage_close();
}

EngineTest(lane, a_drain_runs_what_a_lane_holds)
{
    cr_expect(zero(long, stop_after_keeping(*engine, IOCP_DRAIN)));

    expect_cancelled();
    close_after_stop();
}

EngineTest(lane, a_stop_drops_what_a_lane_holds)
{
    cr_expect(eq(long, stop_after_keeping(*engine, IOCP_DISCARD), KEPT));

    for (size_t i = 0; i < KEPT; i++)
        cr_expect(zero(uint, atomic_load(&catchers[i].runs)));
    close_after_stop();
}

/* A thread takes a packet, cancels, and goes away in some way. */
struct leaver {
    pthread_t thread;
    struct iocp_port *next; /* where it waits next; NULL: nowhere */
    bool brackets;
    struct spinner inside;
    int result;
    int moved;
};

static void *cancel_and_leave(void *self)
{
    struct leaver *leaver = self;
    struct iocp_completion completion;

    leaver->result = iocp_port_wait(stage.port, &completion, PATIENCE_MS);
    cancel_receives();
    if (leaver->next != NULL)
        leaver->moved = iocp_port_wait(leaver->next, &completion, 0);
    if (leaver->brackets) {
        iocp_blocking_begin();
        spin(NULL, &leaver->inside);
        iocp_blocking_end();
    }
    return NULL;
}

static void send_leaver(struct leaver *leaver, size_t engine)
{
    stage_open(engine, 1, 0);
    begin_receives();
    cr_assert(zero(int, pthread_create(&leaver->thread, NULL, cancel_and_leave, leaver)));
    cr_assert(port_has_waiters(stage.port, 1)); /* in the lane */
    cr_assert(zero(int, iocp_port_post(stage.port, 0, 0, NULL)));
    if (leaver->brackets)
        cr_assert(stage_sees(&leaver->inside.started));
    else
        cr_assert(zero(int, pthread_join(leaver->thread, NULL)));
    cr_assert(zero(int, leaver->result));
}

/* They are in the queue now, for this thread to take. */
static void expect_left(void)
{
    cr_expect(zero(sz, held_by_lanes()));
    expect_port(stage.port, KEPT, 0, 0);
    contract_run(&stage, KEPT);
    expect_cancelled();
    close_connections();
}

EngineTest(lane, a_thread_that_ends_leaves_what_its_lane_holds)
{
    struct leaver leaver = {0};

    send_leaver(&leaver, *engine);
    expect_left();
    stage_close();
}

EngineTest(lane, a_thread_that_moves_to_another_port_leaves_what_its_lane_holds)
{
    struct leaver leaver = {0};

    cr_assert(zero(int, iocp_port_create(NULL, 1, &leaver.next)));
    send_leaver(&leaver, *engine);
    expect_left();
    stage_close();
    iocp_port_free(leaver.next);
}

EngineTest(lane, a_thread_in_a_bracket_leaves_what_its_lane_holds)
{
    struct leaver leaver = {.brackets = true};

    send_leaver(&leaver, *engine);
    expect_left();
    atomic_store(&leaver.inside.let_go, true);
    cr_assert(zero(int, pthread_join(leaver.thread, NULL)));
    stage_close();
}

/* There are no other waiters that could have moved it over before. */
EngineTest(lane, a_look_at_the_port_finds_what_a_lane_holds)
{
    struct iocp_completion completion;

    stage_open(*engine, 2, 1);
    begin_receives();
    stage_post(&canceller.op, cancel_and_spin, &canceller);
    cr_assert(stage_sees(&canceller.started));

    for (size_t i = 0; i < KEPT; i++) {
        cr_assert(zero(int, iocp_port_wait(stage.port, &completion, 0)));
        cr_expect(eq(ptr, completion.op, &catchers[i].op));
        completion.callback(completion.op, iocp_op_context(completion.op));
    }
    cr_expect(eq(int, iocp_port_wait(stage.port, &completion, 0), -ETIMEDOUT));

    expect_cancelled();
    atomic_store(&canceller.let_go, true);
    close_connections();
    stage_close();
}

/* The calling thread takes as many packets as it may before it has to look into the engine. */
static void take_until_a_look_is_due(void)
{
    struct iocp_completion completion;

    for (unsigned i = 1; i < TURNS_PER_GLANCE; i++)
        cr_assert(zero(int, iocp_port_post(stage.port, 0, i, NULL)));
    for (unsigned i = 1; i < TURNS_PER_GLANCE; i++)
        cr_assert(zero(int, iocp_port_wait(stage.port, &completion, 0)));
}

/* It found the completion by a look before it waits, while another held the only slot. */
EngineTest(lane, what_a_look_finds_for_a_thread_without_a_slot_comes_to_another)
{
    struct iocp_completion completion;
    struct taker other = {0};

    stage_open(*engine, 1, 0);
    contract_connect(&stage, &connections[0]);
    catcher_begin(&catchers[0], &connections[0], 0);
    take_until_a_look_is_due();
    taker_start(&other);
    iocp_blocking_begin();
    cr_assert(zero(int, iocp_port_post(stage.port, 0, 0, NULL)));
    taker_go(&other, stage.port, IOCP_INFINITE); /* and finds it in the queue: it sits nowhere */
    cr_assert(zero(int, taker_result(&other)));
    iocp_blocking_end();
    cr_assert(eq(long, send(connections[0].peer, "x", 1, 0), 1));

    cr_expect(eq(int, iocp_port_wait(stage.port, &completion, 0), -ETIMEDOUT));
    iocp_blocking_begin();
    taker_go(&other, stage.port, IOCP_INFINITE);
    cr_assert(zero(int, taker_result(&other)));

    cr_expect(eq(ptr, other.completion.op, &catchers[0].op));
    iocp_blocking_end();
    taker_end(&other);
    contract_disconnect(&connections[0]);
    stage_close();
}

/* Takes the one of two receives that came first, answers it, and computes; the other one's
 * callback would compute as well. */
EngineTest(lane, what_a_callback_begins_does_not_wait_for_the_callbacks_after_it)
{
    struct iocp_completion completion;
    struct pollfd answered = {.events = POLLIN};
    struct iocp_op answer = {0};

    stage_open(*engine, 1, 0);
    for (size_t i = 0; i < 2; i++) {
        contract_connect(&stage, &connections[i]);
        catcher_begin(&catchers[i], &connections[i], 0);
    }
    for (size_t i = 0; i < 2; i++)
        cr_assert(zero(int, loopback_write_all(connections[i].peer, "x", 1)));
    cr_assert(zero(int, iocp_port_wait(stage.port, &completion, PATIENCE_MS)));
    size_t first = completion.op == &catchers[1].op;
    const int64_t start_ns = clock_coarse_ns();

    cr_assert(zero(int, iocp_begin_send(connections[first].socket, &answer, "y", 1, NULL, NULL)));
    while (clock_coarse_ns() - start_ns < GLANCE_NS)
        continue;
    cr_assert(zero(int, iocp_port_wait(stage.port, &completion, PATIENCE_MS)));

    cr_expect(eq(ptr, completion.op, &catchers[1 - first].op));
    answered.fd = connections[first].peer;
    if (!stage_engine_is_shared())
        cr_expect(eq(int, poll(&answered, 1, PATIENCE_MS), 1));
    cr_expect(eq(long, iocp_end_send(connections[first].socket, &answer), 1));
    for (size_t i = 0; i < 2; i++) {
        cr_expect(eq(long, iocp_end_receive(connections[i].socket, &catchers[i].op), 1));
        contract_disconnect(&connections[i]);
    }
    stage_close();
}

/* Order */

static struct iocp_op packets[KEPT];
static struct iocp_op *order[2 * KEPT];
static atomic_size_t order_count;

static void note(struct iocp_op *op, void *unused)
{
    (void)unused;
    order[atomic_load(&order_count)] = op;
    atomic_fetch_add(&order_count, 1);
}

/* Cancel, post, cancel, ... */
static void cancel_and_post(struct iocp_op *op, void *self)
{
    (void)op;
    (void)self;
    for (size_t i = 0; i < KEPT; i++) {
        cancel_receive(i);
        if (iocp_port_post_callback(stage.port, &packets[i], 0, note, NULL) < 0)
            abort();
    }
}

static bool all_noted(void *unused)
{
    (void)unused;
    return atomic_load(&order_count) == 2 * KEPT;
}

/* PQ-01 */
EngineTest(lane, completions_and_posts_run_in_the_order_in_which_they_came)
{
    stage_open(*engine, 1, 1);
    for (size_t i = 0; i < KEPT; i++) {
        contract_connect(&stage, &connections[i]);
        catchers[i].socket = connections[i].socket;
        cr_assert(zero(int, iocp_begin_receive(connections[i].socket, &catchers[i].op,
                                               &catchers[i].byte, 1, note, NULL)));
    }
    stage_post(&canceller.op, cancel_and_post, NULL);

    cr_assert(wait_until(all_noted, NULL));
    for (size_t i = 0; i < KEPT; i++) {
        cr_expect(eq(ptr, order[2 * i], &catchers[i].op));
        cr_expect(eq(ptr, order[2 * i + 1], &packets[i]));
    }
    close_connections();
    stage_close();
}

/* Several completions at once */

static atomic_uint met;

/* It computes until another one has come as far. */
static void meet(struct iocp_op *op, void *self)
{
    atomic_fetch_add(&met, 1);
    while (atomic_load(&met) < 2)
        continue;
    catch_byte(op, self);
}

/* Both workers are held up until all bytes are there; all sockets are in the first lane. */
EngineTest(lane, completions_that_come_together_do_not_wait_for_each_other)
{
    struct spinner holders[2] = {0};

    stage_open(*engine, 2, 0);
    for (size_t i = 0; i < KEPT; i++) {
        contract_connect(&stage, &connections[i]);
        catchers[i].socket = connections[i].socket;
        cr_assert(zero(int, iocp_begin_receive(connections[i].socket, &catchers[i].op,
                                               &catchers[i].byte, 1, meet, &catchers[i])));
    }
    for (size_t i = 0; i < 2; i++)
        stage_post(&holders[i].op, spin, &holders[i]);
    cr_assert(zero(int, iocp_pool_create(stage.port, 2, &stage.pool)));
    for (size_t i = 0; i < 2; i++)
        cr_assert(stage_sees(&holders[i].started));
    for (size_t i = 0; i < KEPT; i++)
        cr_assert(zero(int, loopback_write_all(connections[i].peer, "x", 1)));

    for (size_t i = 0; i < 2; i++) {
        atomic_store(&holders[i].let_go, true);
        cr_assert(stage_sees(&holders[i].done));
    }

    for (size_t i = 0; i < KEPT; i++)
        cr_expect(stage_sees(&catchers[i].done));
    close_connections();
    stage_close();
}
