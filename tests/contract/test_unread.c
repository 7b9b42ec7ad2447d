/* test_unread.c - what comes while no receive is there for it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "one_connection.h"
#include "stream.h"

enum { PIECES = 200, PIECE_SIZE = 700, STREAM_SIZE = PIECES * PIECE_SIZE };

TestSuite(unread, .timeout = 60);

/* Let the port see what there is; nobody waits for it. */
static void look(void)
{
    struct iocp_completion completion;

    cr_assert(eq(int, iocp_port_wait(contract.port, &completion, 0), -ETIMEDOUT));
}

/* A receive that has to wait for its byte, after which an engine may go on receiving. */
static void receive_one(const struct connection *from)
{
    struct iocp_op op = {0};
    char byte;

    cr_assert(zero(int, iocp_begin_receive(from->socket, &op, &byte, 1, NULL, NULL)));
    look();
    cr_assert(zero(int, loopback_write_all(from->peer, "a", 1)));
    cr_assert(eq(long, iocp_end_receive(from->socket, &op), 1));
}

/* In pieces, each of which the port may look at alone. */
static void send_pieces(const unsigned char *stream)
{
    for (int i = 0; i < PIECES; i++) {
        cr_assert(zero(
            int, loopback_write_all(connection.peer, stream + (size_t)i * PIECE_SIZE, PIECE_SIZE)));
        look();
    }
}

static void expect_stream(const unsigned char *stream, size_t size_of_each)
{
    unsigned char *got = malloc(STREAM_SIZE);
    size_t count = 0;

    cr_assert(ne(ptr, got, NULL));
    while (count < STREAM_SIZE) {
        size_t room = STREAM_SIZE - count < size_of_each ? STREAM_SIZE - count : size_of_each;
        ssize_t received = contract_receive(&contract, connection.socket, got + count, room);

        cr_assert(lt(long, 0, received));
        count += (size_t)received;
    }
    cr_expect(zero(int, memcmp(got, stream, STREAM_SIZE)));
    free(got);
}

static void expect_stream_and_end(size_t engine, size_t size_of_each)
{
    unsigned char *stream = stream_pattern(STREAM_SIZE);
    char byte;

    open_connection(engine);
    receive_one(&connection);
    send_pieces(stream);
    cr_assert(zero(int, shutdown(connection.peer, SHUT_WR)));
    look();

    expect_stream(stream, size_of_each);
    for (int i = 0; i < 3; i++)
        cr_expect(zero(long, contract_receive(&contract, connection.socket, &byte, 1)));
    close_connection();
    free(stream);
}

EngineTest(unread, is_received_in_order_by_small_receives_and_then_the_end)
{
    expect_stream_and_end(*engine, 333);
}

EngineTest(unread, is_received_in_order_by_large_receives_and_then_the_end)
{
    expect_stream_and_end(*engine, (size_t)64 * 1024);
}

EngineTest(unread, is_dropped_with_its_socket)
{
    unsigned char *stream = stream_pattern(STREAM_SIZE);

    open_connection(*engine);
    receive_one(&connection);
    send_pieces(stream);
    close_connection();
    free(stream);
}

/* Many connections that nobody receives from do not keep others from it. */
EngineTest(unread, of_many_connections_leaves_others_their_turn)
{
    enum { CROWD = 100 };
    static struct connection crowd[CROWD];
    unsigned char *stream = stream_pattern(STREAM_SIZE);

    open_connection(*engine);
    receive_one(&connection);
    for (int i = 0; i < CROWD; i++) {
        contract_connect(&contract, &crowd[i]);
        receive_one(&crowd[i]);
        for (int k = 0; k < 12; k++) {
            cr_assert(zero(int, loopback_write_all(crowd[i].peer, stream, PIECE_SIZE)));
            look();
        }
    }

    send_pieces(stream);
    expect_stream(stream, 4096);

    for (int i = 0; i < CROWD; i++)
        contract_disconnect(&crowd[i]);
    close_connection();
    free(stream);
}
