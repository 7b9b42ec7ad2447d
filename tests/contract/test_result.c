/* test_result.c - an operation as its own result: state, event, callback and end. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "sight.h"

TestSuite(result, .timeout = 60);

static void keep_context(struct iocp_op *op, void *context)
{
    (void)op;
    *(void **)context = context;
}

static unsigned null_context_calls;

static void expect_null_context(struct iocp_op *op, void *context)
{
    cr_expect(context == NULL);
    cr_expect(iocp_op_context(op) == NULL);
    null_context_calls++;
}

/* AR-01 */
EngineTest(result, context_is_the_pointer_given_to_begin)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op ops[3] = {0};
    void *contexts[2] = {NULL, NULL};
    char buffers[3];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    begin(&connection, &ops[0], &buffers[0], 1, keep_context, &contexts[0]);
    begin(&connection, &ops[1], &buffers[1], 1, keep_context, &contexts[1]);
    begin(&connection, &ops[2], &buffers[2], 1, expect_null_context, NULL);
    send_text(&connection, "abc");
    contract_run(&contract, 3);

    for (int i = 0; i < 2; i++) {
        cr_expect(eq(ptr, contexts[i], &contexts[i]));
        cr_expect(eq(ptr, iocp_op_context(&ops[i]), &contexts[i]));
    }
    cr_expect(eq(uint, null_context_calls, 1));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-02 */
EngineTest(result, completed_turns_true_at_the_completion)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    begin(&connection, &op, buffer, sizeof buffer, NULL, NULL);
    cr_expect(not(iocp_op_completed(&op)));
    send_text(&connection, "x");

    cr_expect(wait_until(has_completed, &op));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 1));
    contract_disconnect(&connection);
    contract_close(&contract);
}

struct poller {
    pthread_t thread;
    struct iocp_op *op;
    atomic_bool ended; /* end has been called */
    unsigned falls;    /* times it was seen completed, then not */
};

static void *poll_completed(void *argument)
{
    struct poller *poller = argument;
    bool before = false;

    for (int after = 0; after < MANY / 10;) {
        bool now = iocp_op_completed(poller->op);
        if (before && !now)
            poller->falls++;
        before = now;
        if (atomic_load_explicit(&poller->ended, memory_order_relaxed))
            after++;
    }
    return NULL;
}

/* AR-03 */
EngineTest(result, completed_never_turns_false_again)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct poller poller = {.op = &op};
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    begin(&connection, &op, buffer, sizeof buffer, iocp_no_callback, NULL);
    cr_assert(zero(int, pthread_create(&poller.thread, NULL, poll_completed, &poller)));
    send_text(&connection, "x");
    contract_run(&contract, 1);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 1));
    atomic_store_explicit(&poller.ended, true, memory_order_relaxed);
    cr_assert(zero(int, pthread_join(poller.thread, NULL)));

    cr_expect(zero(uint, poller.falls));
    cr_expect(iocp_op_completed(&op));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-04 */
EngineTest(result, event_is_set_at_the_completion_and_stays_so)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct iocp_event event;
    char buffer[16];

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    iocp_event_init(&event, IOCP_MANUAL_RESET, false);
    iocp_op_set_event(&op, &event);
    begin(&connection, &op, buffer, sizeof buffer, NULL, NULL);
    cr_expect(eq(int, iocp_event_wait(&event, QUIET_MS), -ETIMEDOUT));
    send_text(&connection, "x");

    cr_expect(zero(int, iocp_event_wait(&event, PATIENCE_MS)));
    cr_expect(iocp_op_completed(&op));
    cr_expect(zero(int, iocp_event_wait(&event, 0)));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 1));
    contract_disconnect(&connection);
    contract_close(&contract);
    iocp_event_destroy(&event);
}

/* AR-04: an event named while the operation is in flight is set before the callback runs. */
EngineTest(result, event_is_set_before_the_callback_runs)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct iocp_event event;
    struct sight sight;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    iocp_event_init(&event, IOCP_MANUAL_RESET, false);
    sight_init(&sight, &connection);
    sight.event = &event;
    begin(&connection, &op, buffer, sizeof buffer, on_received, &sight);
    iocp_op_set_event(&op, &event);
    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));
    send_text(&connection, "x");
    contract_run(&contract, 1);

    cr_expect(eq(uint, sight.calls, 1));
    cr_expect(zero(int, sight.event_result));
    contract_disconnect(&connection);
    contract_close(&contract);
    iocp_event_destroy(&event);
}

/* AR-05 */
EngineTest(result, event_named_after_the_completion_is_set_at_once)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct iocp_event event;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    iocp_event_init(&event, IOCP_MANUAL_RESET, false);
    begin(&connection, &op, buffer, sizeof buffer, iocp_no_callback, NULL);
    send_text(&connection, "x");
    contract_run(&contract, 1);

    iocp_op_set_event(&op, &event);

    cr_expect(zero(int, iocp_event_wait(&event, 0)));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 1));
    contract_disconnect(&connection);
    contract_close(&contract);
    iocp_event_destroy(&event);
}

/* AR-06 */
EngineTest(result, without_a_callback_end_waits_for_the_completion)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    begin(&connection, &op, buffer, sizeof buffer, NULL, NULL);
    send_text(&connection, "hello");

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 5));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-06 */
EngineTest(result, without_a_callback_nothing_is_posted)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    begin(&connection, &op, buffer, sizeof buffer, NULL, NULL);
    send_text(&connection, "hello");

    cr_expect(contract_is_quiet(&contract));
    cr_expect(iocp_op_completed(&op));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 5));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* Operations that begin themselves again, and how often each was begun and called back. */
#define CHAINS 64
#define ROUNDS 1600

struct chain {
    struct iocp_op op; /* first: the callback is given its address */
    struct iocp_socket *socket;
    atomic_uint *open; /* chains that go on */
    struct iocp_event *ended;
    unsigned begun;
    unsigned called;
    bool failed;
};

static void on_link(struct iocp_op *op, void *context)
{
    struct chain *chain = context;

    chain->called++;
    if (iocp_end_receive(chain->socket, op) != 0)
        chain->failed = true;
    if (!chain->failed && chain->begun < ROUNDS) {
        chain->begun++;
        if (iocp_begin_receive(chain->socket, op, NULL, 0, on_link, chain) == 0)
            return;
        chain->failed = true;
    }
    if (atomic_fetch_sub_explicit(chain->open, 1, memory_order_acq_rel) == 1)
        iocp_event_set(chain->ended);
}

/* AR-07 */
EngineTest(result, callback_runs_exactly_once_for_each_begin)
{
    static struct chain chains[CHAINS];
    struct contract contract;
    struct connection connection;
    struct iocp_event ended;
    atomic_uint open = CHAINS;

    contract_open(&contract, *engine, 4);
    contract_connect(&contract, &connection);
    iocp_event_init(&ended, IOCP_MANUAL_RESET, false);
    send_text(&connection, "x");
    for (int i = 0; i < CHAINS; i++) {
        chains[i] =
            (struct chain){.socket = connection.socket, .open = &open, .ended = &ended, .begun = 1};
        begin(&connection, &chains[i].op, NULL, 0, on_link, &chains[i]);
    }
    cr_assert(zero(int, iocp_event_wait(&ended, 2 * PATIENCE_MS)));
    contract_disconnect(&connection);
    contract_close(&contract);

    for (int i = 0; i < CHAINS; i++) {
        cr_expect(not(chains[i].failed));
        cr_expect(eq(uint, chains[i].begun, ROUNDS));
        cr_expect(eq(uint, chains[i].called, ROUNDS));
    }
    iocp_event_destroy(&ended);
}

static void count_call(struct iocp_op *op, void *context)
{
    (void)op;
    ++*(unsigned *)context;
}

/* AR-08 */
EngineTest(result, callback_never_runs_for_a_begin_that_was_refused)
{
    struct contract contract;
    struct connection connection;
    struct iocp_vector_op op = {0};
    struct sockaddr_in address = {.sin_family = AF_INET};
    char byte = 'x';
    const struct iovec part = {&byte, 1};
    unsigned calls = 0;

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    struct iocp_socket *closed = connection.socket;
    cr_assert(zero(int, iocp_socket_close(closed)));

    const int begun[] = {
        iocp_begin_receive(closed, &op.op, &byte, 1, count_call, &calls),
        iocp_begin_receive_vector(closed, &op, &part, 1, count_call, &calls),
        iocp_begin_send(closed, &op.op, &byte, 1, count_call, &calls),
        iocp_begin_send_vector(closed, &op, &part, 1, count_call, &calls),
        iocp_begin_accept(closed, &op.op, count_call, &calls),
        iocp_begin_connect(closed, &op.op, (struct sockaddr *)&address, sizeof address, count_call,
                           &calls),
    };

    for (size_t i = 0; i < sizeof begun / sizeof begun[0]; i++)
        cr_expect(eq(int, begun[i], -EBADF));
    cr_expect(contract_is_quiet(&contract));
    cr_expect(zero(uint, calls));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-09 */
EngineTest(result, in_the_callback_is_complete_and_end_returns_it)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct sight sight;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    sight_init(&sight, &connection);
    begin(&connection, &op, buffer, sizeof buffer, on_received, &sight);
    send_text(&connection, "hello");
    contract_run(&contract, 1);

    cr_expect(eq(ptr, sight.op, &op));
    cr_expect(eq(ptr, sight.op_context, &sight));
    cr_expect(sight.completed);
    cr_expect(eq(long, sight.end, 5));
    contract_disconnect(&connection);
    contract_close(&contract);
}

struct ender {
    pthread_t thread;
    struct iocp_socket *socket;
    struct iocp_op *op;
    ssize_t result;
    struct iocp_event returned;
};

static void *end_it(void *argument)
{
    struct ender *ender = argument;

    ender->result = iocp_end_receive(ender->socket, ender->op);
    iocp_event_set(&ender->returned);
    return NULL;
}

/* AR-10 */
EngineTest(result, end_waits_until_the_operation_has_completed)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct ender ender = {.op = &op};
    char buffer[16];

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    iocp_event_init(&ender.returned, IOCP_MANUAL_RESET, false);
    ender.socket = connection.socket;
    begin(&connection, &op, buffer, sizeof buffer, NULL, NULL);
    cr_assert(zero(int, pthread_create(&ender.thread, NULL, end_it, &ender)));
    cr_expect(eq(int, iocp_event_wait(&ender.returned, QUIET_MS), -ETIMEDOUT));
    send_text(&connection, "hello");
    cr_expect(zero(int, iocp_event_wait(&ender.returned, PATIENCE_MS)));
    cr_assert(zero(int, pthread_join(ender.thread, NULL)));

    cr_expect(eq(long, ender.result, 5));
    contract_disconnect(&connection);
    contract_close(&contract);
    iocp_event_destroy(&ender.returned);
}

/* AR-11 */
EngineTest(result, second_end_is_told_so)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    begin(&connection, &op, buffer, sizeof buffer, iocp_no_callback, NULL);
    send_text(&connection, "hello");
    contract_run(&contract, 1);
    cr_assert(eq(long, iocp_end_receive(connection.socket, &op), 5));

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -EALREADY));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -EALREADY));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-12 */
EngineTest(result, end_of_another_kind_is_refused_and_the_result_stays)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct iocp_socket *socket = NULL;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    begin(&connection, &op, buffer, sizeof buffer, iocp_no_callback, NULL);
    cr_expect(eq(long, iocp_end_send(connection.socket, &op), -EINVAL));
    send_text(&connection, "hello");
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_send(connection.socket, &op), -EINVAL));
    cr_expect(eq(int, iocp_end_connect(connection.socket, &op), -EINVAL));
    cr_expect(eq(int, iocp_end_accept(connection.socket, &op, 0, &socket), -EINVAL));
    cr_expect(eq(ptr, socket, NULL));

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 5));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-13 */
EngineTest(result, end_of_another_socket_is_refused_and_the_result_stays)
{
    struct contract contract;
    struct connection connection;
    struct connection other;
    struct iocp_op op = {0};
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    contract_connect(&contract, &other);
    begin(&connection, &op, buffer, sizeof buffer, iocp_no_callback, NULL);
    cr_expect(eq(long, iocp_end_receive(other.socket, &op), -EINVAL));
    send_text(&connection, "hello");
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_receive(other.socket, &op), -EINVAL));

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 5));
    contract_disconnect(&other);
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-14 */
EngineTest(result, error_of_the_operation_is_delivered_by_end)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct sight sight;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    sight_init(&sight, &connection);
    begin(&connection, &op, buffer, sizeof buffer, on_received, &sight);
    cr_expect(contract_is_quiet(&contract));
    loopback_reset(connection.peer);
    connection.peer = -1;
    contract_run(&contract, 1);

    cr_expect(eq(uint, sight.calls, 1));
    cr_expect(eq(long, sight.end, -ECONNRESET));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-15 */
EngineTest(result, callback_runs_on_a_worker_though_the_operation_could_complete_at_once)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct sight sight;
    char buffer[16];

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    sight_init(&sight, &connection);
    send_text(&connection, "hello");
    begin(&connection, &op, buffer, sizeof buffer, on_received, &sight);
    cr_assert(zero(int, iocp_event_wait(&sight.seen, PATIENCE_MS)));

    cr_expect(eq(long, sight.end, 5));
    cr_expect(not(sight.synchronous));
    cr_expect(not(pthread_equal(sight.thread, pthread_self())));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-15: begun by a thread that takes completions itself, as a callback is. */
EngineTest(result, callback_never_runs_inside_begin)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct sight sight;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    sight_init(&sight, &connection);
    send_text(&connection, "hello");

    begin(&connection, &op, buffer, sizeof buffer, on_received, &sight);
    cr_expect(zero(uint, sight.calls));
    contract_run(&contract, 1);

    cr_expect(eq(uint, sight.calls, 1));
    cr_expect(not(sight.synchronous));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-15: reported as synchronous is what begin said so, and no callback is due. */
EngineTest(result, completed_synchronously_is_what_begin_returned)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    unsigned calls = 0;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    iocp_socket_skip_on_success(connection.socket);
    send_text(&connection, "hello");

    int begun = iocp_begin_receive(connection.socket, &op, buffer, 16, count_call, &calls);
    cr_assert(begun == 0 || begun == 1, "begin returned %d", begun);
    if (begun == 0)
        contract_run(&contract, 1);

    cr_expect(eq(int, iocp_op_completed_synchronously(&op), begun));
    cr_expect(contract_is_quiet(&contract));
    cr_expect(eq(int, (int)calls, 1 - begun));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 5));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* TO-05 */
EngineTest(result, wait_that_times_out_leaves_the_operation_in_flight)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char byte;

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    cr_expect(eq(int, iocp_op_wait(&op, 0), -EINVAL));
    begin(&connection, &op, &byte, 1, NULL, NULL);

    cr_expect(eq(int, iocp_op_wait(&op, 0), -ETIMEDOUT));
    cr_expect(eq(int, iocp_op_wait(&op, 20), -ETIMEDOUT));
    cr_expect(not(iocp_op_completed(&op)));

    send_text(&connection, "x");
    cr_expect(zero(int, iocp_op_wait(&op, PATIENCE_MS)));
    cr_expect(zero(int, iocp_op_wait(&op, 0)));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 1));
    contract_disconnect(&connection);
    contract_close(&contract);
}
