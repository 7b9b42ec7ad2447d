/* test_connect_send.c - connecting together with the first bytes that are sent. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own.h"
#include "scenery.h"
#include "stream.h"

TestSuite(connect_send, .timeout = 60);

static struct contract contract;
static struct iocp_socket *caller;
static struct iocp_op op;
static int server;
static int peer = -1;
static size_t descriptors_before;
static unsigned char *pattern;

static void open_server(size_t engine)
{
    descriptors_before = open_descriptor_count();
    server = loopback_listen();
    contract_open(&contract, engine, 0);
    caller = unconnected_socket(&contract);
}

static void close_server(void)
{
    iocp_socket_free(caller);
    if (peer >= 0)
        close(peer);
    close(server);
    contract_close(&contract);
    free(pattern);
    cr_expect(eq(sz, open_descriptor_count(), descriptors_before), "descriptors have leaked");
}

static int begin(uint16_t port_number, const void *bytes, size_t size)
{
    struct sockaddr_in address = loopback_address(server);
    struct iocp_destination to = {.address = (const struct sockaddr *)&address,
                                  .length = sizeof address,
                                  .buffer = bytes,
                                  .size = size};

    address.sin_port = htons(port_number);
    return iocp_begin_connect_send(caller, &op, &to, iocp_no_callback, NULL);
}

/* Begin with more first data than the kernel holds, and see that they are on their way. */
static void begin_stuck(void)
{
    struct pollfd arrival = {.events = POLLIN};

    pattern = stream_pattern(STUCK_SIZE);
    cr_assert(zero(int, begin(loopback_port(server), pattern, STUCK_SIZE)));
    peer = arrival.fd = loopback_accept(server);
    do
        cr_assert(contract_is_quiet(&contract));
    while (poll(&arrival, 1, 0) == 0);
    cr_assert(not(iocp_op_completed(&op)));
}

/* It failed, once, and left a socket that is good for nothing but closing. */
static void expect_broken(int error)
{
    struct iocp_op next = {0};
    struct iocp_completion completion = take_completion(&contract);
    char byte;

    cr_expect(completion.op == &op);
    cr_expect(eq(int, completion.error, error));
    cr_expect(eq(sz, completion.count, iocp_op_count(&op)));
    cr_expect(lt(sz, completion.count, STUCK_SIZE));
    cr_expect(eq(int, iocp_end_connect(caller, &op), error));
    cr_expect(eq(int, iocp_end_connect(caller, &op), -EALREADY));
    cr_expect(
        eq(int, iocp_begin_receive(caller, &next, &byte, 1, iocp_no_callback, NULL), -ENOTCONN));
    cr_expect(eq(int, iocp_begin_send(caller, &next, "x", 1, iocp_no_callback, NULL), -ENOTCONN));
    cr_expect(contract_is_quiet(&contract));
}

/* CN-04 */
EngineTest(connect_send, tells_how_many_bytes_it_has_sent)
{
    char bytes[8] = "";

    open_server(*engine);
    cr_assert(zero(int, begin(loopback_port(server), "one", 3)));

    struct iocp_completion completion = take_completion(&contract);
    cr_expect(completion.op == &op);
    cr_expect(eq(sz, completion.key, CONNECTION_KEY));
    cr_expect(eq(sz, completion.count, 3));
    cr_expect(zero(int, completion.error));
    cr_expect(zero(int, iocp_end_connect(caller, &op)));

    peer = loopback_accept(server);
    cr_expect(eq(long, contract_send(&contract, caller, "two", 3), 3));
    cr_expect(eq(long, loopback_read_all(peer, bytes, 6), 6));
    cr_expect(zero(int, memcmp(bytes, "onetwo", 6)));
    cr_assert(zero(int, loopback_write_all(peer, "three", 5)));
    cr_expect(eq(long, contract_receive(&contract, caller, bytes, 8), 5));
    close_server();
}

/* CN-04 */
EngineTest(connect_send, completes_when_all_is_sent_and_the_socket_is_unconnected_till_then)
{
    unsigned char *arrived = stuck_arrivals();
    struct iocp_op other = {0};
    struct stream stream;

    open_server(*engine);
    begin_stuck();
    cr_expect(eq(int, iocp_begin_send(caller, &other, "x", 1, iocp_no_callback, NULL), -ENOTCONN));
    cr_expect(eq(int, iocp_socket_shutdown(caller, SHUT_WR), -ENOTCONN));
    const struct sockaddr_in address = loopback_address(server);
    cr_expect(eq(int,
                 iocp_begin_connect(caller, &other, (const struct sockaddr *)&address,
                                    sizeof address, iocp_no_callback, NULL),
                 -EALREADY));

    stream_read(&stream, peer, arrived, STUCK_SIZE);
    struct iocp_completion completion = take_completion(&contract);

    cr_expect(eq(sz, completion.count, STUCK_SIZE));
    cr_expect(zero(int, iocp_end_connect(caller, &op)));
    cr_expect(eq(long, stream_join(&stream), (long)STUCK_SIZE));
    cr_expect(zero(int, memcmp(arrived, pattern, STUCK_SIZE)));
    cr_expect(eq(long, contract_send(&contract, caller, "x", 1), 1));
    cr_expect(contract_is_quiet(&contract));
    close_server();
}

EngineTest(connect_send, of_no_bytes_is_a_plain_connect)
{
    open_server(*engine);
    cr_assert(zero(int, begin(loopback_port(server), NULL, 0)));

    cr_expect(zero(sz, take_completion(&contract).count));
    cr_expect(zero(int, iocp_end_connect(caller, &op)));
    peer = loopback_accept(server);
    cr_expect(eq(long, contract_send(&contract, caller, "x", 1), 1));
    close_server();
}

EngineTest(connect_send, that_is_refused_has_sent_nothing)
{
    int holder;

    open_server(*engine);
    cr_assert(zero(int, begin(refusing_port(&holder), "one", 3)));

    expect_broken(-ECONNREFUSED);
    cr_expect(zero(sz, iocp_op_count(&op)));
    close(holder);
    close_server();
}

EngineTest(connect_send, without_address_or_buffer_is_refused_at_begin)
{
    open_server(*engine);

    cr_expect(eq(int, begin(1, NULL, 1), -EINVAL));
    cr_expect(eq(int, begin(1, "x", SIZE_MAX), -EINVAL));
    cr_expect(eq(int, iocp_begin_connect_send(caller, &op, NULL, iocp_no_callback, NULL), -EINVAL));
    cr_expect(eq(int,
                 iocp_begin_connect_send(caller, &op,
                                         &(struct iocp_destination){.buffer = "x", .size = 1},
                                         iocp_no_callback, NULL),
                 -EINVAL));

    cr_expect(contract_is_quiet(&contract));
    close_server();
}

EngineTest(connect_send, can_be_cancelled_before_it_is_connected)
{
    int full[2];

    open_server(*engine);
    fill_listener(full);
    cr_assert(zero(int, begin(loopback_port(full[0]), "one", 3)));
    cr_assert(contract_is_quiet(&contract));

    cr_expect(eq(int, iocp_socket_cancel(caller, &op), 1));

    expect_broken(-ECANCELED);
    cr_expect(zero(sz, iocp_op_count(&op)));
    close(full[0]);
    close(full[1]);
    close_server();
}

/* The peer got what the operation says, and nothing else. */
static void expect_arrived(size_t count)
{
    unsigned char *arrived = malloc(STUCK_SIZE);

    cr_assert(arrived != NULL);
    cr_expect(lt(sz, 0, count));
    cr_expect(eq(long, loopback_read_all(peer, arrived, STUCK_SIZE), (long)count));
    cr_expect(zero(int, memcmp(arrived, pattern, count)));
    free(arrived);
}

EngineTest(connect_send, can_be_cancelled_while_it_sends)
{
    open_server(*engine);
    begin_stuck();

    cr_expect(eq(int, iocp_socket_cancel(caller, &op), 1));

    expect_broken(-ECANCELED);
    cr_expect(zero(int, iocp_socket_close(caller)));
    expect_arrived(iocp_op_count(&op));
    close_server();
}

EngineTest(connect_send, is_ended_by_its_deadline_while_it_sends)
{
    open_server(*engine);
    iocp_op_set_timeout(&op, 8 * QUIET_MS);
    pattern = stream_pattern(STUCK_SIZE);
    cr_assert(zero(int, begin(loopback_port(server), pattern, STUCK_SIZE)));
    peer = loopback_accept(server);

    expect_broken(-ETIMEDOUT);
    cr_expect(zero(int, iocp_socket_close(caller)));
    expect_arrived(iocp_op_count(&op));
    close_server();
}

EngineTest(connect_send, is_cancelled_while_it_sends_by_closing_the_socket)
{
    open_server(*engine);
    begin_stuck();

    cr_expect(zero(int, iocp_socket_close(caller)));

    cr_expect(eq(int, take_completion(&contract).error, -ECANCELED));
    cr_expect(eq(int, iocp_end_connect(caller, &op), -ECANCELED));
    cr_expect(contract_is_quiet(&contract));
    close_server();
}

EngineTest(connect_send, says_so_when_the_peer_resets_while_it_sends)
{
    open_server(*engine);
    begin_stuck();

    loopback_reset(peer);
    peer = -1;

    expect_broken(-ECONNRESET);
    close_server();
}

EngineTest(connect_send, says_so_when_the_peer_ends_its_sending_and_then_resets)
{
    open_server(*engine);
    begin_stuck();

    cr_assert(zero(int, shutdown(peer, SHUT_WR)));
    loopback_reset(peer);
    peer = -1;

    expect_broken(-ECONNRESET);
    close_server();
}
