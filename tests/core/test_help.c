/* test_help.c - with every worker inside a wait, operations are carried out all the same. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "contract.h"
#include "taker.h"

enum { WORKERS = 4 };

TestSuite(help, .timeout = 60);

/* A callback that begins a receive without a callback, and ends it. */
struct ender {
    struct connection connection;
    struct iocp_op call;
    struct iocp_op receive;
    struct iocp_event received; /* waited for before the end, if that is asked for */
    struct iocp_event ended;
    int timeout_ms;
    ssize_t result;
    char byte;
};

static struct contract contract;
static struct ender enders[WORKERS];

static void receive_and_end(struct iocp_op *op, void *context)
{
    struct ender *ender = context;

    (void)op;
    iocp_op_set_timeout(&ender->receive, ender->timeout_ms);
    ender->result =
        iocp_begin_receive(ender->connection.socket, &ender->receive, &ender->byte, 1, NULL, NULL);
    if (ender->result == 0)
        ender->result = iocp_end_receive(ender->connection.socket, &ender->receive);
    iocp_event_set(&ender->ended);
}

static void receive_and_wait(struct iocp_op *op, void *context)
{
    struct ender *ender = context;

    iocp_op_set_event(&ender->receive, &ender->received);
    ender->result =
        iocp_begin_receive(ender->connection.socket, &ender->receive, &ender->byte, 1, NULL, NULL);
    if (ender->result == 0)
        ender->result = iocp_event_wait(&ender->received, PATIENCE_MS);
    if (ender->result == 0)
        ender->result = iocp_end_receive(ender->connection.socket, &ender->receive);
    if (ender->result < 0)
        iocp_event_set(&ender->ended);
    else
        receive_and_end(op, ender); /* the second byte, after the first */
}

static bool all_are_inside(void *unused)
{
    struct iocp_port_statistics now = port_statistics(contract.port);

    (void)unused;
    return now.waiting == 0 && now.running == 0 && now.queued == 0;
}

/* Concurrency 1: each worker gives its slot up in its end, and so the next one comes in. */
static void send_all_into(iocp_callback *callback, size_t engine, int timeout_ms)
{
    contract_open(&contract, engine, 0);
    for (size_t i = 0; i < WORKERS; i++) {
        contract_connect(&contract, &enders[i].connection);
        iocp_event_init(&enders[i].received, IOCP_AUTO_RESET, false);
        iocp_event_init(&enders[i].ended, IOCP_MANUAL_RESET, false);
        enders[i].timeout_ms = timeout_ms;
        cr_assert(zero(
            int, iocp_port_post_callback(contract.port, &enders[i].call, 0, callback, &enders[i])));
    }
    cr_assert(zero(int, iocp_pool_create(contract.port, WORKERS, &contract.pool)));
    if (timeout_ms == 0)
        cr_assert(wait_until(all_are_inside, NULL));
}

static void send_all_inside(size_t engine, int timeout_ms)
{
    send_all_into(receive_and_end, engine, timeout_ms);
}

static void expect_results(ssize_t result)
{
    for (size_t i = 0; i < WORKERS; i++) {
        cr_assert(zero(int, iocp_event_wait(&enders[i].ended, PATIENCE_MS)));
        cr_expect(eq(long, enders[i].result, result));
    }
}

static void close_all(void)
{
    for (size_t i = 0; i < WORKERS; i++) {
        contract_disconnect(&enders[i].connection);
        iocp_event_destroy(&enders[i].received);
        iocp_event_destroy(&enders[i].ended);
    }
    contract_close(&contract);
}

/* CL-08: what the ends wait for arrives in the order in which they began to wait. */
EngineTest(help, comes_from_an_end_when_all_workers_are_inside_one)
{
    send_all_inside(*engine, 0);

    for (size_t i = 0; i < WORKERS; i++)
        cr_assert(zero(int, loopback_write_all(enders[i].connection.peer, "x", 1)));

    expect_results(1);
    close_all();
}

/* Each byte only after the end before has returned, the last to wait first. */
EngineTest(help, is_passed_on_from_one_end_to_the_next)
{
    send_all_inside(*engine, 0);

    for (size_t i = WORKERS; i-- > 0;) {
        cr_assert(zero(int, loopback_write_all(enders[i].connection.peer, "x", 1)));
        cr_assert(zero(int, iocp_event_wait(&enders[i].ended, PATIENCE_MS)));
    }

    expect_results(1);
    close_all();
}

EngineTest(help, sees_deadlines_too)
{
    send_all_inside(*engine, 50);

    expect_results(-ETIMEDOUT);
    close_all();
}

/* Who sits there has to look again when a deadline comes that is the earliest. */
EngineTest(help, sees_a_deadline_that_is_set_later)
{
    struct connection late;
    struct iocp_op op = {0};
    char byte;

    send_all_inside(*engine, 0);
    contract_connect(&contract, &late);
    iocp_op_set_timeout(&op, 30);
    cr_assert(zero(int, iocp_begin_receive(late.socket, &op, &byte, 1, NULL, NULL)));

    cr_assert(zero(int, iocp_op_wait(&op, PATIENCE_MS)));

    cr_expect(eq(long, iocp_end_receive(late.socket, &op), -ETIMEDOUT));
    for (size_t i = 0; i < WORKERS; i++)
        cr_assert(zero(int, loopback_write_all(enders[i].connection.peer, "x", 1)));
    expect_results(1);
    contract_disconnect(&late);
    close_all();
}

EngineTest(help, ends_when_the_socket_is_closed_elsewhere)
{
    send_all_inside(*engine, 0);

    for (size_t i = 0; i < WORKERS; i++)
        cr_assert(zero(int, iocp_socket_close(enders[i].connection.socket)));

    expect_results(-ECANCELED);
    close_all();
}

EngineTest(help, ends_when_the_port_is_closed)
{
    send_all_inside(*engine, 0);

    (void)iocp_port_close(contract.port);

    expect_results(-ECANCELED);
    close_all();
}

/* As WaitForSingleObject(overlapped.hEvent) in every thread of a Windows pool. */
EngineTest(help, comes_from_waits_for_events_when_all_workers_are_inside_one)
{
    send_all_into(receive_and_wait, *engine, 0);

    for (size_t i = WORKERS; i-- > 0;)
        cr_assert(zero(int, loopback_write_all(enders[i].connection.peer, "xy", 2)));

    expect_results(1);
    for (size_t i = 0; i < WORKERS; i++)
        cr_expect(eq(chr, enders[i].byte, 'y'));
    close_all();
}

/* A worker of one port waits in an end for an operation of another. */
EngineTest(help, an_end_may_wait_for_an_operation_of_another_port)
{
    struct contract other;
    struct connection connection;
    struct ender *ender = &enders[0];

    contract_open(&other, *engine, 1);
    contract_open(&contract, *engine, 2);
    contract_connect(&other, &connection);
    ender->connection = connection;
    iocp_event_init(&ender->ended, IOCP_MANUAL_RESET, false);
    cr_assert(
        zero(int, iocp_port_post_callback(contract.port, &ender->call, 0, receive_and_end, ender)));
    cr_assert(port_has_waiters(contract.port, 1));

    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));

    cr_assert(zero(int, iocp_event_wait(&ender->ended, PATIENCE_MS)));
    cr_expect(eq(long, ender->result, 1));
    iocp_event_destroy(&ender->ended);
    contract_disconnect(&connection);
    contract_close(&contract);
    contract_close(&other);
}
