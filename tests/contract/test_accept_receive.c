/* test_accept_receive.c - accepting together with the client's first bytes. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "own.h"
#include "scarcity.h"
#include "scenery.h"

TestSuite(accept_receive, .timeout = 60);

#define ACCEPTED_KEY 77
#define SHORT_MS     30

static struct contract contract;
static struct iocp_socket *listener;
static uint16_t port_number;
static size_t descriptors_before;

static void open_listener(size_t engine)
{
    descriptors_before = open_descriptor_count();
    contract_open(&contract, engine, 0);
    listener = listen_at(&contract, &port_number);
}

/* The clients are closed before. */
static void close_listener(void)
{
    iocp_socket_free(listener);
    contract_close(&contract);
    cr_expect(eq(sz, open_descriptor_count(), descriptors_before), "descriptors have leaked");
}

/* An accept and where its first bytes go. */
struct arrival {
    struct iocp_op op;
    char bytes[8];
    int client;
};

static void begin(struct arrival *arrival, size_t size)
{
    cr_assert(zero(int, iocp_begin_accept_receive(listener, &arrival->op, arrival->bytes, size,
                                                  iocp_no_callback, arrival)));
}

/* Let a client connect and be accepted, so that the accept waits for its first bytes. */
static void connect_silently(struct arrival *arrival)
{
    arrival->client = loopback_connect(port_number);
    do
        cr_assert(contract_is_quiet(&contract));
    while (descriptor_towards(loopback_port(arrival->client)) < 0);
    cr_assert(not(iocp_op_completed(&arrival->op)));
}

static void begin_and_connect(struct arrival *arrival)
{
    begin(arrival, sizeof arrival->bytes);
    connect_silently(arrival);
}

static void write_text(int client, const char *text)
{
    cr_assert(zero(int, loopback_write_all(client, text, strlen(text))));
}

/* Take the completion of the accept, which has succeeded with that text. */
static struct iocp_socket *expect_text(struct arrival *arrival, const char *text)
{
    struct iocp_completion completion = take_completion(&contract);
    struct iocp_socket *accepted = NULL;

    cr_assert(completion.op == &arrival->op);
    cr_expect(eq(sz, completion.key, CONNECTION_KEY), "it is the listener's key");
    cr_expect(zero(int, completion.error));
    cr_expect(eq(sz, completion.count, strlen(text)));
    cr_expect(eq(sz, iocp_op_count(&arrival->op), strlen(text)));
    cr_expect(zero(int, memcmp(arrival->bytes, text, strlen(text))));
    cr_assert(zero(int, iocp_end_accept(listener, &arrival->op, ACCEPTED_KEY, &accepted)));
    return accepted;
}

/* Does the client see the end of its connection, without a byte? */
static bool is_cut_off(int client)
{
    char byte;
    ssize_t got = loopback_read_all(client, &byte, 1);

    return got == 0 || got == -ECONNRESET;
}

/* The accept has failed, and is ended; if it had a client, that is cut off. */
static void expect_ended(struct arrival *arrival, int error)
{
    struct iocp_socket *accepted = NULL;

    cr_expect(eq(int, iocp_end_accept(listener, &arrival->op, 0, &accepted), error));
    cr_expect(eq(int, iocp_end_accept(listener, &arrival->op, 0, &accepted), -EALREADY));
    cr_expect(accepted == NULL, "the output is untouched on failure");
    cr_expect(zero(sz, iocp_op_count(&arrival->op)));
    if (arrival->client > 0) {
        cr_expect(is_cut_off(arrival->client));
        close(arrival->client);
    }
}

/* Take `count` completions, which are all failures, and end those accepts. */
static void expect_failures(size_t count, int error)
{
    for (size_t i = 0; i < count; i++) {
        struct iocp_completion completion = take_completion(&contract);

        cr_expect(eq(int, completion.error, error));
        cr_expect(eq(sz, completion.key, CONNECTION_KEY));
        cr_expect(zero(sz, completion.count));
        expect_ended(iocp_op_context(completion.op), error);
    }
    cr_expect(contract_is_quiet(&contract));
}

/* The listener is as good as ever. */
static void expect_a_client_is_served(void)
{
    struct arrival arrival = {0};

    begin_and_connect(&arrival);
    write_text(arrival.client, "next");
    iocp_socket_free(expect_text(&arrival, "next"));
    close(arrival.client);
}

/* AC-06 */
EngineTest(accept_receive, completes_with_the_first_bytes_and_not_before)
{
    struct arrival arrival = {0};

    open_listener(*engine);
    begin(&arrival, 2);
    connect_silently(&arrival);
    cr_expect(contract_is_quiet(&contract));

    write_text(arrival.client, "x");

    iocp_socket_free(expect_text(&arrival, "x"));
    cr_expect(contract_is_quiet(&contract));
    close(arrival.client);
    close_listener();
}

/* AC-06 */
EngineTest(accept_receive, begun_after_the_first_bytes_came_completes_with_what_fits)
{
    struct arrival arrival = {0};
    struct iocp_op op = {0};
    char rest[8] = "";

    open_listener(*engine);
    arrival.client = loopback_connect(port_number);
    write_text(arrival.client, "abcde");
    begin(&arrival, 3);
    struct iocp_socket *accepted = expect_text(&arrival, "abc");

    cr_assert(
        zero(int, iocp_begin_receive(accepted, &op, rest, sizeof rest, iocp_no_callback, NULL)));
    struct iocp_completion completion = take_completion(&contract);
    cr_expect(eq(sz, completion.key, ACCEPTED_KEY));
    cr_expect(eq(long, iocp_end_receive(accepted, &op), 2));
    cr_expect(zero(int, memcmp(rest, "de", 2)));
    cr_expect(eq(long, contract_send(&contract, accepted, "reply", 5), 5));
    cr_expect(eq(long, loopback_read_all(arrival.client, rest, 5), 5));
    cr_expect(zero(int, memcmp(rest, "reply", 5)));
    iocp_socket_free(accepted);
    close(arrival.client);
    close_listener();
}

/* AC-07 */
EngineTest(accept_receive, of_a_client_that_ends_silently_succeeds_without_a_byte)
{
    struct arrival arrival = {0};
    char byte;

    open_listener(*engine);
    begin_and_connect(&arrival);

    close(arrival.client);

    struct iocp_socket *accepted = expect_text(&arrival, "");
    cr_expect(zero(long, contract_receive(&contract, accepted, &byte, 1)));
    iocp_socket_free(accepted);
    close_listener();
}

EngineTest(accept_receive, of_a_client_that_resets_succeeds_and_the_first_receive_says_so)
{
    struct arrival arrival = {0};
    char byte;

    open_listener(*engine);
    begin_and_connect(&arrival);

    loopback_reset(arrival.client);

    struct iocp_socket *accepted = expect_text(&arrival, "");
    cr_expect(eq(long, contract_receive(&contract, accepted, &byte, 1), -ECONNRESET));
    iocp_socket_free(accepted);
    expect_a_client_is_served();
    close_listener();
}

/* AC-09 */
EngineTest(accept_receive, is_not_held_up_by_a_silent_client_of_another)
{
    struct arrival silent = {0}, late = {0}, early = {0};

    open_listener(*engine);
    begin(&silent, sizeof silent.bytes);
    begin(&early, sizeof early.bytes);
    connect_silently(&silent);
    early.client = loopback_connect(port_number);
    write_text(early.client, "early");
    iocp_socket_free(expect_text(&early, "early"));

    begin_and_connect(&late);
    write_text(late.client, "late");
    iocp_socket_free(expect_text(&late, "late"));

    cr_expect(not(iocp_op_completed(&silent.op)));
    write_text(silent.client, "at last");
    iocp_socket_free(expect_text(&silent, "at last"));
    cr_expect(eq(u64, iocp_op_sequence(&silent.op), 0));
    cr_expect(eq(u64, iocp_op_sequence(&late.op), 2));
    close(silent.client);
    close(early.client);
    close(late.client);
    close_listener();
}

EngineTest(accept_receive, of_no_bytes_is_a_plain_accept)
{
    struct arrival arrival = {0};

    open_listener(*engine);
    begin(&arrival, 0);
    arrival.client = loopback_connect(port_number);

    iocp_socket_free(expect_text(&arrival, ""));
    close(arrival.client);
    close_listener();
}

EngineTest(accept_receive, without_a_buffer_is_refused_at_begin)
{
    struct arrival arrival = {0};

    open_listener(*engine);

    cr_expect(eq(int,
                 iocp_begin_accept_receive(listener, &arrival.op, NULL, 1, iocp_no_callback, NULL),
                 -EINVAL));
    cr_expect(
        eq(int, iocp_begin_accept_receive(listener, NULL, arrival.bytes, 1, iocp_no_callback, NULL),
           -EINVAL));
    cr_expect(eq(int,
                 iocp_begin_accept_receive(listener, &arrival.op, arrival.bytes, SIZE_MAX,
                                           iocp_no_callback, NULL),
                 -EINVAL));

    cr_expect(contract_is_quiet(&contract));
    close_listener();
}

EngineTest(accept_receive, that_is_done_inside_begin_may_post_nothing)
{
    struct arrival arrival = {0};
    struct iocp_socket *accepted = NULL;

    open_listener(*engine);
    iocp_socket_skip_on_success(listener);
    arrival.client = loopback_connect(port_number);
    write_text(arrival.client, "here");
    int begun = iocp_begin_accept_receive(listener, &arrival.op, arrival.bytes,
                                          sizeof arrival.bytes, iocp_no_callback, NULL);
    cr_assert(begun == 0 || begun == 1, "begin returned %d", begun);
    cr_expect(eq(int, iocp_op_completed_synchronously(&arrival.op), begun));
    if (begun == 0)
        contract_run(&contract, 1);

    cr_expect(zero(int, iocp_end_accept(listener, &arrival.op, 0, &accepted)));
    cr_expect(zero(int, memcmp(arrival.bytes, "here", 4)));
    cr_expect(contract_is_quiet(&contract));
    iocp_socket_free(accepted);
    close(arrival.client);
    close_listener();
}

EngineTest(accept_receive, can_be_cancelled_while_it_waits_for_data)
{
    struct arrival first = {0}, second = {0};

    open_listener(*engine);
    begin_and_connect(&first);
    begin_and_connect(&second);

    cr_expect(eq(int, iocp_socket_cancel(listener, &second.op), 1));
    expect_failures(1, -ECANCELED);
    cr_expect(eq(int, iocp_socket_cancel(listener, &second.op), -ENOENT));

    write_text(first.client, "first");
    iocp_socket_free(expect_text(&first, "first"));
    close(first.client);
    expect_a_client_is_served();
    close_listener();
}

/* Three accepts: two wait for the data of their clients, the third for a client. */
static void begin_in_both_stages(struct arrival arrivals[3])
{
    begin_and_connect(&arrivals[0]);
    begin_and_connect(&arrivals[1]);
    begin(&arrivals[2], sizeof arrivals[2].bytes);
}

EngineTest(accept_receive, is_cancelled_in_both_stages_by_a_cancel_of_all)
{
    struct arrival arrivals[3] = {0};

    open_listener(*engine);
    begin_in_both_stages(arrivals);

    cr_expect(eq(int, iocp_socket_cancel(listener, NULL), 3));

    expect_failures(3, -ECANCELED);
    cr_expect(eq(int, iocp_socket_cancel(listener, NULL), -ENOENT));
    expect_a_client_is_served();
    close_listener();
}

EngineTest(accept_receive, is_cancelled_in_both_stages_by_closing_the_listener)
{
    struct arrival arrivals[3] = {0};

    open_listener(*engine);
    begin_in_both_stages(arrivals);

    cr_expect(zero(int, iocp_socket_close(listener)));

    expect_failures(3, -ECANCELED);
    close_listener();
}

EngineTest(accept_receive, of_another_listener_is_left_alone)
{
    struct arrival mine = {0}, others = {0};
    uint16_t number, other_number;

    open_listener(*engine);
    number = port_number;
    struct iocp_socket *other = listen_at(&contract, &other_number);
    begin_and_connect(&mine);
    port_number = other_number;
    cr_assert(zero(int, iocp_begin_accept_receive(other, &others.op, others.bytes, 1,
                                                  iocp_no_callback, &others)));
    connect_silently(&others);

    cr_expect(eq(int, iocp_socket_cancel(other, &mine.op), -ENOENT));
    cr_expect(eq(int, iocp_socket_cancel(other, NULL), 1));
    cr_expect(take_completion(&contract).op == &others.op);
    cr_expect(contract_is_quiet(&contract));
    iocp_socket_free(other);

    port_number = number;
    write_text(mine.client, "mine");
    iocp_socket_free(expect_text(&mine, "mine"));
    close(mine.client);
    close(others.client);
    close_listener();
}

static void expect_cancelled_by(void (*cancel)(struct iocp_port *port))
{
    struct arrival arrivals[3] = {0};

    begin_in_both_stages(arrivals);
    cancel(contract.port);
    expect_failures(3, -ECANCELED);
}

EngineTest(accept_receive, is_cancelled_in_both_stages_by_a_cancel_at_the_port)
{
    open_listener(*engine);

    expect_cancelled_by(iocp_port_cancel_all);
    expect_cancelled_by(iocp_port_cancel_receives);

    expect_a_client_is_served();
    close_listener();
}

EngineTest(accept_receive, is_over_in_both_stages_when_the_port_is_closed)
{
    struct arrival arrivals[3] = {0};

    open_listener(*engine);
    begin_in_both_stages(arrivals);

    cr_expect(zero(sz, iocp_port_close(contract.port)));

    for (size_t i = 0; i < 3; i++) {
        cr_assert(iocp_op_completed(&arrivals[i].op));
        expect_ended(&arrivals[i], -ECANCELED);
    }
    close_listener();
}

EngineTest(accept_receive, that_nobody_has_ended_survives_listener_and_port)
{
    struct arrival served = {0}, silent = {0};
    struct iocp_socket *accepted = NULL;

    open_listener(*engine);
    begin_and_connect(&silent);
    begin_and_connect(&served);
    write_text(served.client, "served");
    cr_assert(take_completion(&contract).op == &served.op);
    iocp_socket_free(listener);
    contract_close(&contract);

    expect_ended(&silent, -ECANCELED);
    cr_expect(zero(int, iocp_end_accept(listener, &served.op, 0, &accepted)));
    iocp_socket_free(accepted);
    cr_expect(is_cut_off(served.client));
    close(served.client);
    cr_expect(eq(sz, open_descriptor_count(), descriptors_before), "descriptors have leaked");
}

EngineTest(accept_receive, is_ended_by_its_deadline_in_both_stages)
{
    struct arrival arrivals[2] = {0};

    open_listener(*engine);
    const int64_t due_ns = deadline_after_ms(4 * QUIET_MS);
    for (size_t i = 0; i < 2; i++) {
        iocp_op_set_timeout(&arrivals[i].op, 4 * QUIET_MS);
        begin(&arrivals[i], 1);
    }
    arrivals[0].client = loopback_connect(port_number);

    expect_failures(2, -ETIMEDOUT);
    cr_expect(ge(long, clock_now_ns() - due_ns, 0));
    expect_a_client_is_served();
    close_listener();
}

EngineTest(accept_receive, leaves_its_deadline_behind_when_it_has_completed)
{
    struct arrival arrival = {0};
    struct iocp_op op = {0};
    char byte;

    open_listener(*engine);
    iocp_op_set_timeout(&arrival.op, 4 * QUIET_MS);
    int64_t due_ns = deadline_after_ms(4 * QUIET_MS);
    begin(&arrival, sizeof arrival.bytes);
    arrival.client = loopback_connect(port_number);
    write_text(arrival.client, "soon");
    struct iocp_socket *accepted = expect_text(&arrival, "soon");
    cr_assert(zero(int, iocp_begin_receive(accepted, &op, &byte, 1, iocp_no_callback, NULL)));
    do
        cr_expect(contract_is_quiet(&contract));
    while (clock_now_ns() < due_ns);

    iocp_op_set_timeout(&arrival.op, SHORT_MS);
    cr_assert(
        zero(int, iocp_begin_receive(accepted, &arrival.op, &byte, 1, iocp_no_callback, NULL)));
    cr_expect(take_completion(&contract).op == &arrival.op, "the socket's deadlines are met");
    cr_expect(eq(long, iocp_end_receive(accepted, &arrival.op), -ETIMEDOUT));
    iocp_socket_free(accepted);
    cr_expect(take_completion(&contract).op == &op);
    close(arrival.client);
    close_listener();
}

EngineTest(accept_receive, for_want_of_memory_fails_alone)
{
    struct arrival arrival = {0};
    struct iocp_completion completion;

    if (!memory_can_be_made_scarce())
        cr_skip_test("a sanitizer has replaced the allocator");
    open_listener(*engine);
    begin(&arrival, sizeof arrival.bytes);
    arrival.client = loopback_connect(port_number);
    memory_make_scarce(true);
    int waited = iocp_port_wait(contract.port, &completion, PATIENCE_MS);
    memory_make_scarce(false);

    cr_assert(zero(int, waited));
    cr_expect(eq(int, completion.error, -ENOMEM));
    expect_ended(&arrival, -ENOMEM);
    expect_a_client_is_served();
    close_listener();
}
