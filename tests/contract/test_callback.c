/* test_callback.c - what a callback may do, what it sees, and what it costs. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "sight.h"

TestSuite(callback, .timeout = 60);

/* A chain of receives that each complete at once, and how far down the stack it got. */
struct descent {
    struct iocp_op op;
    struct iocp_socket *socket;
    int left;
    bool failed;
    uintptr_t lowest;
    uintptr_t highest;
    struct iocp_event ended;
};

static void on_step(struct iocp_op *op, void *context)
{
    struct descent *descent = context;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

    if (frame < descent->lowest)
        descent->lowest = frame;
    if (frame > descent->highest)
        descent->highest = frame;

    descent->failed = iocp_end_receive(descent->socket, op) != 0;
    if (!descent->failed && --descent->left > 0) {
        if (iocp_begin_receive(descent->socket, op, NULL, 0, on_step, descent) == 0)
            return;
        descent->failed = true;
    }
    iocp_event_set(&descent->ended);
}

/* AR-16 */
EngineTest(callback, long_chain_of_immediate_completions_does_not_grow_the_stack)
{
    struct contract contract;
    struct connection connection;
    struct descent descent = {.left = MANY, .lowest = UINTPTR_MAX};

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);
    iocp_event_init(&descent.ended, IOCP_MANUAL_RESET, false);
    descent.socket = connection.socket;
    send_text(&connection, "x");
    begin(&connection, &descent.op, NULL, 0, on_step, &descent);
    cr_assert(zero(int, iocp_event_wait(&descent.ended, 2 * PATIENCE_MS)));

    cr_expect(not(descent.failed));
    cr_expect(zero(int, descent.left));
    cr_expect(lt(sz, descent.highest - descent.lowest, 65536));
    contract_disconnect(&connection);
    contract_close(&contract);
    iocp_event_destroy(&descent.ended);
}

/* A callback that makes use of its socket and port in every way. */
struct user {
    struct contract *contract;
    struct iocp_socket *socket;
    struct iocp_op posted;
    struct iocp_op receive;
    struct iocp_op send;
    struct iocp_event event;
    unsigned failures;
    char byte;
};

static void use_port(struct user *user)
{
    struct iocp_port_statistics statistics;
    struct iocp_socket *other;
    struct iocp_port *port = user->contract->port;

    iocp_port_read_statistics(port, &statistics);
    user->failures += iocp_port_engine(port) == NULL;
    user->failures += iocp_port_post(port, 1, 2, NULL) != 0;
    user->failures += iocp_port_post_callback(port, &user->posted, 0, iocp_no_callback, NULL) != 0;
    user->failures += iocp_socket_create(port, AF_INET, 0, &other) != 0;
    iocp_socket_free(other);
}

static void use_socket(struct user *user)
{
    struct sockaddr_storage address;
    struct iocp_socket *socket = user->socket;

    user->failures += iocp_socket_local_address(socket, &address) < 0;
    user->failures += iocp_socket_remote_address(socket, &address) < 0;
    iocp_op_set_event(&user->send, &user->event);
    user->failures += iocp_begin_send(socket, &user->send, "x", 1, NULL, NULL) != 0;
    user->failures += iocp_event_wait(&user->event, PATIENCE_MS) != 0;
    user->failures += iocp_end_send(socket, &user->send) != 1;
    user->failures += iocp_begin_receive(socket, &user->receive, &user->byte, 1, NULL, NULL) != 0;
    user->failures += iocp_socket_cancel(socket, &user->receive) != 1;
    user->failures += iocp_end_receive(socket, &user->receive) != -ECANCELED;
    user->failures += iocp_socket_cancel(socket, NULL) != -ENOENT;
    user->failures += iocp_socket_shutdown(socket, SHUT_RDWR) != 0;
    iocp_port_cancel_all(user->contract->port);
    user->failures += iocp_socket_close(socket) != 0;
}

struct using_callback {
    struct sight sight;
    struct user user;
};

static void on_using(struct iocp_op *op, void *context)
{
    struct using_callback *callback = context;

    use_port(&callback->user);
    use_socket(&callback->user);
    on_received(op, &callback->sight);
}

static void user_init(struct user *user, struct contract *contract,
                      const struct connection *connection)
{
    *user = (struct user){.contract = contract, .socket = connection->socket};
    iocp_event_init(&user->event, IOCP_MANUAL_RESET, false);
}

/* AR-17 */
EngineTest(callback, callback_may_call_everything_on_its_socket_and_port)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct using_callback callback;
    char buffer[16];

    contract_open(&contract, *engine, 2);
    contract_connect(&contract, &connection);
    sight_init(&callback.sight, &connection);
    user_init(&callback.user, &contract, &connection);
    send_text(&connection, "hello");
    begin(&connection, &op, buffer, sizeof buffer, on_using, &callback);
    cr_assert(zero(int, iocp_event_wait(&callback.sight.seen, PATIENCE_MS)));

    cr_expect(zero(uint, callback.user.failures));
    cr_expect(eq(long, callback.sight.end, 5));
    contract_disconnect(&connection);
    contract_close(&contract);
}

struct held_callback {
    struct sight sight;
    struct iocp_event started;
    struct iocp_event release;
    int released;
};

static void on_held(struct iocp_op *op, void *context)
{
    struct held_callback *callback = context;

    iocp_event_set(&callback->started);
    callback->released = iocp_event_wait(&callback->release, PATIENCE_MS);
    on_received(op, &callback->sight);
}

/* AR-17 */
EngineTest(callback, other_threads_may_call_everything_while_a_callback_runs)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct held_callback callback;
    struct user user;
    char buffer[16];

    contract_open(&contract, *engine, 2);
    contract_connect(&contract, &connection);
    sight_init(&callback.sight, &connection);
    iocp_event_init(&callback.started, IOCP_MANUAL_RESET, false);
    iocp_event_init(&callback.release, IOCP_MANUAL_RESET, false);
    user_init(&user, &contract, &connection);
    send_text(&connection, "hello");
    begin(&connection, &op, buffer, sizeof buffer, on_held, &callback);
    cr_assert(zero(int, iocp_event_wait(&callback.started, PATIENCE_MS)));

    use_port(&user);
    use_socket(&user);
    iocp_event_set(&callback.release);
    cr_assert(zero(int, iocp_event_wait(&callback.sight.seen, PATIENCE_MS)));

    cr_expect(zero(uint, user.failures));
    cr_expect(zero(int, callback.released));
    cr_expect(eq(long, callback.sight.end, 5));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-18 */
EngineTest(callback, what_was_received_is_visible_to_who_sees_it_completed)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};

    contract_open(&contract, *engine, 1);
    contract_connect(&contract, &connection);

    for (int i = 0; i < 200; i++) {
        const char sent[3] = {(char)('a' + i % 26), 'z', '\0'};
        char buffer[2] = {0};

        begin(&connection, &op, buffer, 2, NULL, NULL);
        send_text(&connection, sent);
        cr_assert(wait_until(has_completed, &op));
        cr_expect(eq(chr, buffer[0], sent[0]));
        cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 2));
    }
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* AR-18: to the callback's thread. */
EngineTest(callback, what_was_received_is_visible_to_the_callback)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct sight sight;

    contract_open(&contract, *engine, 2);
    contract_connect(&contract, &connection);
    sight_init(&sight, &connection);

    for (int i = 0; i < 200; i++) {
        char buffer[1] = {0};

        begin(&connection, &op, buffer, 1, on_received, &sight);
        send_text(&connection, "x");
        cr_assert(zero(int, iocp_event_wait(&sight.seen, PATIENCE_MS)));
        iocp_event_reset(&sight.seen);
        cr_expect(eq(chr, buffer[0], 'x'));
        cr_expect(eq(long, sight.end, 1));
    }
    contract_disconnect(&connection);
    contract_close(&contract);
}

static void receive_nothing(struct contract *contract, const struct connection *connection,
                            int times)
{
    for (int i = 0; i < times; i++)
        cr_assert(zero(long, contract_receive(contract, connection->socket, NULL, 0)));
}

/* AR-19: sanitizers replace the heap and look for leaks themselves. */
EngineTest(callback, operations_leave_the_heap_as_it_was)
{
    struct contract contract;
    struct connection connection;

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    send_text(&connection, "x");
    receive_nothing(&contract, &connection, 100);

    size_t before = mallinfo2().uordblks;
    receive_nothing(&contract, &connection, MANY / 10);
    size_t after = mallinfo2().uordblks;

    cr_expect(eq(sz, after, before));
    contract_disconnect(&connection);
    contract_close(&contract);
}
