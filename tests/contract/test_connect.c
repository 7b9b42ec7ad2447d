/* test_connect.c - connecting: success, refusal, no answer at all, and the wrong moment. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "scenery.h"

TestSuite(connect, .timeout = 30);

static struct contract contract;

/* A program that greets its server as soon as it is connected. */
struct greeter {
    struct iocp_socket *socket;
    struct iocp_op send;
    int connected;
    int begun;
};

static void greet(struct iocp_op *op, void *context)
{
    struct greeter *greeter = context;

    greeter->connected = iocp_end_connect(greeter->socket, op);
    greeter->begun =
        iocp_begin_send(greeter->socket, &greeter->send, "hello", 5, iocp_no_callback, NULL);
}

/* CN-01 */
EngineTest(connect, makes_a_socket_that_can_be_used_from_the_callback)
{
    struct iocp_op op = {0};
    char greeting[5] = "";
    int server = loopback_listen();
    const struct sockaddr_in address = loopback_address(server);

    contract_open(&contract, *engine, 0);
    struct greeter greeter = {.socket = unconnected_socket(&contract)};
    cr_assert(zero(int, iocp_begin_connect(greeter.socket, &op, (const struct sockaddr *)&address,
                                           sizeof address, greet, &greeter)));
    cr_assert(contract_run_one(&contract) == &op);
    cr_assert(zero(int, greeter.connected));
    cr_assert(zero(int, greeter.begun));
    cr_assert(contract_run_one(&contract) == &greeter.send);

    int peer = loopback_accept(server);
    cr_expect(eq(int, (int)loopback_read_all(peer, greeting, 5), 5));
    cr_expect(zero(int, memcmp(greeting, "hello", 5)));
    iocp_socket_free(greeter.socket);
    close(peer);
    close(server);
    contract_close(&contract);
}

/* CN-02 */
EngineTest(connect, that_is_refused_says_so_at_its_end_once)
{
    struct iocp_op op = {0};
    int holder;
    uint16_t port_number = refusing_port(&holder);

    contract_open(&contract, *engine, 0);
    struct iocp_socket *socket = unconnected_socket(&contract);
    begin_connect_to(socket, &op, port_number);

    cr_expect(eq(int, take_completion(&contract).error, -ECONNREFUSED));
    cr_expect(eq(int, iocp_end_connect(socket, &op), -ECONNREFUSED));
    cr_expect(eq(int, iocp_end_connect(socket, &op), -EALREADY));
    cr_expect(contract_is_quiet(&contract));
    iocp_socket_free(socket);
    close(holder);
    contract_close(&contract);
}

/* A socket whose connect gets no answer. */
struct unanswered {
    struct iocp_socket *socket;
    struct iocp_op op;
    int ends[2];
};

static void begin_unanswered(struct unanswered *unanswered)
{
    *unanswered = (struct unanswered){.socket = unconnected_socket(&contract)};
    fill_listener(unanswered->ends);
    begin_connect_to(unanswered->socket, &unanswered->op, loopback_port(unanswered->ends[0]));
    cr_assert(contract_is_quiet(&contract));
}

static void expect_cancelled(struct unanswered *unanswered)
{
    struct iocp_completion completion = take_completion(&contract);

    cr_expect(completion.op == &unanswered->op);
    cr_expect(eq(int, completion.error, -ECANCELED));
    cr_expect(eq(int, iocp_end_connect(unanswered->socket, &unanswered->op), -ECANCELED));
    cr_expect(contract_is_quiet(&contract));
    iocp_socket_free(unanswered->socket);
    close(unanswered->ends[0]);
    close(unanswered->ends[1]);
}

/* The kernel knows at once that nobody can be reached: no connection has an address for all. */
EngineTest(connect, that_fails_at_once_says_so_at_its_end_like_any_other)
{
    const struct sockaddr_in everybody = {
        .sin_family = AF_INET,
        .sin_port = htons(1),
        .sin_addr.s_addr = htonl(0x7fffffff), /* 127.255.255.255 */
    };
    struct iocp_op op = {0};

    contract_open(&contract, *engine, 0);
    struct iocp_socket *socket = unconnected_socket(&contract);

    cr_assert(zero(int, iocp_begin_connect(socket, &op, (const struct sockaddr *)&everybody,
                                           sizeof everybody, iocp_no_callback, NULL)));
    struct iocp_completion completion = take_completion(&contract);
    cr_expect(completion.op == &op);
    cr_expect(eq(int, completion.error, -ENETUNREACH));
    cr_expect(eq(int, iocp_end_connect(socket, &op), -ENETUNREACH));
    cr_expect(contract_is_quiet(&contract));
    iocp_socket_free(socket);
    contract_close(&contract);
}

/* An address of no family would take the connection back. */
EngineTest(connect, needs_an_address_of_a_family_it_knows)
{
    const struct sockaddr_storage nobody = {.ss_family = AF_UNSPEC};
    struct iocp_op op = {0};

    contract_open(&contract, *engine, 0);
    struct iocp_socket *socket = unconnected_socket(&contract);

    cr_expect(eq(int,
                 iocp_begin_connect(socket, &op, (const struct sockaddr *)&nobody, sizeof nobody,
                                    iocp_no_callback, NULL),
                 -EINVAL));
    iocp_socket_free(socket);
    contract_close(&contract);
}

/* CN-03 */
EngineTest(connect, in_flight_is_cancelled_by_closing_the_socket)
{
    struct unanswered unanswered;

    contract_open(&contract, *engine, 0);
    begin_unanswered(&unanswered);

    cr_expect(zero(int, iocp_socket_close(unanswered.socket)));

    expect_cancelled(&unanswered);
    contract_close(&contract);
}

/* CN-03 */
EngineTest(connect, in_flight_can_be_cancelled)
{
    struct unanswered unanswered;

    contract_open(&contract, *engine, 0);
    begin_unanswered(&unanswered);

    cr_expect(eq(int, iocp_socket_cancel(unanswered.socket, &unanswered.op), 1));

    expect_cancelled(&unanswered);
    contract_close(&contract);
}

/* CN-05 */
EngineTest(connect, is_refused_at_begin_while_another_is_in_flight)
{
    struct unanswered unanswered;
    struct iocp_op second = {0};

    contract_open(&contract, *engine, 0);
    begin_unanswered(&unanswered);
    const struct sockaddr_in address = loopback_address(unanswered.ends[0]);

    cr_expect(eq(int,
                 iocp_begin_connect(unanswered.socket, &second, (const struct sockaddr *)&address,
                                    sizeof address, iocp_no_callback, NULL),
                 -EALREADY));

    cr_expect(zero(int, iocp_socket_close(unanswered.socket)));
    expect_cancelled(&unanswered);
    contract_close(&contract);
}

/* CN-05 */
EngineTest(connect, is_refused_at_begin_on_a_connected_socket)
{
    struct connection connection;
    struct iocp_op op = {0};
    int server = loopback_listen();
    const struct sockaddr_in address = loopback_address(server);

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);

    cr_expect(eq(int,
                 iocp_begin_connect(connection.socket, &op, (const struct sockaddr *)&address,
                                    sizeof address, iocp_no_callback, NULL),
                 -EISCONN));
    cr_expect(contract_is_quiet(&contract));

    contract_disconnect(&connection);
    close(server);
    contract_close(&contract);
}

/* CN-06 */
EngineTest(connect, is_not_upset_by_a_socket_that_was_idle_and_unconnected_at_the_port)
{
    struct iocp_op op = {0};
    int server = loopback_listen();

    contract_open(&contract, *engine, 0);
    struct iocp_socket *socket = unconnected_socket(&contract);
    struct iocp_socket *idle = unconnected_socket(&contract);
    cr_expect(contract_is_quiet(&contract), "to be at the port is no event");

    begin_connect_to(socket, &op, loopback_port(server));
    cr_expect(contract_run_one(&contract) == &op);
    cr_expect(zero(int, iocp_end_connect(socket, &op)));
    cr_expect(contract_is_quiet(&contract));

    iocp_socket_free(idle);
    iocp_socket_free(socket);
    close(server);
    contract_close(&contract);
}

/* CN-07: by another descriptor of the same socket. */
EngineTest(connect, by_a_plain_call_posts_nothing_and_neither_does_a_plain_shutdown)
{
    int server = loopback_listen();
    const struct sockaddr_in address = loopback_address(server);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd connected = {.fd = dup(fd), .events = POLLOUT};
    struct iocp_socket *adopted;

    contract_open(&contract, *engine, 0);
    cr_assert(zero(int, iocp_socket_adopt(contract.port, fd, CONNECTION_KEY, &adopted)));
    if (connect(connected.fd, (const struct sockaddr *)&address, sizeof address) < 0)
        cr_assert(eq(int, errno, EINPROGRESS));
    cr_assert(eq(int, poll(&connected, 1, PATIENCE_MS), 1));

    cr_expect(contract_is_quiet(&contract));
    cr_expect(zero(int, shutdown(connected.fd, SHUT_RDWR)));
    cr_expect(contract_is_quiet(&contract));

    iocp_socket_free(adopted);
    close(connected.fd);
    close(server);
    contract_close(&contract);
}
