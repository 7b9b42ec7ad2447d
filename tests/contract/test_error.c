/* test_error.c - errors: at begin with nothing posted, or at end exactly once, each its own. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "one_connection.h"
#include "scarcity.h"
#include "scenery.h"

TestSuite(error, .timeout = 60);

/* Ways to begin an operation with arguments that are right in themselves. */
static char bytes[16];
static const struct sockaddr_in somewhere = {
    .sin_family = AF_INET, .sin_port = 0x0100, .sin_addr.s_addr = 0x0100007f};

static int begin_receive(struct iocp_socket *socket, struct iocp_vector_op *op)
{
    return iocp_begin_receive(socket, &op->op, bytes, sizeof bytes, iocp_no_callback, NULL);
}

static int begin_receive_vector(struct iocp_socket *socket, struct iocp_vector_op *op)
{
    const struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};

    return iocp_begin_receive_vector(socket, op, &part, 1, iocp_no_callback, NULL);
}

static int begin_send(struct iocp_socket *socket, struct iocp_vector_op *op)
{
    return iocp_begin_send(socket, &op->op, bytes, sizeof bytes, iocp_no_callback, NULL);
}

static int begin_send_vector(struct iocp_socket *socket, struct iocp_vector_op *op)
{
    const struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};

    return iocp_begin_send_vector(socket, op, &part, 1, iocp_no_callback, NULL);
}

static int begin_accept(struct iocp_socket *socket, struct iocp_vector_op *op)
{
    return iocp_begin_accept(socket, &op->op, iocp_no_callback, NULL);
}

static int begin_connect(struct iocp_socket *socket, struct iocp_vector_op *op)
{
    return iocp_begin_connect(socket, &op->op, (const struct sockaddr *)&somewhere,
                              sizeof somewhere, iocp_no_callback, NULL);
}

enum { RECEIVE, RECEIVE_VECTOR, SEND, SEND_VECTOR, ACCEPT, CONNECT, KINDS };

static int (*const begins[KINDS])(struct iocp_socket *socket, struct iocp_vector_op *op) = {
    [RECEIVE] = begin_receive, [RECEIVE_VECTOR] = begin_receive_vector,
    [SEND] = begin_send,       [SEND_VECTOR] = begin_send_vector,
    [ACCEPT] = begin_accept,   [CONNECT] = begin_connect,
};

/* Begin one of each kind; 0 stands for a kind that is not tried. Nothing is posted. */
static void expect_refusals(struct iocp_socket *socket, const int errors[KINDS])
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct iocp_vector_op op = {0};

        if (errors[kind] != 0)
            cr_expect(eq(int, begins[kind](socket, &op), errors[kind]), "kind %zu", kind);
    }
    cr_expect(contract_is_quiet(&contract));
}

/* ER-01 */
EngineTest(error, at_begin_on_an_unconnected_socket_posts_nothing)
{
    contract_open(&contract, *engine, 0);
    struct iocp_socket *socket = unconnected_socket(&contract);

    expect_refusals(socket, (int[KINDS]){-ENOTCONN, -ENOTCONN, -ENOTCONN, -ENOTCONN, -EINVAL, 0});

    iocp_socket_free(socket);
    contract_close(&contract);
}

/* ER-01 */
EngineTest(error, at_begin_on_a_listener_posts_nothing)
{
    uint16_t port_number;

    contract_open(&contract, *engine, 0);
    struct iocp_socket *socket = listen_at(&contract, &port_number);

    expect_refusals(socket, (int[KINDS]){-ENOTCONN, -ENOTCONN, -ENOTCONN, -ENOTCONN, 0, 0});

    iocp_socket_free(socket);
    contract_close(&contract);
}

/* ER-01 */
EngineTest(error, at_begin_on_a_connected_socket_posts_nothing)
{
    open_connection(*engine);

    expect_refusals(connection.socket, (int[KINDS]){0, 0, 0, 0, -EINVAL, -EISCONN});

    close_connection();
}

/* ER-01 */
EngineTest(error, at_begin_after_a_shutdown_posts_nothing)
{
    open_connection(*engine);
    cr_assert(zero(int, iocp_socket_shutdown(connection.socket, SHUT_RD)));
    expect_refusals(connection.socket, (int[KINDS]){-ESHUTDOWN, -ESHUTDOWN, 0, 0, 0, 0});

    cr_assert(zero(int, iocp_socket_shutdown(connection.socket, SHUT_WR)));
    expect_refusals(connection.socket,
                    (int[KINDS]){-ESHUTDOWN, -ESHUTDOWN, -ESHUTDOWN, -ESHUTDOWN, 0, 0});

    close_connection();
}

/* ER-01 */
EngineTest(error, at_begin_on_a_reset_connection_posts_nothing)
{
    open_connection(*engine);
    loopback_reset(connection.peer);
    connection.peer = -1;
    cr_assert(eq(long, contract_receive(&contract, connection.socket, bytes, 1), -ECONNRESET));

    expect_refusals(connection.socket,
                    (int[KINDS]){-ECONNRESET, -ECONNRESET, -ECONNRESET, -ECONNRESET, 0, 0});

    close_connection();
}

/* ER-01 */
EngineTest(error, at_begin_on_a_closed_socket_posts_nothing)
{
    open_connection(*engine);
    cr_assert(zero(int, iocp_socket_close(connection.socket)));

    expect_refusals(connection.socket,
                    (int[KINDS]){-EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF});

    close_connection();
}

/* ER-01 */
EngineTest(error, at_begin_with_an_operation_in_flight_leaves_that_one_alone)
{
    struct iocp_vector_op op = {0};

    open_connection(*engine);
    cr_assert(zero(int, begin_receive(connection.socket, &op)));
    for (size_t kind = 0; kind < ACCEPT; kind++)
        cr_expect(eq(int, begins[kind](connection.socket, &op), -EBUSY), "kind %zu", kind);
    cr_expect(contract_is_quiet(&contract));

    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));

    cr_expect(contract_run_one(&contract) == &op.op);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op.op), 1));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

/* ER-01: a closed port cannot be waited on, so the operations tell that they never began. */
EngineTest(error, at_begin_on_a_closed_port_begins_nothing)
{
    struct iocp_vector_op op = {0};
    uint16_t port_number;

    open_connection(*engine);
    struct iocp_socket *listener = listen_at(&contract, &port_number);
    struct iocp_socket *client = unconnected_socket(&contract);
    cr_assert(zero(sz, iocp_port_close(contract.port)));

    for (size_t kind = 0; kind < ACCEPT; kind++)
        cr_expect(eq(int, begins[kind](connection.socket, &op), -ESHUTDOWN), "kind %zu", kind);
    cr_expect(eq(int, begin_accept(listener, &op), -ESHUTDOWN));
    cr_expect(eq(int, begin_connect(client, &op), -ESHUTDOWN));

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op.op), -EINVAL), "never begun");
    iocp_socket_free(listener);
    iocp_socket_free(client);
    close_connection();
}

/* The one completion of an operation that failed, and then no other. */
static void expect_failure(struct iocp_vector_op *op, int error)
{
    struct iocp_completion completion = take_completion(&contract);

    cr_expect(completion.op == &op->op);
    cr_expect(eq(int, completion.error, error));
    cr_expect(zero(sz, completion.count));
    cr_expect(contract_is_quiet(&contract));
}

/* ER-02 */
EngineTest(error, of_an_operation_in_flight_is_posted_once_for_a_reset)
{
    struct iocp_vector_op op = {0};

    open_connection(*engine);
    cr_assert(zero(int, begin_receive(connection.socket, &op)));
    cr_assert(contract_is_quiet(&contract));

    loopback_reset(connection.peer);
    connection.peer = -1;

    expect_failure(&op, -ECONNRESET);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op.op), -ECONNRESET));
    close_connection();
}

/* ER-02 */
EngineTest(error, of_an_operation_in_flight_is_posted_once_for_a_refusal)
{
    struct iocp_vector_op op = {0};
    int holder;
    uint16_t port_number = refusing_port(&holder);

    contract_open(&contract, *engine, 0);
    struct iocp_socket *socket = unconnected_socket(&contract);
    begin_connect_to(socket, &op.op, port_number);

    expect_failure(&op, -ECONNREFUSED);
    cr_expect(eq(int, iocp_end_connect(socket, &op.op), -ECONNREFUSED));
    iocp_socket_free(socket);
    close(holder);
    contract_close(&contract);
}

/* ER-02 */
EngineTest(error, of_an_operation_in_flight_is_posted_once_for_a_cancel_or_a_close)
{
    struct iocp_vector_op op = {0};

    open_connection(*engine);
    cr_assert(zero(int, begin_receive(connection.socket, &op)));
    cr_assert(eq(int, iocp_socket_cancel(connection.socket, &op.op), 1));
    expect_failure(&op, -ECANCELED);

    cr_assert(zero(int, begin_receive(connection.socket, &op)));
    cr_assert(zero(int, iocp_socket_close(connection.socket)));
    expect_failure(&op, -ECANCELED);
    close_connection();
}

/* ER-07: in all four ways in which an operation in flight can fail. */
EngineTest(error, of_an_operation_is_one_errno_at_the_port_and_at_the_end)
{
    struct iocp_vector_op refused = {0}, cancelled = {0}, late = {0}, reset = {0};
    int holder;
    uint16_t port_number = refusing_port(&holder);

    open_connection(*engine);
    struct iocp_socket *client = unconnected_socket(&contract);
    begin_connect_to(client, &refused.op, port_number);
    cr_expect(eq(int, take_completion(&contract).error, -ECONNREFUSED));
    cr_expect(eq(int, iocp_end_connect(client, &refused.op), -ECONNREFUSED));

    cr_assert(zero(int, begin_receive(connection.socket, &cancelled)));
    cr_assert(eq(int, iocp_socket_cancel(connection.socket, &cancelled.op), 1));
    cr_expect(eq(int, take_completion(&contract).error, -ECANCELED));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &cancelled.op), -ECANCELED));

    iocp_op_set_timeout(&late.op, 1);
    cr_assert(zero(int, begin_receive(connection.socket, &late)));
    cr_expect(eq(int, take_completion(&contract).error, -ETIMEDOUT));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &late.op), -ETIMEDOUT));

    cr_assert(zero(int, begin_receive(connection.socket, &reset)));
    loopback_reset(connection.peer);
    connection.peer = -1;
    cr_expect(eq(int, take_completion(&contract).error, -ECONNRESET));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &reset.op), -ECONNRESET));

    iocp_socket_free(client);
    close(holder);
    close_connection();
}

/* A thread that ends an operation which has failed. */
struct ender {
    pthread_t thread;
    struct iocp_socket *socket;
    struct iocp_vector_op op;
    ssize_t result;
};

static void *end_receive(void *argument)
{
    struct ender *ender = argument;

    ender->result = iocp_end_receive(ender->socket, &ender->op.op);
    return NULL;
}

/* ER-03 */
EngineTest(error, belongs_to_its_operation_whichever_thread_ends_it)
{
    struct connection other;
    struct ender enders[2] = {0};

    open_connection(*engine);
    contract_connect(&contract, &other);
    enders[0].socket = connection.socket;
    enders[1].socket = other.socket;
    for (size_t i = 0; i < 2; i++)
        cr_assert(zero(int, begin_receive(enders[i].socket, &enders[i].op)));
    loopback_reset(connection.peer);
    connection.peer = -1;
    cr_assert(eq(int, iocp_socket_cancel(other.socket, NULL), 1));
    contract_run(&contract, 2);

    for (size_t i = 0; i < 2; i++)
        cr_assert(zero(int, pthread_create(&enders[i].thread, NULL, end_receive, &enders[i])));
    for (size_t i = 0; i < 2; i++)
        cr_assert(zero(int, pthread_join(enders[i].thread, NULL)));

    cr_expect(eq(long, enders[0].result, -ECONNRESET));
    cr_expect(eq(long, enders[1].result, -ECANCELED));
    contract_disconnect(&other);
    close_connection();
}

/* Arguments of a receive or send that are no good. */
static const struct {
    const char *what;
    bool without_op;
    void *buffer;
    size_t size;
} bad_buffers[] = {
    {.what = "no operation", .without_op = true, .buffer = bytes, .size = sizeof bytes},
    {.what = "no buffer", .size = 1},
    {.what = "a size beyond what end can return", .buffer = bytes, .size = (size_t)SSIZE_MAX + 1},
    {.what = "a size of minus one", .buffer = bytes, .size = SIZE_MAX},
};

/* ER-04 */
EngineTest(error, of_a_bad_buffer_is_reported_at_begin)
{
    open_connection(*engine);

    for (size_t i = 0; i < sizeof bad_buffers / sizeof *bad_buffers; i++) {
        struct iocp_op op = {0};
        struct iocp_op *given = bad_buffers[i].without_op ? NULL : &op;

        cr_expect(eq(int,
                     iocp_begin_receive(connection.socket, given, bad_buffers[i].buffer,
                                        bad_buffers[i].size, iocp_no_callback, NULL),
                     -EINVAL),
                  "receive: %s", bad_buffers[i].what);
        cr_expect(eq(int,
                     iocp_begin_send(connection.socket, given, bad_buffers[i].buffer,
                                     bad_buffers[i].size, iocp_no_callback, NULL),
                     -EINVAL),
                  "send: %s", bad_buffers[i].what);
    }
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

static const struct iovec good_part = {.iov_base = bytes, .iov_len = 1};
static const struct iovec part_without_buffer = {.iov_len = 1};
static const struct iovec parts_too_large[] = {
    {.iov_base = bytes, .iov_len = SSIZE_MAX},
    {.iov_base = bytes, .iov_len = SSIZE_MAX},
};
static const struct iovec parts_that_wrap[] = {
    {.iov_base = bytes, .iov_len = SIZE_MAX},
    {.iov_base = bytes, .iov_len = 2},
};
static struct iovec too_many_parts[IOCP_PARTS_MAX + 1];

/* Arguments of a vectored receive or send that are no good. */
static const struct {
    const char *what;
    bool without_op;
    const struct iovec *parts;
    size_t part_count;
} bad_parts[] = {
    {.what = "no operation", .without_op = true, .parts = &good_part, .part_count = 1},
    {.what = "no parts", .part_count = 1},
    {.what = "none of the parts", .parts = &good_part},
    {.what = "too many parts", .parts = too_many_parts, .part_count = IOCP_PARTS_MAX + 1},
    {.what = "a part without buffer", .parts = &part_without_buffer, .part_count = 1},
    {.what = "parts beyond what end can return", .parts = parts_too_large, .part_count = 2},
    {.what = "sizes that wrap around", .parts = parts_that_wrap, .part_count = 2},
};

/* ER-04 */
EngineTest(error, of_bad_parts_is_reported_at_begin)
{
    open_connection(*engine);
    for (size_t i = 0; i < IOCP_PARTS_MAX + 1; i++)
        too_many_parts[i] = good_part;

    for (size_t i = 0; i < sizeof bad_parts / sizeof *bad_parts; i++) {
        struct iocp_vector_op op = {0};
        struct iocp_vector_op *given = bad_parts[i].without_op ? NULL : &op;

        cr_expect(eq(int,
                     iocp_begin_receive_vector(connection.socket, given, bad_parts[i].parts,
                                               bad_parts[i].part_count, iocp_no_callback, NULL),
                     -EINVAL),
                  "receive: %s", bad_parts[i].what);
        cr_expect(eq(int,
                     iocp_begin_send_vector(connection.socket, given, bad_parts[i].parts,
                                            bad_parts[i].part_count, iocp_no_callback, NULL),
                     -EINVAL),
                  "send: %s", bad_parts[i].what);
    }
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

/* Arguments of a connect that are no good. */
static const struct {
    const char *what;
    bool without_op;
    const struct sockaddr_in *address;
    socklen_t length;
} bad_addresses[] = {
    {.what = "no operation", .without_op = true, .address = &somewhere, .length = sizeof somewhere},
    {.what = "no address", .length = sizeof somewhere},
    {.what = "an empty address", .address = &somewhere},
    {.what = "an address cut short", .address = &somewhere, .length = 4},
};

/* ER-04 */
EngineTest(error, of_a_bad_address_is_reported_at_begin)
{
    struct iocp_op ops[sizeof bad_addresses / sizeof *bad_addresses] = {0};

    contract_open(&contract, *engine, 0);

    for (size_t i = 0; i < sizeof bad_addresses / sizeof *bad_addresses; i++) {
        struct iocp_socket *socket = unconnected_socket(&contract);

        cr_expect(eq(int,
                     iocp_begin_connect(socket, bad_addresses[i].without_op ? NULL : &ops[i],
                                        (const struct sockaddr *)bad_addresses[i].address,
                                        bad_addresses[i].length, iocp_no_callback, NULL),
                     -EINVAL),
                  "%s", bad_addresses[i].what);
        iocp_socket_free(socket);
    }
    cr_expect(contract_is_quiet(&contract));
    contract_close(&contract);
}

/* ER-04 */
EngineTest(error, of_a_missing_accept_operation_is_reported_at_begin)
{
    uint16_t port_number;

    contract_open(&contract, *engine, 0);
    struct iocp_socket *listener = listen_at(&contract, &port_number);

    cr_expect(eq(int, iocp_begin_accept(listener, NULL, iocp_no_callback, NULL), -EINVAL));

    cr_expect(contract_is_quiet(&contract));
    iocp_socket_free(listener);
    contract_close(&contract);
}

/* ER-05 */
EngineTest(error, for_want_of_memory_meets_no_operation)
{
    struct iocp_vector_op receive = {0}, send = {0}, cancelled = {0};

    if (!memory_can_be_made_scarce())
        cr_skip_test("a sanitizer has replaced the allocator");
    open_connection(*engine);

    memory_make_scarce(true);
    int results[] = {
        begin_receive_vector(connection.socket, &receive),
        begin_send_vector(connection.socket, &send),
        begin_receive(connection.socket, &cancelled),
        iocp_socket_cancel(connection.socket, &cancelled.op) - 1,
        loopback_write_all(connection.peer, "x", 1),
    };
    struct iocp_completion completions[3];
    int waited = 0;
    for (size_t i = 0; i < 3 && waited == 0; i++)
        waited = iocp_port_wait(contract.port, &completions[i], PATIENCE_MS);
    memory_make_scarce(false);

    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        cr_expect(zero(int, results[i]), "call %zu", i);
    cr_assert(zero(int, waited));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &receive.op), 1));
    cr_expect(eq(long, iocp_end_send(connection.socket, &send.op), sizeof bytes));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &cancelled.op), -ECANCELED));
    close_connection();
}

/* ER-05 */
EngineTest(error, for_want_of_memory_leaves_port_and_listener_usable)
{
    struct iocp_vector_op op = {0};
    struct iocp_socket *socket = NULL;
    uint16_t port_number;

    if (!memory_can_be_made_scarce())
        cr_skip_test("a sanitizer has replaced the allocator");
    contract_open(&contract, *engine, 0);
    struct iocp_socket *listener = listen_at(&contract, &port_number);
    int clients[2] = {loopback_connect(port_number)};
    cr_assert(zero(int, begin_accept(listener, &op)));
    cr_assert(contract_run_one(&contract) == &op.op);

    memory_make_scarce(true);
    int created = iocp_socket_create(contract.port, AF_INET, 0, &socket);
    int posted = iocp_port_post(contract.port, 0, 0, NULL);
    int ended = iocp_end_accept(listener, &op.op, 0, &socket);
    memory_make_scarce(false);

    cr_expect(eq(int, created, -ENOMEM));
    cr_expect(eq(int, posted, -ENOMEM));
    cr_expect(eq(int, ended, -ENOMEM));
    cr_expect(socket == NULL);
    cr_expect(le(long, loopback_read_all(clients[0], bytes, 1), 0), "its connection is closed");
    clients[1] = loopback_connect(port_number);
    cr_assert(zero(int, begin_accept(listener, &op)));
    cr_assert(contract_run_one(&contract) == &op.op);
    cr_expect(zero(int, iocp_end_accept(listener, &op.op, 0, &socket)));
    iocp_socket_free(socket);
    iocp_socket_free(listener);
    close(clients[0]);
    close(clients[1]);
    contract_close(&contract);
}

/* ER-06 */
EngineTest(error, of_one_connection_does_not_touch_another)
{
    struct connection good;
    struct iocp_vector_op bad_op = {0}, good_op = {0};

    open_connection(*engine);
    contract_connect(&contract, &good);
    cr_assert(zero(int, begin_receive(good.socket, &good_op)));
    cr_assert(zero(int, begin_receive(connection.socket, &bad_op)));
    loopback_reset(connection.peer);
    connection.peer = -1;
    expect_failure(&bad_op, -ECONNRESET);

    cr_assert(zero(int, loopback_write_all(good.peer, "x", 1)));

    cr_expect(contract_run_one(&contract) == &good_op.op);
    cr_expect(eq(long, iocp_end_receive(good.socket, &good_op.op), 1));
    cr_expect(eq(long, contract_send(&contract, good.socket, "y", 1), 1));
    contract_disconnect(&good);
    close_connection();
}
