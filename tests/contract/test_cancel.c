/* test_cancel.c - a cancel is a request: each operation still completes, once, and loses nothing.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "one_connection.h"
#include "scenery.h"
#include "stream.h"

TestSuite(cancel, .timeout = 60);

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ROUNDS 2000
#else
#define ROUNDS 10000
#endif

static void begin_receive(struct iocp_op *op, char *byte)
{
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, op, byte, 1, iocp_no_callback, NULL)));
}

static void expect_cancelled(struct iocp_op *op)
{
    struct iocp_completion completion = take_completion(&contract);

    cr_expect(completion.op == op);
    cr_expect(eq(int, completion.error, -ECANCELED));
    cr_expect(zero(sz, completion.count));
}

EngineTest(cancel, completes_a_receive_in_flight_once)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    begin_receive(&op, &byte);
    cr_assert(contract_is_quiet(&contract));

    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &op), 1));

    expect_cancelled(&op);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ECANCELED));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

/* A peer that sends one byte after the other, each when the one before has been received. */
struct dripper {
    pthread_t thread;
    struct iocp_event received; /* auto-reset */
    int result;
};

static void *drip(void *argument)
{
    struct dripper *dripper = argument;

    for (unsigned i = 0; i < ROUNDS && dripper->result == 0; i++) {
        uint8_t byte = (uint8_t)i;
        dripper->result = loopback_write_all(connection.peer, &byte, 1);
        if (dripper->result == 0)
            dripper->result = iocp_event_wait(&dripper->received, PATIENCE_MS);
    }
    return NULL;
}

/* What callbacks tell the test. */
static struct {
    struct iocp_event ran; /* auto-reset */
    atomic_uint runs;
} callbacks;

static void tell(struct iocp_op *op, void *context)
{
    (void)op;
    (void)context;
    atomic_fetch_add(&callbacks.runs, 1);
    iocp_event_set(&callbacks.ran);
}

/* Begin a receive and cancel it; returns what its end says. */
static ssize_t receive_or_cancel(struct iocp_op *op, uint8_t *byte, bool yield)
{
    cr_assert(zero(int, iocp_begin_receive(connection.socket, op, byte, 1, tell, NULL)));
    if (yield)
        sched_yield(); /* lets the workers and the peer in between */
    int asked = iocp_socket_cancel(connection.socket, op);
    cr_assert(asked == 1 || asked == -ENOENT, "cancel returned %d", asked);
    cr_assert(zero(int, iocp_event_wait(&callbacks.ran, PATIENCE_MS)));
    return iocp_end_receive(connection.socket, op);
}

/* CA-01 */
EngineTest(cancel, against_arriving_data_yields_one_completion_and_loses_no_byte)
{
    static struct dripper dripper;
    struct iocp_op op = {0};
    unsigned begun = 0;

    contract_open(&contract, *engine, 2);
    contract_connect(&contract, &connection);
    iocp_event_init(&callbacks.ran, IOCP_AUTO_RESET, false);
    iocp_event_init(&dripper.received, IOCP_AUTO_RESET, false);
    cr_assert(zero(int, pthread_create(&dripper.thread, NULL, drip, &dripper)));

    for (unsigned received = 0; received < ROUNDS; begun++) {
        uint8_t byte = 0;
        ssize_t result = receive_or_cancel(&op, &byte, begun % 2);
        cr_assert(result == 1 || result == -ECANCELED, "end returned %zd", result);
        if (result == 1) {
            cr_assert(eq(u8, byte, (uint8_t)received));
            received++;
            iocp_event_set(&dripper.received);
        }
    }

    cr_assert(zero(int, pthread_join(dripper.thread, NULL)));
    cr_expect(zero(int, dripper.result));
    close_connection();
    cr_expect(eq(uint, atomic_load(&callbacks.runs), begun));
}

/* CA-02 */
EngineTest(cancel, of_nothing_in_flight_says_so_and_changes_nothing)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    cr_expect(eq(int, iocp_socket_cancel(connection.socket, NULL), -ENOENT));
    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &op), -ENOENT));

    begin_receive(&op, &byte);
    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));
    cr_assert(contract_run_one(&contract) == &op);

    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &op), -ENOENT));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 1));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

EngineTest(cancel, through_another_socket_finds_nothing)
{
    struct connection other;
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    contract_connect(&contract, &other);
    begin_receive(&op, &byte);

    cr_expect(eq(int, iocp_socket_cancel(other.socket, &op), -ENOENT));

    cr_expect(contract_is_quiet(&contract));
    contract_disconnect(&other);
    close_connection();
}

/* CA-03 */
EngineTest(cancel, of_one_operation_leaves_the_others_in_flight_and_in_order)
{
    struct iocp_op ops[3] = {0};
    char bytes[3] = "";

    open_connection(*engine);
    for (size_t i = 0; i < 3; i++)
        begin_receive(&ops[i], &bytes[i]);
    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &ops[1]), 1));
    expect_cancelled(&ops[1]);
    cr_expect(contract_is_quiet(&contract));

    cr_assert(zero(int, loopback_write_all(connection.peer, "ac", 2)));
    cr_expect(contract_run_one(&contract) == &ops[0]);
    cr_expect(contract_run_one(&contract) == &ops[2]);

    cr_expect(zero(int, memcmp(bytes, "a\0c", 3)));
    close_connection();
}

EngineTest(cancel, of_the_foremost_operation_makes_way_for_the_next)
{
    struct iocp_op ops[2] = {0};
    char bytes[2] = "";

    open_connection(*engine);
    for (size_t i = 0; i < 2; i++)
        begin_receive(&ops[i], &bytes[i]);
    cr_assert(contract_is_quiet(&contract));
    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &ops[0]), 1));
    expect_cancelled(&ops[0]);

    cr_assert(zero(int, loopback_write_all(connection.peer, "a", 1)));

    cr_expect(contract_run_one(&contract) == &ops[1]);
    cr_expect(eq(chr, bytes[1], 'a'));
    close_connection();
}

EngineTest(cancel, of_a_whole_socket_asks_for_every_operation_and_tells_how_many)
{
    struct iocp_op receives[3] = {0}, send = {0};
    char bytes[3];

    open_connection(*engine);
    begin_stuck_send(&contract, &connection, &send, stuck_bytes());
    for (size_t i = 0; i < 3; i++)
        begin_receive(&receives[i], &bytes[i]);
    cr_assert(contract_is_quiet(&contract));

    cr_expect(eq(int, iocp_socket_cancel(connection.socket, NULL), 4));

    for (size_t i = 0; i < 4; i++)
        cr_expect(eq(int, take_completion(&contract).error, -ECANCELED));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

static pthread_mutex_t callback_lock = PTHREAD_MUTEX_INITIALIZER;

static void tell_under_lock(struct iocp_op *op, void *context)
{
    pthread_mutex_lock(&callback_lock);
    tell(op, context);
    pthread_mutex_unlock(&callback_lock);
}

/* CA-04: would it wait for the completion, neither could go on. */
EngineTest(cancel, returns_without_waiting_for_the_completion)
{
    struct iocp_op op = {0};
    char byte;

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    iocp_event_init(&callbacks.ran, IOCP_AUTO_RESET, false);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, &op, &byte, 1, tell_under_lock, NULL)));

    pthread_mutex_lock(&callback_lock);
    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &op), 1));
    cr_expect(zero(uint, atomic_load(&callbacks.runs)));
    pthread_mutex_unlock(&callback_lock);

    cr_expect(zero(int, iocp_event_wait(&callbacks.ran, PATIENCE_MS)));
    close_connection();
}

static void *cancel_all_of_socket(void *result)
{
    *(int *)result = iocp_socket_cancel(connection.socket, NULL);
    return NULL;
}

/* CA-05 */
EngineTest(cancel, may_be_called_by_any_thread)
{
    struct iocp_op op = {0};
    char byte;
    pthread_t stranger;
    int result = 0;

    open_connection(*engine);
    begin_receive(&op, &byte);

    cr_assert(zero(int, pthread_create(&stranger, NULL, cancel_all_of_socket, &result)));
    cr_assert(zero(int, pthread_join(stranger, NULL)));

    cr_expect(eq(int, result, 1));
    expect_cancelled(&op);
    close_connection();
}

/* What cancels in a callback of the socket came to. */
struct verdicts {
    int own;
    int rest;
};

static void cancel_own_and_rest(struct iocp_op *op, void *context)
{
    struct verdicts *verdicts = context;

    verdicts->own = iocp_socket_cancel(connection.socket, op);
    verdicts->rest = iocp_socket_cancel(connection.socket, NULL);
}

/* CA-05 */
EngineTest(cancel, may_be_called_by_the_operations_own_callback)
{
    struct iocp_op ops[2] = {0};
    char bytes[2];
    struct verdicts verdicts = {0};

    open_connection(*engine);
    cr_assert(zero(int, iocp_begin_receive(connection.socket, &ops[0], &bytes[0], 1,
                                           cancel_own_and_rest, &verdicts)));
    begin_receive(&ops[1], &bytes[1]);
    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));
    cr_assert(contract_run_one(&contract) == &ops[0]);

    cr_expect(eq(int, verdicts.own, -ENOENT), "it has completed");
    cr_expect(eq(int, verdicts.rest, 1));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &ops[0]), 1));
    expect_cancelled(&ops[1]);
    close_connection();
}

/* CA-06 */
EngineTest(cancel, of_a_send_under_way_tells_what_was_sent_and_breaks_the_stream)
{
    unsigned char *arrived = stuck_arrivals();
    struct iocp_op op = {0};

    open_connection(*engine);
    unsigned char *sending = stuck_bytes();
    for (size_t i = 0; i < STUCK_SIZE; i++)
        sending[i] = (unsigned char)(i % 251);
    begin_stuck_send(&contract, &connection, &op, sending);

    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &op), 1));
    struct iocp_completion completion = take_completion(&contract);
    size_t sent = iocp_op_count(&op);

    cr_expect(eq(int, completion.error, -ECANCELED));
    cr_expect(eq(sz, completion.count, sent));
    cr_expect(lt(sz, 0, sent));
    cr_expect(lt(sz, sent, STUCK_SIZE));
    cr_expect(eq(long, iocp_end_send(connection.socket, &op), -ECANCELED));
    cr_expect(eq(long, contract_send(&contract, connection.socket, "x", 1), -EPIPE));
    cr_expect(zero(int, iocp_socket_close(connection.socket)));
    cr_expect(eq(long, loopback_read_all(connection.peer, arrived, STUCK_SIZE), (long)sent));
    cr_expect(zero(int, memcmp(arrived, sending, sent)));
    close_connection();
}

/* CA-06 */
EngineTest(cancel, of_a_send_under_way_fails_the_sends_behind_it)
{
    struct iocp_op ops[2] = {0};

    open_connection(*engine);
    begin_stuck_send(&contract, &connection, &ops[0], stuck_bytes());
    cr_assert(
        zero(int, iocp_begin_send(connection.socket, &ops[1], "x", 1, iocp_no_callback, NULL)));

    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &ops[0]), 1));
    contract_run(&contract, 2);

    cr_expect(eq(long, iocp_end_send(connection.socket, &ops[0]), -ECANCELED));
    cr_expect(eq(long, iocp_end_send(connection.socket, &ops[1]), -EPIPE));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

EngineTest(cancel, of_a_send_that_has_not_started_leaves_the_stream_whole)
{
    unsigned char *arrived = stuck_arrivals();
    struct iocp_op ops[2] = {0};
    struct stream stream;

    open_connection(*engine);
    begin_stuck_send(&contract, &connection, &ops[0], stuck_bytes());
    cr_assert(
        zero(int, iocp_begin_send(connection.socket, &ops[1], "x", 1, iocp_no_callback, NULL)));
    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &ops[1]), 1));
    expect_cancelled(&ops[1]);
    cr_expect(zero(sz, iocp_op_count(&ops[1])));

    cr_assert(
        zero(int, iocp_begin_send(connection.socket, &ops[1], "y", 1, iocp_no_callback, NULL)));
    stream_read(&stream, connection.peer, arrived, STUCK_SIZE + 1);
    contract_run(&contract, 2);

    cr_expect(eq(long, stream_join(&stream), (long)STUCK_SIZE + 1));
    cr_expect(eq(chr, (char)arrived[STUCK_SIZE], 'y'));
    close_connection();
}

/* A thread that begins and is gone. */
struct beginner {
    struct iocp_op op;
    char byte;
    int result;
};

static void *begin_and_exit(void *argument)
{
    struct beginner *beginner = argument;

    beginner->result = iocp_begin_receive(connection.socket, &beginner->op, &beginner->byte, 1,
                                          iocp_no_callback, NULL);
    return NULL;
}

/* CA-07 */
EngineTest(cancel, is_not_what_the_end_of_the_beginning_thread_means)
{
    struct beginner beginner = {.result = -1};
    pthread_t thread;

    open_connection(*engine);
    cr_assert(zero(int, pthread_create(&thread, NULL, begin_and_exit, &beginner)));
    cr_assert(zero(int, pthread_join(thread, NULL)));
    cr_assert(zero(int, beginner.result));
    cr_expect(contract_is_quiet(&contract));

    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));

    cr_expect(contract_run_one(&contract) == &beginner.op);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &beginner.op), 1));
    cr_expect(eq(chr, beginner.byte, 'x'));
    close_connection();
}

/* One operation of each kind in flight, on three sockets of one port. */
struct quartet {
    struct iocp_op receive, accept, send, connect;
    struct iocp_socket *listener, *client;
    int full[2];
    char byte;
};

static void begin_quartet(struct quartet *quartet)
{
    uint16_t port_number;

    *quartet = (struct quartet){.listener = listen_at(&contract, &port_number),
                                .client = unconnected_socket(&contract)};
    fill_listener(quartet->full);
    begin_connect_to(quartet->client, &quartet->connect, loopback_port(quartet->full[0]));
    begin_stuck_send(&contract, &connection, &quartet->send, stuck_bytes());
    begin_receive(&quartet->receive, &quartet->byte);
    cr_assert(
        zero(int, iocp_begin_accept(quartet->listener, &quartet->accept, iocp_no_callback, NULL)));
    cr_assert(contract_is_quiet(&contract));
}

static void free_quartet(struct quartet *quartet)
{
    iocp_socket_free(quartet->listener);
    iocp_socket_free(quartet->client);
    close(quartet->full[0]);
    close(quartet->full[1]);
}

EngineTest(cancel, of_a_whole_port_reaches_every_kind_of_operation_on_every_socket)
{
    static struct quartet quartet;

    open_connection(*engine);
    begin_quartet(&quartet);

    iocp_port_cancel_all(contract.port);

    for (size_t i = 0; i < 4; i++)
        cr_expect(eq(int, take_completion(&contract).error, -ECANCELED));
    cr_expect(contract_is_quiet(&contract));
    free_quartet(&quartet);
    close_connection();
}

EngineTest(cancel, of_a_ports_receives_reaches_accepts_too_and_nothing_else)
{
    static struct quartet quartet;

    open_connection(*engine);
    begin_quartet(&quartet);

    iocp_port_cancel_receives(contract.port);

    for (size_t i = 0; i < 2; i++)
        cr_expect(eq(int, take_completion(&contract).error, -ECANCELED));
    cr_expect(contract_is_quiet(&contract));
    cr_expect(iocp_op_completed(&quartet.receive));
    cr_expect(iocp_op_completed(&quartet.accept));
    cr_expect(not(iocp_op_completed(&quartet.send)));
    cr_expect(not(iocp_op_completed(&quartet.connect)));
    free_quartet(&quartet);
    close_connection();
}

EngineTest(cancel, of_a_whole_port_leaves_its_sockets_usable)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    begin_receive(&op, &byte);
    iocp_port_cancel_all(contract.port);
    expect_cancelled(&op);

    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));

    cr_expect(eq(long, contract_receive(&contract, connection.socket, &byte, 1), 1));
    cr_expect(eq(long, contract_send(&contract, connection.socket, "y", 1), 1));
    close_connection();
}
