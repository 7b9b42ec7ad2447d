/* test_fairness.c - a port that is never empty still sees to all its sockets and deadlines. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "clock.h"
#include "one_connection.h"
#include "scenery.h"

TestSuite(fairness, .timeout = 60);

static void post_packet(void)
{
    cr_assert(zero(int, iocp_port_post(contract.port, 0, 0, NULL)));
}

/* Take completions, each packet followed by the next, until this operation's comes. */
static bool comes_among_packets(struct iocp_op *op)
{
    const int64_t give_up_ns = deadline_after_ms(PATIENCE_MS);

    while (clock_now_ns() < give_up_ns) {
        post_packet();
        if (take_completion(&contract).op == op)
            return true;
    }
    return false;
}

EngineTest(fairness, packets_without_end_do_not_hold_up_a_receive)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, &op, &byte, 1, iocp_no_callback, NULL)));
    post_packet();
    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));

    cr_assert(comes_among_packets(&op));

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), 1));
    close_connection();
}

EngineTest(fairness, packets_without_end_do_not_hold_up_a_deadline)
{
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    iocp_op_set_timeout(&op, 30);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, &op, &byte, 1, iocp_no_callback, NULL)));
    post_packet();

    cr_assert(comes_among_packets(&op));

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ETIMEDOUT));
    close_connection();
}

/* Look at a socket whose byte nobody takes, again and again, until the other operation's
 * completion comes. */
static bool comes_among_looks(struct iocp_socket *busy, struct iocp_op *op)
{
    static struct iocp_op look;
    const int64_t give_up_ns = deadline_after_ms(PATIENCE_MS);

    while (clock_now_ns() < give_up_ns) {
        cr_assert(zero(int, iocp_begin_receive(busy, &look, NULL, 0, iocp_no_callback, NULL)));
        if (take_completion(&contract).op == op)
            return true;
    }
    return false;
}

EngineTest(fairness, a_socket_that_always_has_data_does_not_hold_up_another)
{
    struct connection other;
    struct iocp_op op = {0};
    char byte;

    open_connection(*engine);
    contract_connect(&contract, &other);
    cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));
    cr_assert(zero(int, iocp_begin_receive(other.socket, &op, &byte, 1, iocp_no_callback, NULL)));
    cr_assert(contract_is_quiet(&contract));
    cr_assert(zero(int, loopback_write_all(other.peer, "y", 1)));

    cr_assert(comes_among_looks(connection.socket, &op));

    cr_expect(eq(long, iocp_end_receive(other.socket, &op), 1));
    contract_disconnect(&other);
    close_connection();
}
