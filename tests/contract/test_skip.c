/* test_skip.c - sockets that post nothing for what succeeds inside begin. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "one_connection.h"

TestSuite(skip, .timeout = 30);

static struct iocp_op op;
static char buffer[16];

/* Let what the peer has sent arrive, so that a call finds it at once. */
static void await_readable(void)
{
    struct pollfd readable = {.fd = connection.descriptor, .events = POLLIN};

    cr_assert(eq(int, poll(&readable, 1, PATIENCE_MS), 1));
}

/* Begin a receive for which five bytes are there. */
static int begin_with_bytes(void)
{
    cr_assert(zero(int, loopback_write_all(connection.peer, "hello", 5)));
    await_readable();
    return iocp_begin_receive(connection.socket, &op, buffer, sizeof buffer, iocp_no_callback,
                              NULL);
}

/* A begin that says 1 has done it all and posts nothing; one that says 0 posts once. */
static void expect_one_outcome(int begun)
{
    if (begun == 1) {
        cr_expect(iocp_op_completed(&op));
        cr_expect(iocp_op_completed_synchronously(&op));
    } else {
        cr_assert(zero(int, begun));
        cr_expect(contract_run_one(&contract) == &op);
        cr_expect(not(iocp_op_completed_synchronously(&op)));
    }
    cr_expect(contract_is_quiet(&contract));
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 5));
}

/* PQ-12 */
EngineTest(skip, not_asked_for_posts_even_what_succeeds_at_once)
{
    open_connection(*engine);

    cr_assert(zero(int, begin_with_bytes()));

    expect_one_outcome(0);
    close_connection();
}

/* PQ-13: at once; the blocking engine does nothing at once. */
EngineTest(skip, asked_for_posts_nothing_for_what_succeeds_at_once)
{
    open_connection(*engine);
    iocp_socket_skip_on_success(connection.socket);

    int begun = begin_with_bytes();

    if (strcmp(iocp_port_engine(contract.port), "blocking") != 0)
        cr_expect(eq(int, begun, 1));
    expect_one_outcome(begun);
    close_connection();
}

/* PQ-13: later. */
EngineTest(skip, asked_for_posts_what_has_to_wait)
{
    open_connection(*engine);
    iocp_socket_skip_on_success(connection.socket);
    cr_assert(zero(int, iocp_begin_receive(connection.socket, &op, buffer, sizeof buffer,
                                           iocp_no_callback, NULL)));

    cr_assert(zero(int, loopback_write_all(connection.peer, "hello", 5)));

    expect_one_outcome(0);
    close_connection();
}

/* PQ-13: what fails at once is not a success. */
EngineTest(skip, asked_for_posts_what_fails_at_once)
{
    open_connection(*engine);
    iocp_socket_skip_on_success(connection.socket);
    loopback_reset(connection.peer);
    connection.peer = -1;
    await_readable();

    cr_assert(zero(int, iocp_begin_receive(connection.socket, &op, buffer, sizeof buffer,
                                           iocp_no_callback, NULL)));

    cr_expect(contract_run_one(&contract) == &op);
    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ECONNRESET));
    close_connection();
}

/* PQ-14: there is no call that takes it back, and asking again changes nothing. */
EngineTest(skip, asked_for_twice_is_asked_for)
{
    open_connection(*engine);
    iocp_socket_skip_on_success(connection.socket);
    iocp_socket_skip_on_success(connection.socket);

    expect_one_outcome(begin_with_bytes());
    expect_one_outcome(begin_with_bytes());
    close_connection();
}

/* PQ-13: also before the engine watches the socket, which then would tell of it. */
EngineTest(skip, asked_for_posts_nothing_for_an_end_that_stands_behind_the_first_bytes)
{
    open_connection(*engine);
    iocp_socket_skip_on_success(connection.socket);
    expect_one_outcome(begin_with_bytes());
    cr_assert(zero(int, shutdown(connection.peer, SHUT_WR)));
    await_readable();

    int begun =
        iocp_begin_receive(connection.socket, &op, buffer, sizeof buffer, iocp_no_callback, NULL);

    if (strcmp(iocp_port_engine(contract.port), "blocking") != 0)
        cr_expect(eq(int, begun, 1));
    else
        cr_expect(contract_run_one(&contract) == &op);
    cr_expect(zero(long, iocp_end_receive(connection.socket, &op)));
    close_connection();
}
