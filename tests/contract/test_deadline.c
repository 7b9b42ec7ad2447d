/* test_deadline.c - operations with a deadline: never early, once, and nothing is lost. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "one_connection.h"
#include "own.h"
#include "scenery.h"

TestSuite(deadline, .timeout = 60);

#ifdef __SANITIZE_THREAD__
#define ROUNDS 200
#else
#define ROUNDS 600
#endif

#define SHORT_MS 30
#define AMPLE_MS 200 /* for what takes no time, on a machine that stands still now and then */
#define FAR_MS   600000

static void begin_receive(struct iocp_op *op, char *byte, int timeout_ms)
{
    iocp_op_set_timeout(op, timeout_ms);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, op, byte, 1, iocp_no_callback, NULL)));
}

/* The next completion is this operation's, whose deadline has passed. */
static void expect_timed_out(struct iocp_op *op)
{
    struct iocp_completion completion = take_completion(&contract);

    cr_expect(completion.op == op);
    cr_expect(eq(int, completion.error, -ETIMEDOUT));
}

EngineTest(deadline, ends_a_receive_once_and_never_early)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    for (int timeout_ms = 1; timeout_ms <= 100; timeout_ms *= 10) {
        int64_t begun_ns = clock_now_ns();
        begin_receive(&op, &byte, timeout_ms);
        expect_timed_out(&op);
        int64_t elapsed_ns = clock_now_ns() - begun_ns;

        cr_expect(ge(long, elapsed_ns, timeout_ms * 1000000L));
        cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ETIMEDOUT));
    }
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

EngineTest(deadline, that_passed_loses_nothing_of_what_arrives_later)
{
    struct iocp_op op = {0};
    char bytes[8] = "";

    open_connection(*engine);
    begin_receive(&op, bytes, SHORT_MS);
    expect_timed_out(&op);

    cr_assert(zero(int, loopback_write_all(connection.peer, "late", 4)));

    cr_expect(eq(long, contract_receive(&contract, connection.socket, bytes, 8), 4));
    cr_expect(zero(int, memcmp(bytes, "late", 4)));
    close_connection();
}

EngineTest(deadline, of_an_operation_that_completed_has_no_effect)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));
    begin_receive(&op, &byte, AMPLE_MS);
    int64_t due_ns = deadline_after_ms(AMPLE_MS);
    cr_assert(contract_run_one(&contract) == &op);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 1));

    begin_receive(&op, &byte, FAR_MS);

    do
        cr_expect(contract_is_quiet(&contract), "the old deadline is not the new operation's");
    while (clock_now_ns() < due_ns);
    cr_expect(not(iocp_op_completed(&op)));
    close_connection();
}

EngineTest(deadline, of_a_later_operation_passes_without_touching_an_earlier_one)
{
    struct iocp_op ops[3] = {0};
    char bytes[3] = "";

    open_connection(*engine);
    begin_receive(&ops[0], &bytes[0], 0);
    begin_receive(&ops[1], &bytes[1], SHORT_MS);
    begin_receive(&ops[2], &bytes[2], 0);
    expect_timed_out(&ops[1]);
    cr_expect(contract_is_quiet(&contract));

    cr_assert(zero(int, loopback_write_all(connection.peer, "ac", 2)));
    contract_run(&contract, 2);

    cr_expect(zero(int, memcmp(bytes, "a\0c", 3)));
    close_connection();
}

#define NEIGHBOURS 10

EngineTest(deadline, of_each_operation_on_one_socket_is_its_own)
{
    struct iocp_op ops[NEIGHBOURS] = {0};
    int64_t due_ns[NEIGHBOURS];
    char bytes[NEIGHBOURS];

    open_connection(*engine);
    for (int i = 0; i < NEIGHBOURS; i++) {
        int timeout_ms = SHORT_MS + 2 * (i * 7 % NEIGHBOURS);
        due_ns[i] = deadline_after_ms(timeout_ms);
        begin_receive(&ops[i], &bytes[i], timeout_ms);
    }

    for (int i = 0; i < NEIGHBOURS; i++) {
        struct iocp_op *op = take_completion(&contract).op;
        cr_expect(ge(long, clock_now_ns() - due_ns[op - ops], 0));
        cr_expect(eq(long, iocp_end_receive(connection.socket, op), -ETIMEDOUT));
    }
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

EngineTest(deadline, stays_for_later_begins_until_it_is_taken_away)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    begin_receive(&op, &byte, SHORT_MS);
    expect_timed_out(&op);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, &op, &byte, 1, iocp_no_callback, NULL)));
    expect_timed_out(&op);

    begin_receive(&op, &byte, 0);

    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

EngineTest(deadline, of_a_cancelled_operation_adds_no_second_completion)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    begin_receive(&op, &byte, QUIET_MS / 2);
    int asked = iocp_socket_cancel(connection.socket, &op);
    int error = take_completion(&contract).error;

    cr_expect(eq(int, error, asked == 1 ? -ECANCELED : -ETIMEDOUT));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

EngineTest(deadline, ends_an_accept_and_the_next_one_gets_the_client)
{
    struct iocp_op op = {0};
    struct iocp_socket *accepted = NULL;
    uint16_t port_number;

    contract_open(&contract, *engine, 0);
    struct iocp_socket *listener = listen_at(&contract, &port_number);
    iocp_op_set_timeout(&op, SHORT_MS);
    cr_assert(zero(int, iocp_begin_accept(listener, &op, iocp_no_callback, NULL)));
    expect_timed_out(&op);
    cr_expect(eq(int, iocp_end_accept(listener, &op, 0, &accepted), -ETIMEDOUT));
    cr_expect(accepted == NULL);

    int client = loopback_connect(port_number);
    iocp_op_set_timeout(&op, 0);
    cr_assert(zero(int, iocp_begin_accept(listener, &op, iocp_no_callback, NULL)));
    cr_assert(contract_run_one(&contract) == &op);

    cr_expect(zero(int, iocp_end_accept(listener, &op, 0, &accepted)));
    iocp_socket_free(accepted);
    iocp_socket_free(listener);
    close(client);
    contract_close(&contract);
}

EngineTest(deadline, ends_a_connect_that_gets_no_answer)
{
    struct iocp_op op = {0};
    int full[2];

    contract_open(&contract, *engine, 0);
    struct iocp_socket *socket = unconnected_socket(&contract);
    fill_listener(full);
    iocp_op_set_timeout(&op, SHORT_MS);
    int64_t begun_ns = clock_now_ns();
    begin_connect_to(socket, &op, loopback_port(full[0]));

    expect_timed_out(&op);
    cr_expect(ge(long, clock_now_ns() - begun_ns, SHORT_MS * 1000000L));
    cr_expect(eq(int, iocp_end_connect(socket, &op), -ETIMEDOUT));
    cr_expect(contract_is_quiet(&contract));
    iocp_socket_free(socket);
    close(full[0]);
    close(full[1]);
    contract_close(&contract);
}

EngineTest(deadline, ends_a_send_which_tells_what_it_has_sent_and_breaks_the_stream)
{
    unsigned char *arrived = stuck_arrivals();
    struct iocp_op op = {0};

    open_connection(*engine);
    iocp_op_set_timeout(&op, AMPLE_MS);
    cr_assert(zero(int, iocp_begin_send(connection.socket, &op, stuck_bytes(), STUCK_SIZE,
                                        iocp_no_callback, NULL)));
    expect_timed_out(&op);
    size_t sent = iocp_op_count(&op);

    cr_expect(lt(sz, 0, sent));
    cr_expect(lt(sz, sent, STUCK_SIZE));
    cr_expect(eq(long, iocp_end_send(connection.socket, &op), -ETIMEDOUT));
    cr_expect(eq(long, contract_send(&contract, connection.socket, "x", 1), -EPIPE));
    cr_expect(zero(int, iocp_socket_close(connection.socket)));
    cr_expect(eq(long, loopback_read_all(connection.peer, arrived, STUCK_SIZE), (long)sent));
    close_connection();
}

/* A callback that says when it has run. */
static void set_event(struct iocp_op *op, void *context)
{
    (void)op;
    iocp_event_set(context);
}

EngineTest(deadline, is_met_by_a_worker_that_sleeps_already)
{
    static struct iocp_event passed;
    struct iocp_op op = {0};
    char byte;

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    iocp_event_init(&passed, IOCP_AUTO_RESET, false);
    cr_expect(eq(int, iocp_event_wait(&passed, QUIET_MS), -ETIMEDOUT)); /* it goes to sleep */

    iocp_op_set_timeout(&op, SHORT_MS);
    cr_assert(zero(int, iocp_begin_receive(connection.socket, &op, &byte, 1, set_event, &passed)));

    cr_expect(zero(int, iocp_event_wait(&passed, PATIENCE_MS)));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ETIMEDOUT));
    close_connection();
}

EngineTest(deadline, is_met_although_a_later_one_was_waited_for)
{
    static struct iocp_event passed;
    struct iocp_op far = {0}, near = {0};
    struct connection other;
    char bytes[2];

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    contract_connect(&contract, &other);
    iocp_event_init(&passed, IOCP_AUTO_RESET, false);
    begin_receive(&far, &bytes[0], FAR_MS);
    cr_expect(eq(int, iocp_event_wait(&passed, QUIET_MS), -ETIMEDOUT)); /* it goes to sleep */

    iocp_op_set_timeout(&near, SHORT_MS);
    cr_assert(zero(int, iocp_begin_receive(other.socket, &near, &bytes[1], 1, set_event, &passed)));

    cr_expect(zero(int, iocp_event_wait(&passed, PATIENCE_MS)));
    cr_expect(eq(long, iocp_end_receive(other.socket, &near), -ETIMEDOUT));
    cr_expect(not(iocp_op_completed(&far)));
    contract_disconnect(&other);
    close_connection();
}

#define CROWD 1000

/* One of many idle connections. */
struct idler {
    struct connection connection;
    struct iocp_op op;
    int64_t due_ns;
    unsigned completions;
    char byte;
};

static struct idler crowd[CROWD];

static void begin_idling(struct idler *idler, int timeout_ms)
{
    contract_connect(&contract, &idler->connection);
    iocp_op_set_timeout(&idler->op, timeout_ms);
    idler->due_ns = deadline_after_ms(timeout_ms);
    cr_assert(zero(int, iocp_begin_receive(idler->connection.socket, &idler->op, &idler->byte, 1,
                                           iocp_no_callback, idler)));
}

EngineTest(deadline, of_each_of_a_thousand_sockets_is_met_once_and_never_early)
{
    allow_descriptors(2 * CROWD + 100);
    contract_open(&contract, *engine, 0);
    for (size_t i = 0; i < CROWD; i++)
        begin_idling(&crowd[i], 1 + (int)(i * 7919 % 300));

    for (size_t i = 0; i < CROWD; i++) {
        struct iocp_completion completion = take_completion(&contract);
        struct idler *idler = iocp_op_context(completion.op);
        idler->completions++;
        cr_assert(eq(int, completion.error, -ETIMEDOUT));
        cr_assert(ge(long, clock_now_ns() - idler->due_ns, 0));
    }

    cr_expect(contract_is_quiet(&contract));
    for (size_t i = 0; i < CROWD; i++) {
        cr_expect(eq(uint, crowd[i].completions, 1));
        contract_disconnect(&crowd[i].connection);
    }
    contract_close(&contract);
}

/* A peer whose every byte comes near the deadline of the receive it is for. */
struct dawdler {
    pthread_t thread;
    struct iocp_event received; /* auto-reset */
    int result;
};

static void *dawdle(void *argument)
{
    struct dawdler *dawdler = argument;

    for (unsigned i = 0; i < ROUNDS && dawdler->result == 0; i++) {
        const struct timespec pause = {.tv_nsec = 500000 + (i * 7919 % 100) * 10000};
        uint8_t byte = (uint8_t)i;

        (void)nanosleep(&pause, NULL); /* aims at the deadline; nothing relies on a hit */
        dawdler->result = loopback_write_all(connection.peer, &byte, 1);
        if (dawdler->result == 0)
            dawdler->result = iocp_event_wait(&dawdler->received, PATIENCE_MS);
    }
    return NULL;
}

EngineTest(deadline, against_arriving_data_yields_one_completion_and_loses_no_byte)
{
    static struct dawdler dawdler;
    struct iocp_op op = {0};
    uint8_t byte = 0;

    open_connection(*engine);
    iocp_event_init(&dawdler.received, IOCP_AUTO_RESET, false);
    cr_assert(zero(int, pthread_create(&dawdler.thread, NULL, dawdle, &dawdler)));

    for (unsigned received = 0; received < ROUNDS;) {
        begin_receive(&op, (char *)&byte, 1);
        cr_assert(take_completion(&contract).op == &op);
        ssize_t result = iocp_end_receive(connection.socket, &op);
        cr_assert(result == 1 || result == -ETIMEDOUT, "end returned %zd", result);
        if (result == 1) {
            cr_assert(eq(u8, byte, (uint8_t)received));
            received++;
            iocp_event_set(&dawdler.received);
        }
    }

    cr_assert(zero(int, pthread_join(dawdler.thread, NULL)));
    cr_expect(zero(int, dawdler.result));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}
