/* test_lanes.c - as many lanes as threads, and each is served whoever comes and goes. */
/* SPDX-License-Identifier: MIT */
/*
 * An engine in which all threads wait together has one lane: for it these tests show the same
 * from outside, and what they say of lanes is left out.
 */
#include <errno.h>
#include <sched.h>

#include "clock.h"
#include "port.h"
#include "stage.h"
#include "taker.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ROUNDS 3000
#else
#define ROUNDS 20000
#endif

enum { LANES = 3, MANY_LANES = 70, SOCKETS = 6 };

TestSuite(lanes, .timeout = 60);

static struct taker takers[LANES + 1];
static struct connection connections[MANY_LANES];
static struct catcher catchers[MANY_LANES];

static unsigned lane_count(void)
{
    unsigned count;

    lock_acquire(&stage.port->lock);
    count = stage.port->lane_count;
    lock_release(&stage.port->lock);
    return count;
}

static void expect_lanes(unsigned count)
{
    cr_expect(eq(uint, lane_count(), stage_engine_is_shared() ? 1 : count));
}

/* Threads that look at the port and end together, so that so many lanes are left. */
static pthread_barrier_t all_have_looked;

static void *look_at_port(void *result)
{
    struct iocp_completion completion;

    *(int *)result = iocp_port_wait(stage.port, &completion, 0);
    pthread_barrier_wait(&all_have_looked);
    return NULL;
}

static void open_lanes(size_t engine, unsigned count)
{
    pthread_t threads[MANY_LANES];
    int results[MANY_LANES];

    stage_open(engine, count, 0);
    cr_assert(zero(int, pthread_barrier_init(&all_have_looked, NULL, count)));
    for (unsigned i = 0; i < count; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, look_at_port, &results[i])));
    for (unsigned i = 0; i < count; i++) {
        cr_assert(zero(int, pthread_join(threads[i], NULL)));
        cr_assert(eq(int, results[i], -ETIMEDOUT));
    }
    pthread_barrier_destroy(&all_have_looked);
    expect_lanes(count);
    expect_port(stage.port, 0, 0, 0);
}

static void connect_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        contract_connect(&stage, &connections[i]);
}

static void disconnect_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        contract_disconnect(&connections[i]);
}

static void begin(unsigned i, int timeout_ms)
{
    atomic_store(&catchers[i].done, false);
    catcher_begin(&catchers[i], &connections[i], timeout_ms);
}

static bool share_a_lane(unsigned a, unsigned b)
{
    return connections[a].socket->lane == connections[b].socket->lane;
}

/* How many */

EngineTest(lanes, open_as_threads_come_up_to_the_concurrency_value)
{
    stage_open(*engine, LANES, 0);
    expect_lanes(1);
    for (unsigned i = 0; i <= LANES; i++) {
        taker_start(&takers[i]);
        taker_go_and_wait(&takers[i], stage.port);
        expect_lanes(i < LANES ? i + 1 : LANES);
    }

    (void)iocp_port_close(stage.port);
    for (unsigned i = 0; i <= LANES; i++)
        taker_end(&takers[i]);
    expect_lanes(LANES);
    stage_close();
}

EngineTest(lanes, are_not_more_than_threads_at_any_one_time)
{
    stage_open(*engine, LANES, 0);
    for (unsigned i = 0; i < LANES; i++) {
        taker_start(&takers[0]);
        taker_go(&takers[0], stage.port, 0);
        taker_end(&takers[0]);
    }

    expect_lanes(1);
    stage_close();
}

EngineTest(lanes, have_their_share_of_the_sockets)
{
    open_lanes(*engine, LANES);

    connect_all(SOCKETS);
    for (unsigned i = 0; i < stage.port->lane_count; i++)
        cr_expect(eq(sz, stage.port->lanes[i]->sockets, SOCKETS / stage.port->lane_count));

    contract_disconnect(&connections[1]);
    contract_connect(&stage, &connections[1]); /* to where there is one less */
    for (unsigned i = 0; i < stage.port->lane_count; i++)
        cr_expect(eq(sz, stage.port->lanes[i]->sockets, SOCKETS / stage.port->lane_count));
    disconnect_all(SOCKETS);
    stage_close();
}

/* One thread in several lanes */

EngineTest(lanes, are_all_served_by_one_thread)
{
    open_lanes(*engine, MANY_LANES);
    connect_all(MANY_LANES);
    for (unsigned i = 0; i < MANY_LANES; i++)
        begin(i, 0);

    for (unsigned i = MANY_LANES; i-- > 0;) {
        cr_assert(zero(int, loopback_write_all(connections[i].peer, "x", 1)));
        cr_assert(contract_run_one(&stage) == &catchers[i].op);
        cr_expect(eq(long, catchers[i].result, 1));
    }
    disconnect_all(MANY_LANES);
    stage_close();
}

/* The taker waits already when that happens which completes the receive. */
static void expect_taken(unsigned i, ssize_t result)
{
    cr_assert(zero(int, taker_result(&takers[0])));
    cr_expect(eq(ptr, takers[0].completion.op, &catchers[i].op));
    cr_expect(eq(long, iocp_end_receive(catchers[i].socket, &catchers[i].op), result));
}

EngineTest(lanes, wake_the_one_thread_that_waits_in_them)
{
    open_lanes(*engine, LANES);
    connect_all(LANES);
    taker_start(&takers[0]);

    for (unsigned i = 0; i < LANES; i++) {
        begin(i, 0);
        taker_go_and_wait(&takers[0], stage.port);
        cr_assert(zero(int, loopback_write_all(connections[i].peer, "x", 1)));
        expect_taken(i, 1);

        taker_go_and_wait(&takers[0], stage.port);
        begin(i, 30);
        expect_taken(i, -ETIMEDOUT);

        begin(i, 0);
        taker_go_and_wait(&takers[0], stage.port);
        cr_expect(eq(int, iocp_socket_cancel(connections[i].socket, NULL), 1));
        expect_taken(i, -ECANCELED);

        begin(i, 0);
        taker_go_and_wait(&takers[0], stage.port);
        cr_expect(zero(int, iocp_socket_close(connections[i].socket)));
        expect_taken(i, -ECANCELED);

        taker_go_and_wait(&takers[0], stage.port);
        cr_assert(zero(int, iocp_port_post(stage.port, 0, i, NULL)));
        cr_expect(eq(uptr, taker_key(&takers[0]), i));
    }
    taker_go_and_wait(&takers[0], stage.port);
    (void)iocp_port_close(stage.port);
    cr_expect(eq(int, taker_result(&takers[0]), -ESHUTDOWN));
    taker_end(&takers[0]);
    disconnect_all(LANES);
    stage_close();
}

static bool is_completed(void *op)
{
    return iocp_op_completed(op);
}

/* What its first look finds in each lane, beside a wake, is an operation without a callback: so
 * it waits on. */
EngineTest(lanes, wake_a_thread_that_has_found_what_only_another_waits_for)
{
    struct iocp_op ops[LANES] = {0};
    char bytes[LANES];

    open_lanes(*engine, LANES);
    connect_all(LANES);
    taker_start(&takers[0]);
    for (unsigned i = 0; i < LANES; i++) {
        taker_go_and_wait(&takers[0], stage.port);
        begin(i, 0);
        cr_assert(zero(int, loopback_write_all(connections[i].peer, "x", 1)));
        expect_taken(i, 1);
    }
    /* So no other thread has a part in what the engines do now. */
    for (unsigned i = 0; i < LANES; i++) {
        struct engine *of_lane = connections[i].socket->lane->engine;

        cr_assert(zero(
            int, iocp_begin_receive(connections[i].socket, &ops[i], &bytes[i], 1, NULL, NULL)));
        cr_assert(zero(int, loopback_write_all(connections[i].peer, "x", 1)));
        if (!of_lane->ops->shared)
            of_lane->ops->wake(of_lane, NULL);
    }

    taker_go_and_wait(&takers[0], stage.port);
    for (unsigned i = 0; i < LANES; i++) {
        cr_assert(wait_until(is_completed, &ops[i]));
        cr_expect(eq(long, iocp_end_receive(connections[i].socket, &ops[i]), 1));
    }

    cr_assert(zero(int, iocp_port_post(stage.port, 0, 7, NULL)));
    cr_expect(eq(uptr, taker_key(&takers[0]), 7));
    taker_end(&takers[0]);
    disconnect_all(LANES);
    stage_close();
}

static atomic_uint taken;

static void *take_until_closed(void *unused)
{
    struct iocp_completion completion;

    while (iocp_port_wait(stage.port, &completion, IOCP_INFINITE) == 0)
        atomic_fetch_add(&taken, 1);
    return unused;
}

/* Without a pause: the next post is to come while the thread is about to sleep. */
static bool are_taken(unsigned count)
{
    const int64_t give_up_ns = deadline_after_ms(PATIENCE_MS);

    while (atomic_load(&taken) < count) {
        if (clock_now_ns() >= give_up_ns)
            return false;
        sched_yield();
    }
    return true;
}

static void compute(unsigned turns)
{
    for (volatile unsigned i = 0; i < turns; i++)
        continue;
}

/* In each round a little later. */
EngineTest(lanes, lose_no_post_to_a_thread_that_is_about_to_wait_in_them)
{
    pthread_t thread;

    open_lanes(*engine, LANES);
    cr_assert(zero(int, pthread_create(&thread, NULL, take_until_closed, NULL)));

    for (unsigned i = 1; i <= ROUNDS; i++) {
        compute(i % 1024);
        cr_assert(zero(int, iocp_port_post(stage.port, 0, i, NULL)));
        cr_assert(are_taken(i), "post %u", i);
    }

    (void)iocp_port_close(stage.port);
    cr_assert(zero(int, pthread_join(thread, NULL)));
    stage_close();
}

/* Callbacks that compute */

static void end_and_spin(struct iocp_op *op, void *self)
{
    struct iocp_socket *socket = connections[0].socket;

    if (iocp_end_receive(socket, op) == 1)
        spin(op, self);
}

/* As many workers as lanes. Of the busy lane's sockets one receives, one has a deadline, and one
 * is cancelled. */
EngineTest(lanes, of_a_callback_that_computes_are_served_by_others)
{
    struct spinner busy = {0};
    char byte;

    stage_open(*engine, 2, 2);
    connect_all(SOCKETS + 2);
    if (!stage_engine_is_shared())
        cr_assert(share_a_lane(0, 2) && share_a_lane(0, 4) && !share_a_lane(0, 1));
    cr_assert(zero(
        int, iocp_begin_receive(connections[0].socket, &busy.op, &byte, 1, end_and_spin, &busy)));
    cr_assert(zero(int, loopback_write_all(connections[0].peer, "x", 1)));
    cr_assert(stage_sees(&busy.started));

    for (unsigned i = 1; i < SOCKETS + 2; i++)
        begin(i, i == 4 ? 30 : 0);
    for (unsigned i = 1; i <= 3; i++)
        catcher_feed(&catchers[i], &connections[i]);
    cr_expect(stage_sees(&catchers[4].done));
    cr_expect(eq(long, catchers[4].result, -ETIMEDOUT));
    cr_expect(eq(int, iocp_socket_cancel(connections[6].socket, &catchers[6].op), 1));
    cr_expect(stage_sees(&catchers[6].done));
    cr_expect(eq(long, catchers[6].result, -ECANCELED));
    cr_expect(not(atomic_load(&busy.done)));

    atomic_store(&busy.let_go, true);
    cr_expect(stage_comes_to(2, 0));
    disconnect_all(SOCKETS + 2);
    stage_close();
}

/* A worker that always finds something to do */

/* Sends of no bytes, each begun by the callback of the one before. */
struct chain {
    struct iocp_op op;
    struct iocp_socket *socket;
    atomic_bool stop;
    atomic_uint runs;
    atomic_bool stopped;
};

static void send_nothing(struct iocp_op *op, void *self)
{
    struct chain *chain = self;

    atomic_fetch_add(&chain->runs, 1);
    if (iocp_end_send(chain->socket, op) < 0 || atomic_load(&chain->stop) ||
        iocp_begin_send(chain->socket, op, "", 0, send_nothing, chain) < 0)
        atomic_store(&chain->stopped, true);
}

static void start_chain(struct chain *chain)
{
    chain->socket = connections[0].socket;
    cr_assert(zero(int, iocp_begin_send(chain->socket, &chain->op, "", 0, send_nothing, chain)));
}

static void end_chain(struct chain *chain)
{
    atomic_store(&chain->stop, true);
    cr_assert(stage_sees(&chain->stopped));
    cr_expect(lt(uint, 1, atomic_load(&chain->runs)));
}

EngineTest(lanes, do_not_starve_the_rest_of_the_port)
{
    struct chain chain = {0};

    open_lanes(*engine, LANES);
    cr_assert(zero(int, iocp_pool_create(stage.port, 1, &stage.pool)));
    connect_all(SOCKETS);
    start_chain(&chain);

    for (unsigned i = 1; i < SOCKETS; i++) {
        struct spinner packet = {.let_go = true};

        begin(i, 0);
        catcher_feed(&catchers[i], &connections[i]);
        stage_post(&packet.op, spin, &packet);
        cr_assert(stage_sees(&packet.done));
        begin(i, 10);
        cr_assert(stage_sees(&catchers[i].done));
        cr_expect(eq(long, catchers[i].result, -ETIMEDOUT));
        cr_expect(not(atomic_load(&chain.stopped)));
    }

    end_chain(&chain);
    disconnect_all(SOCKETS);
    stage_close();
}
