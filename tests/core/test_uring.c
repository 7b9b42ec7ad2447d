/* test_uring.c - what is the io_uring engine's own: what stands in its ring, and in its buffers. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "one_connection.h"
#include "own.h"
#include "refusal.h"
#include "scenery.h"

/* More than the engine has buffers; more than its ring has room for what has come back. */
#define MORE_THAN_BUFFERS 140
#define MORE_THAN_RETURNS 5000

TestSuite(uring, .timeout = 60);

static void open_ring(void)
{
    size_t engine = 0;

    while (iocp_engine_name(engine) && strcmp(iocp_engine_name(engine), "io_uring") != 0)
        engine++;
    contract_open(&contract, engine, 0);
}

static void open_both(void)
{
    open_ring();
    contract_connect(&contract, &connection);
}

static void begin_receive(struct iocp_socket *socket, struct iocp_op *op, void *buffer, size_t size)
{
    cr_assert(zero(int, iocp_begin_receive(socket, op, buffer, size, iocp_no_callback, NULL)));
}

static void write_text(const struct connection *to, const char *text)
{
    cr_assert(zero(int, loopback_write_all(to->peer, text, strlen(text))));
}

/* Leave a receive in the ring that no operation waits for any more. */
static void leave_receive(const struct connection *of)
{
    struct iocp_op op = {0};
    char buffer[100];

    begin_receive(of->socket, &op, buffer, sizeof buffer);
    cr_assert(contract_is_quiet(&contract));
    cr_assert(eq(int, iocp_socket_cancel(of->socket, &op), 1));
    cr_assert(contract_run_one(&contract) == &op);
}

/* Let bytes come when nobody wants them. */
static void leave_unread(const struct connection *of, const char *text)
{
    leave_receive(of);
    write_text(of, text);
    cr_assert(contract_is_quiet(&contract));
}

static void expect_received(const char *text, size_t size)
{
    char buffer[100] = "";

    cr_expect(
        eq(long, contract_receive(&contract, connection.socket, buffer, size), (long)strlen(text)));
    cr_expect_str_eq(buffer, text);
}

Test(uring, bytes_that_nobody_waited_for_reach_the_next_receives_in_order)
{
    open_both();
    leave_unread(&connection, "abcdefgh");

    expect_received("a", 1);
    expect_received("b", 1);
    expect_received("cde", 3);
    write_text(&connection, "ij");
    expect_received("fg", 2);
    expect_received("h", 1);
    expect_received("i", 1);
    expect_received("j", 99);
    close_connection();
}

Test(uring, bytes_that_nobody_waited_for_are_seen_by_a_receive_of_0_bytes_and_stay)
{
    open_both();
    leave_unread(&connection, "ab");

    expect_received("", 0);
    expect_received("ab", 99);
    close_connection();
}

Test(uring, bytes_that_nobody_waited_for_fill_the_parts_of_a_vector_in_their_order)
{
    struct iocp_vector_op op = {0};
    char first[2], second[9];
    const struct iovec parts[] = {{first, sizeof first}, {NULL, 0}, {second, sizeof second}};

    open_both();
    leave_unread(&connection, "abcde");

    cr_assert(zero(
        int, iocp_begin_receive_vector(connection.socket, &op, parts, 3, iocp_no_callback, NULL)));
    cr_assert(contract_run_one(&contract) == &op.op);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op.op), 5));
    cr_expect(zero(int, memcmp(first, "ab", 2)));
    cr_expect(zero(int, memcmp(second, "cde", 3)));
    close_connection();
}

Test(uring, bytes_that_nobody_waited_for_come_before_the_end_of_the_stream)
{
    open_both();
    leave_unread(&connection, "ab");
    cr_assert(zero(int, shutdown(connection.peer, SHUT_WR)));

    expect_received("a", 1);
    expect_received("b", 99);
    expect_received("", 99);
    close_connection();
}

Test(uring, bytes_that_nobody_waited_for_come_before_the_error_that_ended_the_connection)
{
    char byte;

    open_both();
    leave_unread(&connection, "ab");
    loopback_reset(connection.peer);
    connection.peer = -1;

    expect_received("ab", 99);
    cr_expect(eq(long, contract_receive(&contract, connection.socket, &byte, 1), -ECONNRESET));
    cr_expect(eq(long, contract_receive(&contract, connection.socket, &byte, 1), -ECONNRESET));
    close_connection();
}

Test(uring, bytes_that_nobody_waited_for_make_a_close_a_reset)
{
    char byte;

    open_both();
    leave_unread(&connection, "ab");

    cr_expect(zero(int, iocp_socket_close(connection.socket)));

    cr_expect(eq(long, loopback_read_all(connection.peer, &byte, 1), -ECONNRESET));
    close_connection();
}

Test(uring, an_error_that_nobody_waited_for_is_kept_for_the_next_operations)
{
    char byte;

    open_both();
    leave_receive(&connection);
    loopback_reset(connection.peer);
    connection.peer = -1;
    cr_assert(contract_is_quiet(&contract));

    for (int i = 0; i < 3; i++)
        cr_expect(eq(long, contract_receive(&contract, connection.socket, &byte, 1), -ECONNRESET));
    close_connection();
}

Test(uring, a_smaller_receive_left_in_the_ring_does_not_cut_a_larger_one_short)
{
    struct iocp_op op = {0};
    char byte;

    open_both();
    begin_receive(connection.socket, &op, &byte, 1);
    cr_assert(contract_is_quiet(&contract));
    cr_assert(eq(int, iocp_socket_cancel(connection.socket, &op), 1));
    cr_assert(contract_run_one(&contract) == &op);
    write_text(&connection, "abcd");

    expect_received("abcd", 99);
    close_connection();
}

Test(uring, a_close_is_seen_by_the_peer_though_a_receive_was_left_in_the_ring)
{
    char byte;

    open_both();
    leave_receive(&connection);

    cr_expect(zero(int, iocp_socket_close(connection.socket)));

    cr_expect(zero(long, loopback_read_all(connection.peer, &byte, 1)));
    close_connection();
}

Test(uring, more_sockets_with_bytes_than_there_are_buffers_lose_none)
{
    static struct connection many[MORE_THAN_BUFFERS];
    static struct iocp_op ops[MORE_THAN_BUFFERS];
    static char buffers[MORE_THAN_BUFFERS][8];
    struct iocp_op op = {0};
    char buffer[8];

    open_both();
    for (size_t i = 0; i < MORE_THAN_BUFFERS; i++) {
        contract_connect(&contract, &many[i]);
        begin_receive(many[i].socket, &ops[i], buffers[i], 8);
    }
    cr_assert(contract_is_quiet(&contract));
    iocp_port_cancel_all(contract.port);
    contract_run(&contract, MORE_THAN_BUFFERS);
    for (size_t i = 0; i < MORE_THAN_BUFFERS; i++)
        write_text(&many[i], "left");
    cr_assert(contract_is_quiet(&contract));

    begin_receive(connection.socket, &op, buffer, sizeof buffer);
    cr_assert(contract_is_quiet(&contract));
    write_text(&connection, "abc");
    cr_assert(contract_run_one(&contract) == &op);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 3));
    cr_expect(zero(int, memcmp(buffer, "abc", 3)));
    for (size_t i = 0; i < MORE_THAN_BUFFERS; i++) {
        cr_expect(eq(long, contract_receive(&contract, many[i].socket, buffers[i], 8), 4));
        cr_expect(zero(int, memcmp(buffers[i], "left", 4)));
        contract_disconnect(&many[i]);
    }
    close_connection();
}

/* Many sockets over one connection: all are ready at the same moment. */
Test(uring, more_comes_back_at_once_than_the_ring_has_room_for)
{
    static struct iocp_socket *sockets[MORE_THAN_RETURNS];
    static struct iocp_op ops[MORE_THAN_RETURNS];

    allow_descriptors(MORE_THAN_RETURNS + 100);
    open_both();
    for (size_t i = 0; i < MORE_THAN_RETURNS; i++) {
        int duplicate = dup(connection.descriptor);
        cr_assert(
            zero(int, iocp_socket_adopt(contract.port, duplicate, CONNECTION_KEY, &sockets[i])));
        begin_receive(sockets[i], &ops[i], NULL, 0);
    }
    cr_assert(contract_is_quiet(&contract));

    write_text(&connection, "x");

    contract_run(&contract, MORE_THAN_RETURNS);
    cr_expect(contract_is_quiet(&contract));
    for (size_t i = 0; i < MORE_THAN_RETURNS; i++) {
        cr_expect(zero(long, iocp_end_receive(sockets[i], &ops[i])));
        iocp_socket_free(sockets[i]);
    }
    close_connection();
}

/* Nobody waits meanwhile: what was begun stands in the ring when its socket is closed. */
Test(uring, a_descriptor_used_anew_is_not_named_by_what_was_begun_before)
{
    struct iocp_op before = {0}, after = {0};
    char old_byte = 0, new_byte = 0;

    open_both();
    cr_assert(contract_is_quiet(&contract));
    for (int i = 0; i < 100; i++) {
        struct connection next;

        begin_receive(connection.socket, &before, &old_byte, 1);
        contract_disconnect(&connection);
        contract_connect(&contract, &next);
        begin_receive(next.socket, &after, &new_byte, 1);
        write_text(&next, "n");
        contract_run(&contract, 2);

        cr_assert(eq(long, iocp_end_receive(connection.socket, &before), -ECANCELED));
        cr_assert(eq(long, iocp_end_receive(next.socket, &after), 1));
        cr_assert(eq(chr, new_byte, 'n'));
        connection = next;
    }
    cr_expect(zero(chr, old_byte));
    close_connection();
}

static bool is_readable(int descriptor, int timeout_ms)
{
    struct pollfd ring = {.fd = descriptor, .events = POLLIN};

    return poll(&ring, 1, timeout_ms) == 1;
}

/* For a waiter that sits in several lanes. */
Test(uring, each_wake_is_seen_by_who_watches_the_descriptor_after_a_look)
{
    struct engine *engine = NULL;
    struct op_list done = {0};

    open_ring();
    cr_assert(zero(int, engine_create("io_uring", NULL, &engine)));
    engine->ops->wait(engine, NULL, 0, &done);
    for (int i = 0; i < 3; i++) {
        cr_assert(not(is_readable(engine->ops->descriptor(engine), 0)));
        engine->ops->wake(engine, NULL);
        cr_assert(is_readable(engine->ops->descriptor(engine), PATIENCE_MS));
        engine->ops->wait(engine, NULL, 0, &done);
    }
    engine_free(engine);
    contract_close(&contract);
}

/* A thread that hands a receive to the kernel, and is gone. */
struct waiter_for_a_while {
    struct iocp_op op;
    char byte;
    int begun;
    int waited;
};

static void *begin_and_wait_for_a_while(void *argument)
{
    struct waiter_for_a_while *waiter = argument;
    struct iocp_completion completion;

    waiter->begun = iocp_begin_receive(connection.socket, &waiter->op, &waiter->byte, 1,
                                       iocp_no_callback, NULL);
    waiter->waited = iocp_port_wait(contract.port, &completion, QUIET_MS);
    return NULL;
}

/* CA-07 */
Test(uring, the_end_of_the_thread_that_submitted_a_receive_does_not_cancel_it)
{
    struct waiter_for_a_while waiter = {0};
    pthread_t thread;

    open_both();
    cr_assert(zero(int, pthread_create(&thread, NULL, begin_and_wait_for_a_while, &waiter)));
    cr_assert(zero(int, pthread_join(thread, NULL)));
    cr_assert(zero(int, waiter.begun));
    cr_assert(eq(int, waiter.waited, -ETIMEDOUT));
    cr_expect(contract_is_quiet(&contract));

    write_text(&connection, "x");

    cr_expect(contract_run_one(&contract) == &waiter.op);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &waiter.op), 1));
    close_connection();
}

/* A callback that begins a send, and what it does to it then. */
struct sender {
    struct iocp_op receive;
    char byte;
    struct iocp_op send;
    const void *bytes;
    size_t size;
    void (*then)(struct sender *sender);
    iocp_callback *callback;
    int begun;
    int done; /* what that came to */
};

static void begin_send_and_more(struct iocp_op *op, void *context)
{
    struct sender *sender = context;

    (void)op;
    sender->begun = iocp_begin_send(connection.socket, &sender->send, sender->bytes, sender->size,
                                    sender->callback, NULL);
    sender->then(sender);
}

static void cancel_it(struct sender *sender)
{
    sender->done = iocp_socket_cancel(connection.socket, &sender->send);
}

static void close_it(struct sender *sender)
{
    sender->done = iocp_socket_close(connection.socket);
}

static void shut_it(struct sender *sender)
{
    sender->done = iocp_socket_shutdown(connection.socket, SHUT_WR);
}

static void outlast_its_deadline(struct sender *sender)
{
    const int64_t end_ns = sender->send.deadline_ns + 1000000;

    while (clock_now_ns() < end_ns)
        continue;
}

/* In the callback of a receive that was waited for: what is sent there goes with the next wait. */
static void send_in_callback(struct sender *sender, const void *bytes, size_t size,
                             void (*then)(struct sender *sender))
{
    sender->bytes = bytes;
    sender->size = size;
    sender->then = then;
    cr_assert(zero(int, iocp_begin_receive(connection.socket, &sender->receive, &sender->byte, 1,
                                           begin_send_and_more, sender)));
    write_text(&connection, "!");
    cr_assert(contract_run_one(&contract) == &sender->receive);
    cr_assert(zero(int, sender->begun));
}

/* All of it and success, or nothing and the error. */
static void expect_all_or_nothing(struct sender *sender, int error)
{
    ssize_t result = iocp_end_send(connection.socket, &sender->send);
    char arrived[8] = "";

    cr_assert(result == error || result == (ssize_t)sender->size, "end returned %zd", result);
    cr_expect(eq(sz, iocp_op_count(&sender->send), result < 0 ? 0 : sender->size));
    if (result < 0)
        return;
    cr_expect(eq(long, loopback_read_all(connection.peer, arrived, sender->size), result));
    cr_expect(zero(int, memcmp(arrived, sender->bytes, sender->size)));
}

Test(uring, a_send_cancelled_in_its_callback_comes_back_once_and_whole_or_not_at_all)
{
    struct sender sender = {.callback = iocp_no_callback};

    open_both();
    send_in_callback(&sender, "hello", 5, cancel_it);

    cr_assert(contract_run_one(&contract) == &sender.send);
    expect_all_or_nothing(&sender, -ECANCELED);
    cr_expect(contract_is_quiet(&contract));
    cr_expect(eq(long, contract_send(&contract, connection.socket, "x", 1), 1));
    close_connection();
}

Test(uring, a_send_past_its_deadline_comes_back_once_and_whole_or_not_at_all)
{
    struct sender sender = {.callback = iocp_no_callback};

    open_both();
    iocp_op_set_timeout(&sender.send, 1);
    send_in_callback(&sender, "hello", 5, outlast_its_deadline);

    cr_assert(contract_run_one(&contract) == &sender.send);
    expect_all_or_nothing(&sender, -ETIMEDOUT);
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

Test(uring, a_large_send_cancelled_in_its_callback_tells_what_it_sent)
{
    unsigned char *arrived = stuck_arrivals();
    struct sender sender = {.callback = iocp_no_callback};

    open_both();
    send_in_callback(&sender, stuck_bytes(), STUCK_SIZE, cancel_it);
    cr_assert(contract_run_one(&contract) == &sender.send);
    size_t sent = iocp_op_count(&sender.send);

    cr_expect(eq(long, iocp_end_send(connection.socket, &sender.send), -ECANCELED));
    cr_expect(lt(sz, sent, STUCK_SIZE));
    if (sent > 0)
        cr_expect(eq(long, contract_send(&contract, connection.socket, "x", 1), -EPIPE));
    cr_expect(zero(int, iocp_socket_close(connection.socket)));
    cr_expect(eq(long, loopback_read_all(connection.peer, arrived, STUCK_SIZE), (long)sent));
    close_connection();
}

Test(uring, a_send_and_a_shutdown_in_one_callback_reach_the_peer_in_this_order)
{
    struct sender sender = {.callback = iocp_no_callback};
    char byte;

    open_both();
    send_in_callback(&sender, "hello", 5, shut_it);

    cr_assert(contract_run_one(&contract) == &sender.send);
    expect_all_or_nothing(&sender, 5);
    cr_expect(zero(long, loopback_read_all(connection.peer, &byte, 1)));
    close_connection();
}

Test(uring, a_socket_closed_behind_its_send_ends_in_order_if_all_was_sent)
{
    struct sender sender = {.callback = iocp_no_callback};
    struct connection next;
    char byte;

    open_both();
    send_in_callback(&sender, "hello", 5, close_it);
    cr_expect(eq(long, iocp_begin_send(connection.socket, &(struct iocp_op){0}, "x", 1, NULL, NULL),
                 -EBADF));
    contract_connect(&contract, &next); /* with whatever descriptor is free */

    cr_assert(contract_run_one(&contract) == &sender.send);
    expect_all_or_nothing(&sender, 5);
    cr_expect(zero(long, loopback_read_all(connection.peer, &byte, 1)));
    contract_disconnect(&next);
    close_connection();
}

Test(uring, a_socket_closed_in_the_middle_of_its_send_is_a_reset_for_the_peer)
{
    unsigned char *arrived = stuck_arrivals();
    struct sender sender = {.callback = iocp_no_callback};

    open_both();
    send_in_callback(&sender, stuck_bytes(), STUCK_SIZE, close_it);

    cr_assert(contract_run_one(&contract) == &sender.send);
    cr_expect(eq(long, iocp_end_send(connection.socket, &sender.send), -ECANCELED));
    cr_expect(eq(long, loopback_read_all(connection.peer, arrived, STUCK_SIZE), -ECONNRESET));
    cr_expect(contract_is_quiet(&contract));
    close_connection();
}

/* Nobody will sit in the engine any more. */
Test(uring, a_send_that_the_port_did_not_outlive_has_a_result_and_no_descriptor_stays)
{
    struct sender sender = {0};

    open_ring();
    contract_connect(&contract, &connection);
    size_t before = open_descriptor_count();
    send_in_callback(&sender, "hello", 5, close_it);

    iocp_port_free(contract.port);

    cr_assert(iocp_op_completed(&sender.send));
    expect_all_or_nothing(&sender, -ECANCELED);
    cr_expect(lt(sz, open_descriptor_count(), before));
    contract_disconnect(&connection);
}

Test(uring, refused_by_the_kernel_is_passed_over_and_the_reason_told)
{
    struct engine *engine = NULL;

    refuse_io_uring(EPERM);

    cr_expect(eq(int, engine_create("io_uring", NULL, &engine), -ENOTSUP));
    cr_assert(zero(int, engine_create("auto", NULL, &engine)));
    cr_expect_str_eq(engine->ops->name, "epoll");
    cr_expect_str_eq(engine_passed_over(engine),
                     "io_uring is refused by the kernel: Operation not permitted");
    engine_free(engine);
}

Test(uring, that_works_passes_nothing_over)
{
    struct engine *engine = NULL;

    open_ring();

    cr_assert(zero(int, engine_create("auto", NULL, &engine)));
    cr_expect_str_eq(engine->ops->name, "io_uring");
    cr_expect(engine_passed_over(engine) == NULL);
    engine_free(engine);
    contract_close(&contract);
}
