/* test_send.c - sending, with every engine. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "contract.h"
#include "stream.h"

/* Beyond what the kernel holds of a connection whose peer does not read. */
#define STREAM_SIZE ((size_t)16 << 20)

TestSuite(send, .timeout = 60);

static void begin(const struct connection *connection, struct iocp_op *op, const void *bytes,
                  size_t size)
{
    cr_assert(
        zero(int, iocp_begin_send(connection->socket, op, bytes, size, iocp_no_callback, NULL)));
}

/* Read `size` bytes at the peer, and compare. */
static void expect_at_peer(const struct connection *connection, const void *bytes, size_t size)
{
    unsigned char *received = malloc(size);

    cr_assert(received != NULL);
    cr_assert(eq(long, loopback_read_all(connection->peer, received, size), (long)size));
    cr_expect(zero(int, memcmp(received, bytes, size)));
    free(received);
}

static void expect_end_at_peer(const struct connection *connection)
{
    char byte;

    cr_expect(zero(long, loopback_read_all(connection->peer, &byte, 1)));
}

/* TX-01 */
EngineTest(send, completes_with_the_full_length_however_slow_the_reader)
{
    const size_t size = (size_t)50 << 20;
    const int small = 1 << 16;
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct stream reader;
    unsigned char *sent = stream_pattern(size);
    unsigned char *received = malloc(size);

    cr_assert(received != NULL);
    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    cr_assert(zero(int, setsockopt(connection.peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof small)));

    begin(&connection, &op, sent, size);
    stream_read(&reader, connection.peer, received, size);
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_send(connection.socket, &op), (long)size));
    cr_expect(eq(sz, iocp_op_count(&op), size));
    cr_assert(eq(long, stream_join(&reader), (long)size));
    cr_expect(zero(int, memcmp(received, sent, size)));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(received);
    free(sent);
}

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* TX-02 */
EngineTest(send, pending_on_a_reader_that_stopped_uses_no_processor_time)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct stream reader;
    unsigned char *sent = stream_pattern(STREAM_SIZE);
    unsigned char *received = malloc(STREAM_SIZE);

    cr_assert(received != NULL);
    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    begin(&connection, &op, sent, STREAM_SIZE);
    cr_assert(contract_is_quiet(&contract));

    int64_t used = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    int64_t passed = nanoseconds(CLOCK_MONOTONIC);
    for (int i = 0; i < 5; i++)
        cr_expect(contract_is_quiet(&contract));
    used = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - used;
    passed = nanoseconds(CLOCK_MONOTONIC) - passed;

    cr_expect(lt(i64, used, passed / 2));
    stream_read(&reader, connection.peer, received, STREAM_SIZE);
    contract_run(&contract, 1);
    cr_expect(eq(long, iocp_end_send(connection.socket, &op), (long)STREAM_SIZE));
    cr_expect(eq(long, stream_join(&reader), (long)STREAM_SIZE));
    cr_expect(zero(int, memcmp(received, sent, STREAM_SIZE)));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(received);
    free(sent);
}

/* TX-03 */
EngineTest(send, several_in_flight_are_sent_in_the_order_of_their_begins)
{
    const size_t sizes[] = {(size_t)2 << 20, (size_t)2 << 20, (size_t)1 << 20};
    const size_t total = (size_t)5 << 20;
    struct contract contract;
    struct connection connection;
    struct iocp_op ops[3] = {0};
    struct stream reader;
    unsigned char *sent = stream_pattern(total);
    unsigned char *received = malloc(total);
    size_t offset = 0;

    cr_assert(received != NULL);
    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    for (int i = 0; i < 3; i++) {
        begin(&connection, &ops[i], sent + offset, sizes[i]);
        offset += sizes[i];
    }
    stream_read(&reader, connection.peer, received, total);
    contract_run(&contract, 3);

    for (int i = 0; i < 3; i++) {
        cr_expect(eq(u64, iocp_op_sequence(&ops[i]), (uint64_t)i));
        cr_expect(eq(long, iocp_end_send(connection.socket, &ops[i]), (long)sizes[i]));
    }
    cr_assert(eq(long, stream_join(&reader), (long)total));
    cr_expect(zero(int, memcmp(received, sent, total)));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(received);
    free(sent);
}

/* TX-04 */
EngineTest(send, vector_is_sent_in_the_order_of_its_parts_with_one_completion)
{
    struct contract contract;
    struct connection connection;
    struct iocp_vector_op op = {0};
    char texts[3][8] = {"one,", "two,", "three"};
    const struct iovec parts[] = {{texts[0], 4}, {texts[1], 4}, {texts[2], 5}};

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    cr_assert(zero(
        int, iocp_begin_send_vector(connection.socket, &op, parts, 3, iocp_no_callback, NULL)));
    cr_expect(eq(ptr, contract_run_one(&contract), &op.op));

    cr_expect(eq(long, iocp_end_send(connection.socket, &op.op), 13));
    expect_at_peer(&connection, "one,two,three", 13);
    cr_expect(contract_is_quiet(&contract));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* TX-04: parts that need several system calls, the cut falling anywhere. */
EngineTest(send, large_vector_is_sent_whole)
{
    struct contract contract;
    struct connection connection;
    struct iocp_vector_op op = {0};
    struct iovec parts[IOCP_PARTS_MAX];
    struct stream reader;
    unsigned char *sent = stream_pattern(STREAM_SIZE);
    unsigned char *received = malloc(STREAM_SIZE);
    size_t size = STREAM_SIZE / IOCP_PARTS_MAX;

    cr_assert(received != NULL);
    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    for (size_t i = 0; i < IOCP_PARTS_MAX; i++)
        parts[i] = (struct iovec){sent + i * size, size};

    cr_assert(zero(int, iocp_begin_send_vector(connection.socket, &op, parts, IOCP_PARTS_MAX,
                                               iocp_no_callback, NULL)));
    stream_read(&reader, connection.peer, received, STREAM_SIZE);
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_send(connection.socket, &op.op), (long)STREAM_SIZE));
    cr_assert(eq(long, stream_join(&reader), (long)STREAM_SIZE));
    cr_expect(zero(int, memcmp(received, sent, STREAM_SIZE)));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(received);
    free(sent);
}

/* Does the connected descriptor of this process with that local address have TCP_NODELAY on? */
static bool has_no_delay(const struct sockaddr_storage *address, socklen_t length)
{
    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_storage other;
        socklen_t size = sizeof other;
        int on = 0;
        socklen_t on_size = sizeof on;
        struct sockaddr_storage remote;
        socklen_t remote_size = sizeof remote;

        if (getsockname(fd, (struct sockaddr *)&other, &size) == 0 && size == length &&
            memcmp(&other, address, length) == 0 &&
            getpeername(fd, (struct sockaddr *)&remote, &remote_size) == 0 &&
            getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &on_size) == 0)
            return on != 0;
    }
    return false;
}

static bool sends_without_delay(struct iocp_socket *socket)
{
    struct sockaddr_storage address;
    int length = iocp_socket_local_address(socket, &address);

    cr_assert(lt(int, 0, length));
    return has_no_delay(&address, (socklen_t)length);
}

/* TX-05 */
EngineTest(send, is_not_held_back_to_fill_packets)
{
    struct contract contract;
    struct iocp_socket *listener;
    struct iocp_socket *client;
    struct iocp_socket *accepted = NULL;
    struct iocp_op accept = {0};
    struct iocp_op connect = {0};
    int fd = loopback_listen();
    struct sockaddr_in address = loopback_address(fd);

    contract_open(&contract, *engine, 0);
    cr_assert(zero(int, iocp_socket_adopt(contract.port, fd, 0, &listener)));
    cr_assert(zero(int, iocp_socket_create(contract.port, AF_INET, 0, &client)));

    cr_assert(zero(int, iocp_begin_accept(listener, &accept, iocp_no_callback, NULL)));
    cr_assert(zero(int, iocp_begin_connect(client, &connect, (struct sockaddr *)&address,
                                           sizeof address, iocp_no_callback, NULL)));
    contract_run(&contract, 2);
    cr_assert(zero(int, iocp_end_accept(listener, &accept, 0, &accepted)));
    cr_assert(zero(int, iocp_end_connect(client, &connect)));

    cr_expect(sends_without_delay(client));
    cr_expect(sends_without_delay(accepted));
    iocp_socket_free(accepted);
    iocp_socket_free(client);
    iocp_socket_free(listener);
    contract_close(&contract);
}

/* TX-06 */
EngineTest(send, after_the_peers_reset_fails_and_raises_no_signal)
{
    struct contract contract;
    struct connection connection;
    char byte;

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    loopback_reset(connection.peer);
    connection.peer = -1;

    cr_assert(eq(long, contract_receive(&contract, connection.socket, &byte, 1), -ECONNRESET));

    cr_expect(eq(long, contract_send(&contract, connection.socket, "x", 1), -ECONNRESET));
    cr_expect(eq(long, contract_send(&contract, connection.socket, "x", 1), -ECONNRESET));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* TX-06: the peer closes orderly, and the first send meets nobody. */
EngineTest(send, to_a_peer_that_is_gone_fails_in_the_end_and_raises_no_signal)
{
    struct contract contract;
    struct connection connection;
    ssize_t sent = 1;

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    close(connection.peer);
    connection.peer = -1;

    for (int i = 0; i < 1000 && sent > 0; i++)
        sent = contract_send(&contract, connection.socket, "x", 1);

    cr_expect(sent == -ECONNRESET || sent == -EPIPE, "the send came to %zd", sent);
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* What a callback sends, and what became of it. The callback is that of a receive on another
 * connection: who runs that has the engine in hand, and may leave the call to the kernel. */
struct reply {
    struct contract contract;
    struct connection connection;
    struct connection asking;
    struct iocp_op receive;
    struct iocp_op send;
    char byte;
    ssize_t asked;
    int begun;
};

static void begin_reply(struct iocp_op *op, void *context)
{
    struct reply *reply = context;

    reply->asked = iocp_end_receive(reply->asking.socket, op);
    reply->begun =
        iocp_begin_send(reply->connection.socket, &reply->send, "x", 1, iocp_no_callback, NULL);
}

static void run_reply(struct reply *reply)
{
    cr_assert(zero(int, iocp_begin_receive(reply->asking.socket, &reply->receive, &reply->byte, 1,
                                           begin_reply, reply)));
    cr_assert(zero(int, loopback_write_all(reply->asking.peer, "?", 1)));
    cr_assert(contract_run_one(&reply->contract) == &reply->receive);
    cr_assert(eq(long, reply->asked, 1));
    cr_assert(zero(int, reply->begun));
}

static ssize_t end_reply(struct reply *reply)
{
    cr_assert(contract_run_one(&reply->contract) == &reply->send);
    return iocp_end_send(reply->connection.socket, &reply->send);
}

/* Two connections, one of which a callback has answered. */
static void open_reply(struct reply *reply, size_t engine)
{
    contract_open(&reply->contract, engine, 0);
    contract_connect(&reply->contract, &reply->connection);
    contract_connect(&reply->contract, &reply->asking);
    run_reply(reply);
    cr_assert(eq(long, end_reply(reply), 1));
}

static void close_reply(struct reply *reply)
{
    contract_disconnect(&reply->asking);
    contract_disconnect(&reply->connection);
    contract_close(&reply->contract);
}

/* TX-06: the kernel finds the reset, of which nobody has been told. */
EngineTest(send, of_a_callback_after_the_peers_reset_fails_and_raises_no_signal)
{
    struct reply reply = {0};
    struct pollfd reset = {.events = POLLIN};

    open_reply(&reply, *engine);
    loopback_reset(reply.connection.peer);
    reply.connection.peer = -1;
    reset.fd = reply.connection.descriptor;
    cr_assert(eq(int, poll(&reset, 1, PATIENCE_MS), 1));

    run_reply(&reply);

    cr_expect(eq(long, end_reply(&reply), -ECONNRESET));
    close_reply(&reply);
}

/* Write until the kernel holds no more; returns how much it was. */
static size_t fill(int descriptor)
{
    static const char zeroes[65536];
    size_t filled = 0;
    ssize_t sent;

    while ((sent = send(descriptor, zeroes, sizeof zeroes, MSG_DONTWAIT)) > 0)
        filled += (size_t)sent;
    return filled;
}

/* When there is no room it waits like any other. */
EngineTest(send, of_a_callback_to_a_reader_that_stopped_arrives_when_it_reads_on)
{
    struct reply reply = {0};
    char byte = 0;

    open_reply(&reply, *engine);
    const size_t before = 1 + fill(reply.connection.descriptor);
    char *arrived = malloc(before);
    cr_assert(arrived != NULL);

    run_reply(&reply);
    cr_expect(contract_is_quiet(&reply.contract));
    cr_assert(eq(sz, (size_t)loopback_read_all(reply.connection.peer, arrived, before), before));

    cr_expect(eq(long, end_reply(&reply), 1));
    cr_expect(eq(long, loopback_read_all(reply.connection.peer, &byte, 1), 1));
    cr_expect(eq(chr, byte, 'x'));
    free(arrived);
    close_reply(&reply);
}

/* TX-06: what is in flight at the reset. */
EngineTest(send, pending_completes_with_the_reset_of_the_peer)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    unsigned char *sent = stream_pattern(STREAM_SIZE);

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin(&connection, &op, sent, STREAM_SIZE);
    cr_assert(contract_is_quiet(&contract));
    loopback_reset(connection.peer);
    connection.peer = -1;
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_send(connection.socket, &op), -ECONNRESET));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(sent);
}

/* TX-07 */
EngineTest(send, on_a_socket_shut_down_for_sending_is_refused_and_posts_nothing)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    cr_assert(zero(int, iocp_socket_shutdown(connection.socket, SHUT_WR)));

    int begun = iocp_begin_send(connection.socket, &op, "x", 1, iocp_no_callback, NULL);

    cr_expect(eq(int, begun, -ESHUTDOWN));
    cr_expect(contract_is_quiet(&contract));
    expect_end_at_peer(&connection);
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* TX-07: the shutdown waits for the sends before it, not the caller for the shutdown. */
EngineTest(send, in_flight_at_a_shutdown_arrives_before_the_end_of_the_stream)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct stream reader;
    unsigned char *sent = stream_pattern(STREAM_SIZE);
    unsigned char *received = malloc(STREAM_SIZE + 1);

    cr_assert(received != NULL);
    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin(&connection, &op, sent, STREAM_SIZE);
    cr_assert(zero(int, iocp_socket_shutdown(connection.socket, SHUT_WR)));
    stream_read(&reader, connection.peer, received, STREAM_SIZE + 1);
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_send(connection.socket, &op), (long)STREAM_SIZE));
    cr_assert(eq(long, stream_join(&reader), (long)STREAM_SIZE));
    cr_expect(zero(int, memcmp(received, sent, STREAM_SIZE)));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(received);
    free(sent);
}

/* TX-08 */
EngineTest(send, of_0_bytes_completes_with_0_and_sends_nothing)
{
    struct contract contract;
    struct connection connection;

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    cr_expect(zero(long, contract_send(&contract, connection.socket, "x", 0)));
    cr_expect(zero(long, contract_send(&contract, connection.socket, NULL, 0)));
    cr_expect(eq(long, contract_send(&contract, connection.socket, "y", 1), 1));

    expect_at_peer(&connection, "y", 1);
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* TX-09 */
EngineTest(send, completed_arrives_although_the_socket_is_closed_right_afterwards)
{
    const size_t size = (size_t)4 << 20;
    struct contract contract;
    struct connection connection;
    struct stream reader;
    unsigned char *sent = stream_pattern(size);
    unsigned char *received = malloc(size + 1);

    cr_assert(received != NULL);
    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    stream_read(&reader, connection.peer, received, size + 1);
    cr_expect(eq(long, contract_send(&contract, connection.socket, sent, size), (long)size));
    cr_expect(zero(int, iocp_socket_close(connection.socket)));

    cr_assert(eq(long, stream_join(&reader), (long)size));
    cr_expect(zero(int, memcmp(received, sent, size)));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(received);
    free(sent);
}

/* A receive that begins itself again until `size` bytes are there or the stream has ended. */
struct continued_receive {
    struct iocp_op op; /* first: the callback is given its address */
    struct iocp_socket *socket;
    unsigned char *bytes;
    size_t size;
    size_t count;
    ssize_t error;
    bool ended;
};

static void on_received(struct iocp_op *op, void *context)
{
    struct continued_receive *receive = context;
    ssize_t received = iocp_end_receive(receive->socket, op);

    receive->error = received < 0 ? received : 0;
    if (received > 0)
        receive->count += (size_t)received;
    receive->ended = received <= 0 || receive->count == receive->size;
    if (!receive->ended)
        cr_assert(
            zero(int, iocp_begin_receive(receive->socket, op, receive->bytes + receive->count,
                                         receive->size - receive->count, on_received, receive)));
}

/* TX-10 */
EngineTest(send, and_receive_are_in_flight_at_once_on_one_socket)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    struct continued_receive receive = {.size = STREAM_SIZE};
    struct stream reader;
    struct stream writer;
    unsigned char *sent = stream_pattern(STREAM_SIZE);
    unsigned char *at_peer = malloc(STREAM_SIZE);

    receive.bytes = malloc(STREAM_SIZE);
    cr_assert(at_peer != NULL && receive.bytes != NULL);
    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    receive.socket = connection.socket;

    cr_assert(zero(int, iocp_begin_receive(connection.socket, &receive.op, receive.bytes,
                                           receive.size, on_received, &receive)));
    begin(&connection, &op, sent, STREAM_SIZE);
    cr_expect(contract_is_quiet(&contract));
    stream_read(&reader, connection.peer, at_peer, STREAM_SIZE);
    stream_write(&writer, connection.peer, sent, STREAM_SIZE);
    while (!receive.ended || !iocp_op_completed(&op))
        contract_run_one(&contract);

    cr_expect(eq(long, iocp_end_send(connection.socket, &op), (long)STREAM_SIZE));
    cr_expect(zero(long, stream_join(&writer)));
    cr_expect(eq(long, stream_join(&reader), (long)STREAM_SIZE));
    cr_expect(zero(long, receive.error));
    cr_expect(eq(sz, receive.count, STREAM_SIZE));
    cr_expect(zero(int, memcmp(receive.bytes, sent, STREAM_SIZE)));
    cr_expect(zero(int, memcmp(at_peer, sent, STREAM_SIZE)));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(receive.bytes);
    free(at_peer);
    free(sent);
}
