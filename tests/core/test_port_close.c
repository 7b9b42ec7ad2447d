/* test_port_close.c - what is still being carried out when its port is closed comes back. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>

#include "stage.h"

/* More than one look into an engine brings back. */
enum { SENDS = 200 };

TestSuite(port_close, .timeout = 60);

/* A callback that begins sends, and computes over the close of its port. */
struct sender {
    struct iocp_op call;
    struct connection connections[SENDS];
    struct iocp_op sends[SENDS];
    bool closes; /* the port itself */
    atomic_uint refused;
    atomic_bool begun;
    atomic_bool let_go;
    atomic_bool done;
};

static struct sender sender;

static void send_and_compute(struct iocp_op *op, void *context)
{
    (void)op;
    (void)context;
    for (size_t i = 0; i < SENDS; i++) {
        if (iocp_begin_send(sender.connections[i].socket, &sender.sends[i], "hello", 5,
                            i % 2 ? iocp_no_callback : NULL, NULL) < 0)
            atomic_fetch_add(&sender.refused, 1);
    }
    if (sender.closes)
        (void)iocp_port_close(stage.port);
    atomic_store(&sender.begun, true);
    while (!atomic_load(&sender.let_go))
        sched_yield();
    atomic_store(&sender.done, true);
}

static void start_sender(size_t engine, bool closes)
{
    stage_open(engine, 1, 1);
    for (size_t i = 0; i < SENDS; i++)
        contract_connect(&stage, &sender.connections[i]);
    sender.closes = closes;
    stage_post(&sender.call, send_and_compute, NULL);
    cr_assert(stage_sees(&sender.begun));
    cr_assert(zero(uint, atomic_load(&sender.refused)));
}

/* By a thread that has never waited at the port. */
static void expect_all_back(void)
{
    for (size_t i = 0; i < SENDS; i++) {
        cr_assert(zero(int, iocp_op_wait(&sender.sends[i], PATIENCE_MS)), "send %zu", i);
        ssize_t result = iocp_end_send(sender.connections[i].socket, &sender.sends[i]);
        cr_expect(result == 5 || result == -ECANCELED, "send %zu: %zd", i, result);
    }
}

static void end_sender(void)
{
    atomic_store(&sender.let_go, true);
    cr_assert(stage_sees(&sender.done));
    for (size_t i = 0; i < SENDS; i++)
        contract_disconnect(&sender.connections[i]);
    stage_close();
}

EngineTest(port_close, what_a_callback_has_begun_comes_back_though_it_goes_on)
{
    start_sender(*engine, false);

    (void)iocp_port_close(stage.port);

    expect_all_back();
    end_sender();
}

EngineTest(port_close, what_a_callback_has_begun_that_closes_the_port_comes_back)
{
    start_sender(*engine, true);

    expect_all_back();
    end_sender();
}
