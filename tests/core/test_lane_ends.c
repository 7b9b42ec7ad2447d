/* test_lane_ends.c - ends inside callbacks, on several lanes, with nobody else to serve them. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "stage.h"
#include "taker.h"

enum { WORKERS = 4 };

TestSuite(lane_ends, .timeout = 60);

/* A callback that begins a receive without a callback, and then waits for it and ends it. */
struct ender {
    struct connection connection;
    struct iocp_op call;
    struct iocp_op receive;
    int wait_ms; /* 0: only the end */
    int waited;
    ssize_t result;
    char byte;
    pthread_mutex_t *held; /* meanwhile; NULL: none */
    atomic_bool started;
    atomic_bool back; /* from the wait */
    atomic_bool ended;
};

static struct ender enders[WORKERS];

static void receive_and_end(struct iocp_op *op, void *self)
{
    struct ender *ender = self;
    struct iocp_socket *socket = ender->connection.socket;

    (void)op;
    if (ender->held != NULL)
        pthread_mutex_lock(ender->held);
    ender->result = iocp_begin_receive(socket, &ender->receive, &ender->byte, 1, NULL, NULL);
    atomic_store(&ender->started, true);
    if (ender->wait_ms != 0)
        ender->waited = iocp_op_wait(&ender->receive, ender->wait_ms);
    atomic_store(&ender->back, true);
    if (ender->result == 0)
        ender->result = iocp_end_receive(socket, &ender->receive);
    if (ender->held != NULL)
        pthread_mutex_unlock(ender->held);
    atomic_store(&ender->ended, true);
}

static void post_ender(struct ender *ender)
{
    stage_post(&ender->call, receive_and_end, ender);
}

/* As many lanes as workers, a socket in each, and every worker in an end. */
static void send_all_inside(size_t engine)
{
    stage_open(engine, WORKERS, WORKERS);
    for (size_t i = 0; i < WORKERS; i++)
        contract_connect(&stage, &enders[i].connection);
    for (size_t i = 0; i < WORKERS; i++)
        post_ender(&enders[i]);
    cr_assert(stage_comes_to(0, 0));
}

static void feed(struct ender *ender)
{
    cr_assert(zero(int, loopback_write_all(ender->connection.peer, "x", 1)));
}

static void expect_end(struct ender *ender)
{
    cr_assert(stage_sees(&ender->ended));
    cr_expect(eq(long, ender->result, 1));
}

static void close_all(void)
{
    cr_expect(stage_comes_to(WORKERS, 0));
    for (size_t i = 0; i < WORKERS; i++)
        contract_disconnect(&enders[i].connection);
    stage_close();
}

/* CL-08 */
EngineTest(lane_ends, all_come_back)
{
    send_all_inside(*engine);

    for (size_t i = 0; i < WORKERS; i++)
        feed(&enders[i]);

    for (size_t i = 0; i < WORKERS; i++)
        expect_end(&enders[i]);
    close_all();
}

/* CL-08: whoever serves the lanes of the others may be the first to go. */
EngineTest(lane_ends, come_back_one_by_one_in_any_order)
{
    static const size_t orders[][WORKERS] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};

    for (size_t order = 0; order < sizeof orders / sizeof *orders; order++) {
        send_all_inside(*engine);
        for (size_t i = 0; i < WORKERS; i++) {
            feed(&enders[orders[order][i]]);
            expect_end(&enders[orders[order][i]]);
        }
        close_all();
        memset(enders, 0, sizeof enders);
    }
}

/* Their waits run out one after the other, then they wait in the end. */
EngineTest(lane_ends, come_back_when_waits_before_them_have_run_out)
{
    for (size_t i = 0; i < WORKERS; i++)
        enders[i].wait_ms = 10 + 20 * (int)i;
    send_all_inside(*engine);
    for (size_t i = 0; i < WORKERS; i++) {
        cr_assert(stage_sees(&enders[i].back));
        cr_expect(eq(int, enders[i].waited, -ETIMEDOUT));
    }
    cr_assert(stage_comes_to(0, 0));

    for (size_t i = 0; i < WORKERS; i++)
        feed(&enders[i]);

    for (size_t i = 0; i < WORKERS; i++)
        expect_end(&enders[i]);
    close_all();
}

/* A callback that an end of another callback has to let go. */
struct receiver {
    struct connection connection;
    struct iocp_op op;
    pthread_mutex_t mutex;
    char byte;
    ssize_t result;
    atomic_bool started;
    atomic_bool done;
};

static void end_and_lock(struct iocp_op *op, void *self)
{
    struct receiver *receiver = self;

    receiver->result = iocp_end_receive(receiver->connection.socket, op);
    atomic_store(&receiver->started, true);
    pthread_mutex_lock(&receiver->mutex);
    pthread_mutex_unlock(&receiver->mutex);
    atomic_store(&receiver->done, true);
}

static void open_receiver(struct receiver *receiver)
{
    cr_assert(zero(int, pthread_mutex_init(&receiver->mutex, NULL)));
    contract_connect(&stage, &receiver->connection);
    cr_assert(zero(int, iocp_begin_receive(receiver->connection.socket, &receiver->op,
                                           &receiver->byte, 1, end_and_lock, receiver)));
}

/* Two workers: one blocks in a callback of the lane whose socket the other one's end is for. No
 * waiter is left to find that out. */
EngineTest(lane_ends, take_the_lane_of_a_callback_that_blocks)
{
    struct receiver receiver = {0};
    struct connection between;

    stage_open(*engine, 2, 2);
    open_receiver(&receiver);
    contract_connect(&stage, &between); /* in the other lane */
    contract_connect(&stage, &enders[0].connection);
    enders[0].held = &receiver.mutex;
    post_ender(&enders[0]);
    cr_assert(stage_sees(&enders[0].started));
    cr_assert(stage_comes_to(1, 0));
    cr_assert(zero(int, loopback_write_all(receiver.connection.peer, "x", 1)));
    cr_assert(stage_sees(&receiver.started));

    feed(&enders[0]);

    expect_end(&enders[0]);
    cr_assert(stage_sees(&receiver.done));
    cr_expect(stage_comes_to(2, 0));
    contract_disconnect(&enders[0].connection);
    contract_disconnect(&between);
    contract_disconnect(&receiver.connection);
    pthread_mutex_destroy(&receiver.mutex);
    stage_close();
}

/* A thread that belongs to one port ends an operation of another one's. */
static void *wait_and_end(void *self)
{
    struct iocp_completion completion;

    if (iocp_port_wait(stage.port, &completion, 0) == -ETIMEDOUT)
        receive_and_end(NULL, self);
    return NULL;
}

EngineTest(lane_ends, come_back_in_a_thread_of_another_port)
{
    struct contract other;
    pthread_t thread;

    stage_open(*engine, 1, 0);
    contract_open(&other, *engine, 1);
    contract_connect(&other, &enders[0].connection);
    cr_assert(zero(int, pthread_create(&thread, NULL, wait_and_end, &enders[0])));
    cr_assert(stage_sees(&enders[0].started));
    cr_assert(stage_comes_to(0, 0));

    feed(&enders[0]);

    expect_end(&enders[0]);
    cr_assert(zero(int, pthread_join(thread, NULL)));
    contract_disconnect(&enders[0].connection);
    contract_close(&other);
    stage_close();
}
