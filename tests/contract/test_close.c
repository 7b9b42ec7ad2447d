/* test_close.c - closing a socket at any moment: every operation completes once, nothing later. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "one_connection.h"
#include "scenery.h"

TestSuite(close, .timeout = 60);

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ROUNDS 300
#else
#define ROUNDS 3000
#endif

static void begin_receive(struct iocp_socket *socket, struct iocp_op *op, char *byte)
{
    cr_assert(zero(int, iocp_begin_receive(socket, op, byte, 1, iocp_no_callback, NULL)));
}

/* Take `count` completions, which are all to be cancelled operations; then there is no more. */
static void expect_cancelled(size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_expect(eq(int, take_completion(&contract).error, -ECANCELED), "completion %zu", i);
    cr_expect(contract_is_quiet(&contract));
}

#define RECEIVES_MAX 64

/* CX-01 */
EngineTest(close, cancels_each_receive_in_flight_once)
{
    static const size_t counts[] = {1, 2, 7, RECEIVES_MAX};

    contract_open(&contract, *engine, 0);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct iocp_op ops[RECEIVES_MAX] = {0};
        char bytes[RECEIVES_MAX];

        contract_connect(&contract, &connection);
        for (size_t k = 0; k < counts[i]; k++)
            begin_receive(connection.socket, &ops[k], &bytes[k]);
        cr_expect(zero(int, iocp_socket_close(connection.socket)));

        expect_cancelled(counts[i]);
        for (size_t k = 0; k < counts[i]; k++)
            cr_expect(eq(long, iocp_end_receive(connection.socket, &ops[k]), -ECANCELED));
        contract_disconnect(&connection);
    }
    contract_close(&contract);
}

/* CX-01 */
EngineTest(close, cancels_operations_of_every_kind)
{
    struct iocp_op receives[2] = {0}, sends[2] = {0}, accepts[2] = {0}, connect = {0};
    char bytes[2];
    int full[2];
    uint16_t port_number;

    open_connection(*engine);
    struct iocp_socket *listener = listen_at(&contract, &port_number);
    struct iocp_socket *client = unconnected_socket(&contract);
    fill_listener(full);
    begin_connect_to(client, &connect, loopback_port(full[0]));
    begin_stuck_send(&contract, &connection, &sends[0], stuck_bytes());
    cr_assert(
        zero(int, iocp_begin_send(connection.socket, &sends[1], "x", 1, iocp_no_callback, NULL)));
    for (size_t i = 0; i < 2; i++) {
        begin_receive(connection.socket, &receives[i], &bytes[i]);
        cr_assert(zero(int, iocp_begin_accept(listener, &accepts[i], iocp_no_callback, NULL)));
    }
    cr_assert(contract_is_quiet(&contract));

    cr_expect(zero(int, iocp_socket_close(client)));
    cr_expect(zero(int, iocp_socket_close(listener)));
    cr_expect(zero(int, iocp_socket_close(connection.socket)));

    expect_cancelled(7);
    iocp_socket_free(client);
    iocp_socket_free(listener);
    close(full[0]);
    close(full[1]);
    close_connection();
}

/* CX-02 */
EngineTest(close, with_nothing_in_flight_posts_nothing)
{
    open_connection(*engine);

    cr_expect(zero(int, iocp_socket_close(connection.socket)));

    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

/* CX-03 */
EngineTest(close, makes_every_later_call_fail_and_post_nothing)
{
    struct iocp_vector_op op = {0};
    char bytes[4];
    const struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1)};
    struct sockaddr_storage own;

    open_connection(*engine);
    struct iocp_socket *closed = connection.socket;
    cr_assert(zero(int, iocp_socket_close(closed)));

    cr_expect(
        eq(int, iocp_begin_receive(closed, &op.op, bytes, 4, iocp_no_callback, NULL), -EBADF));
    cr_expect(eq(int, iocp_begin_send(closed, &op.op, bytes, 4, iocp_no_callback, NULL), -EBADF));
    cr_expect(
        eq(int, iocp_begin_receive_vector(closed, &op, &part, 1, iocp_no_callback, NULL), -EBADF));
    cr_expect(
        eq(int, iocp_begin_send_vector(closed, &op, &part, 1, iocp_no_callback, NULL), -EBADF));
    cr_expect(eq(int, iocp_begin_accept(closed, &op.op, iocp_no_callback, NULL), -EBADF));
    cr_expect(eq(int,
                 iocp_begin_connect(closed, &op.op, (const struct sockaddr *)&address,
                                    sizeof address, iocp_no_callback, NULL),
                 -EBADF));
    cr_expect(eq(int, iocp_socket_cancel(closed, NULL), -EBADF));
    cr_expect(eq(int, iocp_socket_shutdown(closed, SHUT_RDWR), -EBADF));
    cr_expect(eq(int, iocp_socket_listen(closed, 1), -EBADF));
    cr_expect(eq(int, iocp_socket_local_address(closed, &own), -EBADF));
    cr_expect(eq(int, iocp_socket_remote_address(closed, &own), -EBADF));

    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

/* CX-04 */
EngineTest(close, again_says_so_and_leaves_a_reused_descriptor_alone)
{
    open_connection(*engine);
    cr_assert(zero(int, iocp_socket_close(connection.socket)));
    int stranger = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, connection.descriptor);

    cr_expect(eq(int, stranger, connection.descriptor), "the number is free at once");
    cr_expect(eq(int, iocp_socket_close(connection.socket), -EBADF));
    cr_expect(eq(int, iocp_socket_abort(connection.socket), -EBADF));
    cr_expect(ge(int, fcntl(stranger, F_GETFD), 0));

    close_connection();
    cr_expect(ge(int, fcntl(stranger, F_GETFD), 0));
    close(stranger);
}

/* The buffer of a receive, freed by the callback of that receive. */
struct parcel {
    struct iocp_op op;
    char *buffer;
    struct iocp_event *gone;
};

static void free_buffer(struct iocp_op *op, void *context)
{
    struct parcel *parcel = context;

    (void)op;
    free(parcel->buffer);
    iocp_event_set(parcel->gone);
}

/* CX-05: the address sanitizer is the judge. */
EngineTest(close, leaves_buffers_alone_once_their_callbacks_run)
{
    static struct iocp_event gone;

    contract_open(&contract, *engine, 2);
    iocp_event_init(&gone, IOCP_AUTO_RESET, false);
    for (int i = 0; i < 100; i++) {
        struct parcel parcel = {.buffer = malloc(4096), .gone = &gone};

        contract_connect(&contract, &connection);
        cr_assert(zero(int, iocp_begin_receive(connection.socket, &parcel.op, parcel.buffer, 4096,
                                               free_buffer, &parcel)));
        cr_assert(zero(int, loopback_write_all(connection.peer, stuck_bytes(), 16)));
        cr_assert(zero(int, iocp_socket_close(connection.socket)));
        for (int k = 0; k < 4; k++) /* it may have been reset already */
            (void)loopback_write_all(connection.peer, stuck_bytes(), 4096);

        cr_assert(zero(int, iocp_event_wait(&gone, PATIENCE_MS)));
        contract_disconnect(&connection);
    }
    contract_close(&contract);
}

/* CX-05 */
EngineTest(close, after_a_completion_later_data_leave_the_buffer_as_it_is)
{
    struct iocp_op op = {0};
    char buffer[8] = "", rest[8] = "";

    open_connection(*engine);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, &op, buffer, 8, iocp_no_callback, NULL)));
    cr_assert(eq(int, iocp_socket_cancel(connection.socket, &op), 1));
    cr_assert(contract_run_one(&contract) == &op);

    cr_assert(zero(int, loopback_write_all(connection.peer, "late", 4)));
    cr_expect(eq(long, contract_receive(&contract, connection.socket, rest, 8), 4));

    cr_expect(zero(int, memcmp(buffer, (char[8]){0}, 8)));
    cr_expect(zero(int, memcmp(rest, "late", 4)));
    close_connection();
}

/* Close a socket while its byte arrives, and give its descriptor's number to the next one. */
static void replace_connection(uint8_t round)
{
    struct iocp_op old_op = {0}, new_op = {0};
    uint8_t old_byte = 0, new_byte = 0;
    const uint8_t late = (uint8_t)~round;
    struct connection next;

    begin_receive(connection.socket, &old_op, (char *)&old_byte);
    cr_assert(zero(int, loopback_write_all(connection.peer, &late, 1)));
    contract_disconnect(&connection);
    contract_connect(&contract, &next);
    begin_receive(next.socket, &new_op, (char *)&new_byte);

    cr_assert(contract_run_one(&contract) == &old_op);
    cr_assert(not(iocp_op_completed(&new_op)));
    cr_assert(zero(int, loopback_write_all(next.peer, &round, 1)));
    cr_assert(contract_run_one(&contract) == &new_op);
    cr_assert(eq(long, iocp_end_receive(next.socket, &new_op), 1));
    cr_assert(eq(u8, new_byte, round));
    connection = next;
}

/* CX-06 */
EngineTest(close, gives_no_old_completion_to_a_new_socket_with_the_same_descriptor)
{
    open_connection(*engine);

    for (int i = 0; i < ROUNDS; i++)
        replace_connection((uint8_t)i);

    close_connection();
}

/* A thread inside an end. */
struct ender {
    pthread_t thread;
    struct iocp_op op;
    char byte;
    ssize_t result;
};

static void *end_receive(void *argument)
{
    struct ender *ender = argument;

    ender->result = iocp_end_receive(connection.socket, &ender->op);
    return NULL;
}

/* CX-07 */
EngineTest(close, wakes_a_thread_that_waits_in_an_end)
{
    struct ender ender = {0};

    open_connection(*engine);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, &ender.op, &ender.byte, 1, NULL, NULL)));
    cr_assert(zero(int, pthread_create(&ender.thread, NULL, end_receive, &ender)));
    cr_expect(contract_is_quiet(&contract)); /* time for it to get there */

    cr_expect(zero(int, iocp_socket_close(connection.socket)));
    cr_assert(zero(int, pthread_join(ender.thread, NULL)));

    cr_expect(eq(long, ender.result, -ECANCELED));
    close_connection();
}

static void close_socket(struct iocp_op *op, void *context)
{
    struct iocp_socket *socket = context;

    cr_assert(eq(long, iocp_end_receive(socket, op), 1));
    cr_assert(zero(int, iocp_socket_close(socket)));
}

/* CX-08 */
EngineTest(close, may_be_called_by_the_sockets_own_callback)
{
    struct iocp_op receives[2] = {0}, send = {0};
    char bytes[2];

    open_connection(*engine);
    begin_stuck_send(&contract, &connection, &send, stuck_bytes());
    cr_assert(zero(int, iocp_begin_receive(connection.socket, &receives[0], &bytes[0], 1,
                                           close_socket, connection.socket)));
    begin_receive(connection.socket, &receives[1], &bytes[1]);
    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));

    cr_expect(contract_run_one(&contract) == &receives[0]);
    expect_cancelled(2);
    cr_expect(eq(long, iocp_end_send(connection.socket, &send), -ECANCELED));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &receives[1]), -ECANCELED));
    close_connection();
}

static int64_t thread_time_ns(void)
{
    struct timespec spent;

    cr_assert(zero(int, clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent)));
    return (int64_t)spent.tv_sec * 1000000000 + spent.tv_nsec;
}

/* CX-09 */
EngineTest(close, leaves_nothing_watched_though_the_descriptor_was_duplicated)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    int duplicate = dup(connection.descriptor);
    begin_receive(connection.socket, &op, &byte);
    cr_assert(contract_is_quiet(&contract));
    cr_assert(zero(int, iocp_socket_close(connection.socket)));
    expect_cancelled(1);

    (void)loopback_write_all(connection.peer, stuck_bytes(), 4096); /* to whom it may concern */
    int64_t before_ns = thread_time_ns();
    cr_expect(contract_is_quiet(&contract));

    cr_expect(lt(long, thread_time_ns() - before_ns, QUIET_MS * 1000000L / 2), "it spins");
    close(duplicate);
    close_connection();
}

/* CX-10 */
EngineTest(close, with_all_input_received_is_an_orderly_end_for_the_peer)
{
    char byte;

    open_connection(*engine);
    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));
    cr_assert(eq(long, contract_receive(&contract, connection.socket, &byte, 1), 1));
    cr_assert(eq(long, contract_send(&contract, connection.socket, "bye", 3), 3));

    cr_expect(zero(int, iocp_socket_close(connection.socket)));

    char farewell[4];
    cr_expect(eq(long, loopback_read_all(connection.peer, farewell, 4), 3));
    cr_expect(eq(long, loopback_read_all(connection.peer, farewell, 1), 0));
    close_connection();
}

/* The decision on what the peer sees if something was in flight. */
EngineTest(close, with_a_receive_in_flight_is_a_reset_for_the_peer)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    begin_receive(connection.socket, &op, &byte);

    cr_expect(zero(int, iocp_socket_close(connection.socket)));

    cr_expect(eq(long, loopback_read_all(connection.peer, &byte, 1), -ECONNRESET));
    expect_cancelled(1);
    close_connection();
}

/* CX-11 */
EngineTest(close, by_abort_is_a_reset_for_the_peer)
{
    char byte;

    open_connection(*engine);

    cr_expect(zero(int, iocp_socket_abort(connection.socket)));

    cr_expect(eq(long, loopback_read_all(connection.peer, &byte, 1), -ECONNRESET));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

/* CX-11 */
EngineTest(close, by_abort_cancels_what_is_in_flight)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    begin_receive(connection.socket, &op, &byte);

    cr_expect(zero(int, iocp_socket_abort(connection.socket)));

    expect_cancelled(1);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ECANCELED));
    close_connection();
}

#define BEGINS 8

/* A close that runs against begins. */
struct closer {
    pthread_t thread;
    struct iocp_event start; /* auto-reset */
    struct iocp_event done;  /* auto-reset; set by the last of begun callbacks */
    atomic_int outstanding;  /* callbacks, and the test while it begins */
    bool stop;
};

static void count_down(struct iocp_op *op, void *context)
{
    struct closer *closer = context;

    (void)op;
    if (atomic_fetch_sub(&closer->outstanding, 1) == 1)
        iocp_event_set(&closer->done);
}

static void *close_when_told(void *argument)
{
    struct closer *closer = argument;

    while (iocp_event_wait(&closer->start, IOCP_INFINITE) == 0 && !closer->stop) {
        (void)iocp_socket_close(connection.socket);
        count_down(NULL, closer);
    }
    return NULL;
}

/* Begin until the close is noticed; returns how many were begun. */
static size_t begin_against_close(struct closer *closer, struct iocp_op ops[], char bytes[])
{
    size_t begun = 0;
    int result = 0;

    atomic_store(&closer->outstanding, 2); /* the closer and this function */
    iocp_event_set(&closer->start);
    while (begun < BEGINS && result == 0) {
        atomic_fetch_add(&closer->outstanding, 1);
        result = iocp_begin_receive(connection.socket, &ops[begun], &bytes[begun], 1, count_down,
                                    closer);
        if (result == 0)
            begun++;
        else
            count_down(NULL, closer);
    }
    count_down(NULL, closer);
    cr_assert(result == 0 || result == -EBADF, "begin returned %d", result);
    return begun;
}

/* CX-12 */
EngineTest(close, against_a_begin_either_refuses_or_cancels_it)
{
    static struct closer closer;

    contract_open(&contract, *engine, 2);
    iocp_event_init(&closer.start, IOCP_AUTO_RESET, false);
    iocp_event_init(&closer.done, IOCP_AUTO_RESET, false);
    cr_assert(zero(int, pthread_create(&closer.thread, NULL, close_when_told, &closer)));

    for (int i = 0; i < ROUNDS / 2; i++) {
        struct iocp_op ops[BEGINS] = {0};
        char bytes[BEGINS];

        contract_connect(&contract, &connection);
        size_t begun = begin_against_close(&closer, ops, bytes);
        cr_assert(zero(int, iocp_event_wait(&closer.done, PATIENCE_MS)));
        for (size_t k = 0; k < begun; k++)
            cr_assert(eq(long, iocp_end_receive(connection.socket, &ops[k]), -ECANCELED));
        loopback_reset(connection.peer); /* leaves no connection in TIME_WAIT */
        connection.peer = -1;
        contract_disconnect(&connection);
    }

    closer.stop = true;
    iocp_event_set(&closer.start);
    cr_assert(zero(int, pthread_join(closer.thread, NULL)));
    contract_close(&contract);
}
