/* test_receive.c - receiving, with every engine. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "contract.h"
#include "stream.h"

#define STREAM_SIZE ((size_t)16 << 20)

TestSuite(receive, .timeout = 60);

static void send_text(const struct connection *connection, const char *text)
{
    cr_assert(zero(int, loopback_write_all(connection->peer, text, strlen(text))));
}

static void reset_peer(struct connection *connection)
{
    loopback_reset(connection->peer);
    connection->peer = -1;
}

static void begin(const struct connection *connection, struct iocp_op *op, void *buffer,
                  size_t size)
{
    cr_assert(zero(
        int, iocp_begin_receive(connection->socket, op, buffer, size, iocp_no_callback, NULL)));
}

/* RX-01 */
EngineTest(receive, takes_what_is_there_without_filling_the_buffer)
{
    struct contract contract;
    struct connection connection;
    char buffer[1024];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    send_text(&connection, "x");
    ssize_t received = contract_receive(&contract, connection.socket, buffer, sizeof buffer);

    cr_expect(eq(long, received, 1));
    cr_expect(eq(chr, buffer[0], 'x'));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-02 */
EngineTest(receive, pending_completes_with_0_when_the_peer_ends_its_sending)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin(&connection, &op, buffer, sizeof buffer);
    cr_expect(contract_is_quiet(&contract));
    cr_assert(zero(int, shutdown(connection.peer, SHUT_WR)));
    cr_expect(eq(ptr, contract_run_one(&contract), &op));

    cr_expect(zero(long, iocp_end_receive(connection.socket, &op)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-03 */
EngineTest(receive, yields_0_again_and_again_after_the_end_of_the_stream)
{
    struct contract contract;
    struct connection connection;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    cr_assert(zero(int, shutdown(connection.peer, SHUT_WR)));

    for (int i = 0; i < 3; i++)
        cr_expect(zero(long, contract_receive(&contract, connection.socket, buffer, 16)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-04 */
EngineTest(receive, delivers_all_that_was_sent_before_the_end_of_the_stream)
{
    const size_t size = (size_t)1 << 20;
    struct contract contract;
    struct connection connection;
    struct stream writer;
    unsigned char *sent = stream_pattern(size);
    unsigned char *received = malloc(size + 1);
    size_t count = 0;
    ssize_t taken;

    cr_assert(received != NULL);
    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    stream_write_and_end(&writer, connection.peer, sent, size);

    while ((taken = contract_receive(&contract, connection.socket, received + count,
                                     size + 1 - count)) > 0)
        count += (size_t)taken;

    cr_expect(zero(long, taken));
    cr_expect(zero(long, stream_join(&writer)));
    cr_assert(eq(sz, count, size));
    cr_expect(zero(int, memcmp(received, sent, size)));
    contract_disconnect(&connection);
    contract_close(&contract);
    free(received);
    free(sent);
}

/* RX-05 */
EngineTest(receive, several_in_flight_are_filled_in_the_order_of_their_begins)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op ops[3] = {0};
    char buffers[3];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    for (int i = 0; i < 3; i++)
        begin(&connection, &ops[i], &buffers[i], 1);
    send_text(&connection, "123");
    contract_run(&contract, 3);

    for (int i = 0; i < 3; i++) {
        cr_expect(eq(u64, iocp_op_sequence(&ops[i]), (uint64_t)i));
        cr_expect(eq(long, iocp_end_receive(connection.socket, &ops[i]), 1));
        cr_expect(eq(chr, buffers[i], "123"[i]));
    }
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-06 */
EngineTest(receive, two_in_flight_are_both_satisfied_by_one_send)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op ops[2] = {0};
    char buffers[2][16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    for (int i = 0; i < 2; i++)
        begin(&connection, &ops[i], buffers[i], sizeof buffers[i]);
    send_text(&connection, "first, 16 bytes.second, 16 bytes");
    contract_run(&contract, 2);

    for (int i = 0; i < 2; i++)
        cr_expect(eq(long, iocp_end_receive(connection.socket, &ops[i]), 16));
    cr_expect(zero(int, memcmp(buffers[0], "first, 16 bytes.", 16)));
    cr_expect(zero(int, memcmp(buffers[1], "second, 16 bytes", 16)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* What the workers received of a stream, in whatever order, and how to put it together. */
#define RECEIVES   5
#define PIECES_MAX ((size_t)1 << 18)

struct piece {
    size_t start;
    size_t size;
};

struct collection {
    pthread_mutex_t lock;
    unsigned char *bytes; /* as they came, at most STREAM_SIZE; guarded by lock */
    size_t count;         /* guarded by lock */
    struct piece *pieces; /* by sequence; guarded by lock */
    atomic_uint open;     /* receives that go on */
    struct iocp_event ended;
};

struct collecting_receive {
    struct iocp_op op; /* first: the callback is given its address */
    struct iocp_socket *socket;
    unsigned char buffer[16384];
};

static iocp_callback on_piece;

static int begin_piece(struct collecting_receive *receive, struct collection *collection)
{
    return iocp_begin_receive(receive->socket, &receive->op, receive->buffer,
                              sizeof receive->buffer, on_piece, collection);
}

static void keep_piece(struct collection *collection, const unsigned char *bytes, size_t size,
                       uint64_t sequence)
{
    pthread_mutex_lock(&collection->lock);
    if (sequence < PIECES_MAX && collection->count + size <= STREAM_SIZE) {
        memcpy(collection->bytes + collection->count, bytes, size);
        collection->pieces[sequence] = (struct piece){collection->count, size};
        collection->count += size;
    }
    pthread_mutex_unlock(&collection->lock);
}

static void on_piece(struct iocp_op *op, void *context)
{
    struct collecting_receive *receive = (struct collecting_receive *)op;
    struct collection *collection = context;
    ssize_t received = iocp_end_receive(receive->socket, op);

    if (received > 0) {
        keep_piece(collection, receive->buffer, (size_t)received, iocp_op_sequence(op));
        if (begin_piece(receive, collection) == 0)
            return;
    }
    if (atomic_fetch_sub_explicit(&collection->open, 1, memory_order_acq_rel) == 1)
        iocp_event_set(&collection->ended);
}

static void collection_init(struct collection *collection)
{
    *collection = (struct collection){.lock = PTHREAD_MUTEX_INITIALIZER, .open = RECEIVES};
    collection->bytes = malloc(STREAM_SIZE);
    collection->pieces = calloc(PIECES_MAX, sizeof *collection->pieces);
    cr_assert(collection->bytes != NULL && collection->pieces != NULL);
    iocp_event_init(&collection->ended, IOCP_MANUAL_RESET, false);
}

static void collection_destroy(struct collection *collection)
{
    iocp_event_destroy(&collection->ended);
    free(collection->pieces);
    free(collection->bytes);
}

/* Put together by sequence, do the pieces make `stream`? */
static bool collection_matches(const struct collection *collection, const unsigned char *stream)
{
    size_t offset = 0;

    for (size_t i = 0; i < PIECES_MAX && collection->pieces[i].size > 0; i++) {
        const struct piece *piece = &collection->pieces[i];
        if (memcmp(collection->bytes + piece->start, stream + offset, piece->size) != 0)
            return false;
        offset += piece->size;
    }
    return offset == STREAM_SIZE;
}

/* RX-07 */
EngineTest(receive, sequence_numbers_restore_the_stream_from_many_workers)
{
    static struct collecting_receive receives[RECEIVES];
    struct contract contract;
    struct connection connection;
    struct collection collection;
    struct stream writer;
    unsigned char *sent = stream_pattern(STREAM_SIZE);

    collection_init(&collection);
    contract_open(&contract, *engine, 4);
    contract_connect(&contract, &connection);

    for (int i = 0; i < RECEIVES; i++) {
        receives[i].socket = connection.socket;
        cr_assert(zero(int, begin_piece(&receives[i], &collection)));
    }
    stream_write_and_end(&writer, connection.peer, sent, STREAM_SIZE);
    cr_assert(zero(long, stream_join(&writer)));
    cr_assert(zero(int, iocp_event_wait(&collection.ended, PATIENCE_MS)));

    cr_expect(collection_matches(&collection, sent));
    contract_disconnect(&connection);
    contract_close(&contract);
    collection_destroy(&collection);
    free(sent);
}

/* RX-08 */
EngineTest(receive, vector_is_filled_in_the_order_of_its_parts)
{
    struct contract contract;
    struct connection connection;
    struct iocp_vector_op op = {0};
    char first[2];
    char second[30];
    const struct iovec parts[] = {{first, sizeof first}, {second, sizeof second}};

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    cr_assert(zero(
        int, iocp_begin_receive_vector(connection.socket, &op, parts, 2, iocp_no_callback, NULL)));
    send_text(&connection, "ab-thirty bytes for the second.");
    cr_expect(eq(ptr, contract_run_one(&contract), &op.op));

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op.op), 31));
    cr_expect(zero(int, memcmp(first, "ab", 2)));
    cr_expect(zero(int, memcmp(second, "-thirty bytes for the second.", 29)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* The array of parts lives and dies here. */
static void begin_vector(struct iocp_socket *socket, struct iocp_vector_op *op, char buffer[2])
{
    struct iovec parts[] = {{&buffer[0], 1}, {&buffer[1], 1}};

    cr_assert(zero(int, iocp_begin_receive_vector(socket, op, parts, 2, iocp_no_callback, NULL)));
    memset(parts, 0xff, sizeof parts);
}

/* RX-09 */
EngineTest(receive, vectors_array_is_the_callers_again_after_begin)
{
    struct contract contract;
    struct connection connection;
    struct iocp_vector_op op = {0};
    char buffer[2];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin_vector(connection.socket, &op, buffer);
    send_text(&connection, "ab");
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op.op), 2));
    cr_expect(zero(int, memcmp(buffer, "ab", 2)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-10 */
EngineTest(receive, of_0_bytes_stays_pending_on_an_idle_connection)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin(&connection, &op, NULL, 0);

    cr_expect(contract_is_quiet(&contract));
    cr_expect(not(iocp_op_completed(&op)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-11 */
EngineTest(receive, of_0_bytes_completes_when_something_arrives_and_takes_none_of_it)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];
    int waiting = 0;

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin(&connection, &op, NULL, 0);
    cr_expect(contract_is_quiet(&contract));
    send_text(&connection, "hello");
    contract_run(&contract, 1);

    cr_expect(zero(long, iocp_end_receive(connection.socket, &op)));
    cr_assert(zero(int, ioctl(connection.descriptor, FIONREAD, &waiting)));
    cr_expect(eq(int, waiting, 5));
    cr_expect(eq(long, contract_receive(&contract, connection.socket, buffer, 16), 5));
    cr_expect(zero(int, memcmp(buffer, "hello", 5)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-12 */
EngineTest(receive, of_0_bytes_completes_as_long_as_something_waits)
{
    struct contract contract;
    struct connection connection;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    send_text(&connection, "hello");

    cr_expect(zero(long, contract_receive(&contract, connection.socket, NULL, 0)));
    cr_expect(zero(long, contract_receive(&contract, connection.socket, NULL, 0)));

    cr_expect(eq(long, contract_receive(&contract, connection.socket, buffer, 16), 5));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-11: the end of the stream is something, too. */
EngineTest(receive, of_0_bytes_completes_at_the_end_of_the_stream)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin(&connection, &op, NULL, 0);
    cr_expect(contract_is_quiet(&contract));
    cr_assert(zero(int, shutdown(connection.peer, SHUT_WR)));
    contract_run(&contract, 1);

    cr_expect(zero(long, iocp_end_receive(connection.socket, &op)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-13 */
EngineTest(receive, pending_completes_with_the_reset_of_the_peer)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin(&connection, &op, buffer, sizeof buffer);
    cr_expect(contract_is_quiet(&contract));
    reset_peer(&connection);
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ECONNRESET));
    cr_expect(zero(sz, iocp_op_count(&op)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-14 */
EngineTest(receive, and_send_fail_with_the_reset_again_and_again)
{
    struct contract contract;
    struct connection connection;
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    reset_peer(&connection);

    for (int i = 0; i < 3; i++) {
        ssize_t received = contract_receive(&contract, connection.socket, buffer, sizeof buffer);
        cr_expect(eq(long, received, -ECONNRESET));
        ssize_t sent = contract_send(&contract, connection.socket, "x", 1);
        cr_expect(eq(long, sent, -ECONNRESET));
    }
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-14: all that are in flight at the reset. */
EngineTest(receive, several_in_flight_all_complete_with_the_reset)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op ops[3] = {0};
    char buffers[3];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    for (int i = 0; i < 3; i++)
        begin(&connection, &ops[i], &buffers[i], 1);
    reset_peer(&connection);
    contract_run(&contract, 3);

    for (int i = 0; i < 3; i++)
        cr_expect(eq(long, iocp_end_receive(connection.socket, &ops[i]), -ECONNRESET));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-15 */
EngineTest(receive, on_an_unconnected_socket_is_refused_and_posts_nothing)
{
    struct contract contract;
    struct iocp_socket *socket;
    struct iocp_op op = {0};
    char buffer[16];

    contract_open(&contract, *engine, 0);
    cr_assert(zero(int, iocp_socket_create(contract.port, AF_INET, 0, &socket)));

    int begun = iocp_begin_receive(socket, &op, buffer, sizeof buffer, iocp_no_callback, NULL);

    cr_expect(eq(int, begun, -ENOTCONN));
    cr_expect(contract_is_quiet(&contract));
    iocp_socket_free(socket);
    contract_close(&contract);
}

/* RX-16 */
EngineTest(receive, is_not_ended_by_the_sockets_own_receive_timeout)
{
    const struct timeval soon = {.tv_usec = 1000 * QUIET_MS / 6};
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];
    int ends[2];

    contract_open(&contract, *engine, 0);
    loopback_pair(ends);
    cr_assert(zero(int, setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon)));
    contract_adopt(&contract, &connection, ends);

    begin(&connection, &op, buffer, sizeof buffer);
    cr_expect(contract_is_quiet(&contract));
    send_text(&connection, "late");
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 4));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-17 */
EngineTest(receive, pending_at_a_shutdown_takes_what_arrives_and_later_ones_are_refused)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op pending = {0};
    struct iocp_op later = {0};
    char buffer[16];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    begin(&connection, &pending, buffer, sizeof buffer);
    cr_assert(zero(int, iocp_socket_shutdown(connection.socket, SHUT_RD)));
    int begun = iocp_begin_receive(connection.socket, &later, buffer, sizeof buffer,
                                   iocp_no_callback, NULL);
    cr_expect(eq(int, begun, -ESHUTDOWN));
    cr_expect(contract_is_quiet(&contract));
    send_text(&connection, "late");
    cr_expect(eq(ptr, contract_run_one(&contract), &pending));

    cr_expect(eq(long, iocp_end_receive(connection.socket, &pending), 4));
    cr_expect(zero(int, memcmp(buffer, "late", 4)));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-18 */
EngineTest(receive, refused_at_begin_leaves_buffer_and_operation_as_they_were)
{
    struct contract contract;
    struct connection connection;
    struct iocp_socket *unconnected;
    struct iocp_op op = {0};
    char buffer[4] = "same";

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    cr_assert(zero(int, iocp_socket_create(contract.port, AF_INET, 0, &unconnected)));

    int begun = iocp_begin_receive(unconnected, &op, buffer, 4, iocp_no_callback, NULL);

    cr_expect(eq(int, begun, -ENOTCONN));
    cr_expect(not(iocp_op_completed(&op)));
    cr_expect(eq(long, iocp_end_receive(unconnected, &op), -EINVAL));
    cr_expect(zero(int, memcmp(buffer, "same", 4)));

    begin(&connection, &op, buffer, 4);
    send_text(&connection, "anew");
    contract_run(&contract, 1);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 4));
    cr_expect(zero(int, memcmp(buffer, "anew", 4)));
    iocp_socket_free(unconnected);
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-18: an operation that has been used before. */
EngineTest(receive, refused_at_begin_keeps_the_operations_last_outcome)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[4];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    begin(&connection, &op, buffer, 4);
    send_text(&connection, "abc");
    contract_run(&contract, 1);
    cr_assert(eq(long, iocp_end_receive(connection.socket, &op), 3));
    cr_assert(zero(int, iocp_socket_close(connection.socket)));

    int begun = iocp_begin_receive(connection.socket, &op, buffer, 4, iocp_no_callback, NULL);

    cr_expect(eq(int, begun, -EBADF));
    cr_expect(iocp_op_completed(&op));
    cr_expect(eq(sz, iocp_op_count(&op), 3));
    contract_disconnect(&connection);
    contract_close(&contract);
}

static void receive_with_flags(size_t engine, int flags)
{
    struct contract contract;
    struct connection connection;
    struct iocp_op op = {0};
    char buffer[16];
    int ends[2];

    contract_open(&contract, engine, 0);
    loopback_pair(ends);
    cr_assert(zero(int, fcntl(ends[0], F_SETFL, flags)));
    contract_adopt(&contract, &connection, ends);

    begin(&connection, &op, buffer, sizeof buffer);
    cr_expect(contract_is_quiet(&contract));
    send_text(&connection, "late");
    contract_run(&contract, 1);

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 4));
    contract_disconnect(&connection);
    contract_close(&contract);
}

/* RX-19 */
EngineTest(receive, pends_on_a_descriptor_that_was_non_blocking)
{
    receive_with_flags(*engine, O_NONBLOCK);
}

/* RX-19 */
EngineTest(receive, pends_on_a_descriptor_that_was_blocking)
{
    receive_with_flags(*engine, 0);
}
