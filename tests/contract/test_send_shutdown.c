/* test_send_shutdown.c - a send with which the sending ends. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "one_connection.h"
#include "stream.h"

/* Beyond what the kernel holds of a connection whose peer does not read. */
#define STREAM_SIZE ((size_t)16 << 20)

TestSuite(send_shutdown, .timeout = 60);

static void begin(struct iocp_op *op, const void *bytes, size_t size)
{
    cr_assert(zero(
        int, iocp_begin_send_shutdown(connection.socket, op, bytes, size, iocp_no_callback, NULL)));
}

static unsigned segments_at_peer(void)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    cr_assert(zero(int, getsockopt(connection.peer, IPPROTO_TCP, TCP_INFO, &info, &size)));
    return info.tcpi_segs_in;
}

/* TX-05 */
EngineTest(send_shutdown, sends_the_end_in_the_segment_of_the_last_bytes)
{
    struct iocp_op op = {0};
    char received[6];

    open_connection(*engine);
    unsigned before = segments_at_peer();
    begin(&op, "hello", 5);

    cr_assert(contract_run_one(&contract) == &op);
    cr_expect(eq(long, iocp_end_send(connection.socket, &op), 5));
    cr_expect(eq(long, loopback_read_all(connection.peer, received, sizeof received), 5));
    cr_expect(zero(int, memcmp(received, "hello", 5)));
    cr_expect(eq(uint, segments_at_peer() - before, 1));
    cr_expect(eq(int, iocp_begin_send(connection.socket, &op, "more", 4, iocp_no_callback, NULL),
                 -ESHUTDOWN));
    close_connection();
}

/* TX-01 */
EngineTest(send_shutdown, sends_all_that_was_begun_before_and_then_the_end)
{
    struct iocp_op first = {0}, last = {0};
    struct stream reader;
    unsigned char *sent = stream_pattern(STREAM_SIZE + 3);
    unsigned char *received = malloc(STREAM_SIZE + 4);

    cr_assert(received != NULL);
    open_connection(*engine);
    cr_assert(
        zero(int, iocp_begin_send(connection.socket, &first, sent, 3, iocp_no_callback, NULL)));
    begin(&last, sent + 3, STREAM_SIZE);
    stream_read(&reader, connection.peer, received, STREAM_SIZE + 4);
    contract_run(&contract, 2);

    cr_expect(eq(long, iocp_end_send(connection.socket, &first), 3));
    cr_expect(eq(long, iocp_end_send(connection.socket, &last), (long)STREAM_SIZE));
    cr_assert(eq(long, stream_join(&reader), (long)STREAM_SIZE + 3), "and no more");
    cr_expect(zero(int, memcmp(received, sent, STREAM_SIZE + 3)));
    close_connection();
    free(received);
    free(sent);
}

EngineTest(send_shutdown, of_nothing_sends_the_end)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    begin(&op, NULL, 0);

    cr_assert(contract_run_one(&contract) == &op);
    cr_expect(zero(long, iocp_end_send(connection.socket, &op)));
    cr_expect(zero(long, loopback_read_all(connection.peer, &byte, 1)));
    close_connection();
}

/* The peer must not take what has arrived for all there is. */
EngineTest(send_shutdown, past_its_deadline_sends_no_end)
{
    struct iocp_op op = {0};
    unsigned char *bytes = stream_pattern(STREAM_SIZE);

    open_connection(*engine);
    iocp_op_set_timeout(&op, QUIET_MS);
    begin(&op, bytes, STREAM_SIZE);
    cr_assert(contract_run_one(&contract) == &op);
    cr_expect(eq(long, iocp_end_send(connection.socket, &op), -ETIMEDOUT));

    size_t sent = iocp_op_count(&op);
    cr_expect(eq(long, loopback_read_all(connection.peer, bytes, sent), (long)sent));
    cr_expect(zero(int, iocp_socket_abort(connection.socket)));
    cr_expect(eq(long, loopback_read_all(connection.peer, bytes, 1), -ECONNRESET));
    close_connection();
    free(bytes);
}

/* Nor if the one that fails has sent nothing, and those before it all. */
EngineTest(send_shutdown, cancelled_before_its_turn_sends_no_end)
{
    struct iocp_op first = {0}, last = {0};
    unsigned char *bytes = stream_pattern(STREAM_SIZE);
    unsigned char *got = malloc(STREAM_SIZE);

    cr_assert(ne(ptr, got, NULL));
    open_connection(*engine);
    cr_assert(zero(int, iocp_begin_send(connection.socket, &first, bytes, STREAM_SIZE,
                                        iocp_no_callback, NULL)));
    begin(&last, "x", 1);
    cr_expect(eq(int, iocp_socket_cancel(connection.socket, &last), 1));
    cr_assert(contract_run_one(&contract) == &last);
    cr_expect(eq(long, iocp_end_send(connection.socket, &last), -ECANCELED));

    struct stream reader;
    stream_read(&reader, connection.peer, got, STREAM_SIZE);
    cr_assert(contract_run_one(&contract) == &first);
    cr_expect(eq(long, iocp_end_send(connection.socket, &first), (long)STREAM_SIZE));
    cr_expect(eq(long, stream_join(&reader), (long)STREAM_SIZE));
    cr_expect(zero(int, memcmp(got, bytes, STREAM_SIZE)));
    cr_expect(zero(int, iocp_socket_abort(connection.socket)));
    cr_expect(eq(long, loopback_read_all(connection.peer, got, 1), -ECONNRESET));
    close_connection();
    free(got);
    free(bytes);
}

EngineTest(send_shutdown, that_could_not_be_begun_leaves_the_sending_open)
{
    struct iocp_op busy = {0}, op = {0};
    char byte;

    open_connection(*engine);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, &busy, &byte, 1, iocp_no_callback, NULL)));
    cr_assert(eq(int,
                 iocp_begin_send_shutdown(connection.socket, &busy, "x", 1, iocp_no_callback, NULL),
                 -EBUSY));

    cr_assert(zero(int, iocp_begin_send(connection.socket, &op, "y", 1, iocp_no_callback, NULL)));
    cr_assert(contract_run_one(&contract) == &op);
    cr_expect(eq(long, iocp_end_send(connection.socket, &op), 1));
    close_connection();
}
