/* test_accept.c - accepting: clients early and late, several at once, and what comes of them. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scenery.h"

TestSuite(accept, .timeout = 30);

#define ACCEPTED_KEY 77

static struct contract contract;
static struct iocp_socket *listener;
static uint16_t port_number;

static void open_listener(size_t engine)
{
    contract_open(&contract, engine, 0);
    listener = listen_at(&contract, &port_number);
}

static void close_listener(void)
{
    iocp_socket_free(listener);
    contract_close(&contract);
}

static void begin_accept(struct iocp_op *op)
{
    cr_assert(zero(int, iocp_begin_accept(listener, op, iocp_no_callback, NULL)));
}

static struct iocp_socket *end_accept(struct iocp_op *op)
{
    struct iocp_socket *accepted = NULL;

    cr_assert(zero(int, iocp_end_accept(listener, op, ACCEPTED_KEY, &accepted)));
    cr_assert(accepted != NULL);
    return accepted;
}

/* The port number of the client at the other end; 0 if it is gone. */
static uint16_t client_port(struct iocp_socket *accepted)
{
    struct sockaddr_storage address;

    if (iocp_socket_remote_address(accepted, &address) < 0)
        return 0;
    return ntohs(((const struct sockaddr_in *)&address)->sin_port);
}

/* AC-01 */
EngineTest(accept, begun_before_the_client_connects_completes_when_it_does)
{
    struct iocp_op op = {0};

    open_listener(*engine);
    begin_accept(&op);
    cr_expect(contract_is_quiet(&contract));
    cr_expect(not(iocp_op_completed(&op)));

    int client = loopback_connect(port_number);
    cr_assert(contract_run_one(&contract) == &op);
    struct iocp_socket *accepted = end_accept(&op);

    cr_expect(eq(u16, client_port(accepted), loopback_port(client)));
    iocp_socket_free(accepted);
    close(client);
    close_listener();
}

/* AC-02 */
EngineTest(accept, begun_after_the_client_has_connected_completes)
{
    struct iocp_op op = {0};

    open_listener(*engine);
    int client = loopback_connect(port_number);
    begin_accept(&op);
    cr_assert(contract_run_one(&contract) == &op);
    struct iocp_socket *accepted = end_accept(&op);

    cr_expect(eq(u16, client_port(accepted), loopback_port(client)));
    iocp_socket_free(accepted);
    close(client);
    close_listener();
}

#define ACCEPTS_MAX 64

static void serve_clients_at_once(size_t count)
{
    struct iocp_op ops[ACCEPTS_MAX] = {0};
    int clients[ACCEPTS_MAX];
    size_t served[ACCEPTS_MAX] = {0};

    for (size_t i = 0; i < count; i++)
        begin_accept(&ops[i]);
    for (size_t i = 0; i < count; i++)
        clients[i] = loopback_connect(port_number);
    contract_run(&contract, count);

    for (size_t i = 0; i < count; i++) {
        struct iocp_socket *accepted = end_accept(&ops[i]);
        for (size_t k = 0; k < count; k++)
            served[k] += client_port(accepted) == loopback_port(clients[k]);
        iocp_socket_free(accepted);
    }
    for (size_t k = 0; k < count; k++) {
        cr_expect(eq(sz, served[k], 1), "client %zu of %zu", k, count);
        close(clients[k]);
    }
}

/* AC-03 */
EngineTest(accept, as_many_in_flight_as_clients_give_each_client_a_socket_of_its_own)
{
    static const size_t counts[] = {1, 2, 5, ACCEPTS_MAX};

    open_listener(*engine);

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        serve_clients_at_once(counts[i]);

    cr_expect(contract_is_quiet(&contract));
    close_listener();
}

/* AC-04 */
EngineTest(accept, completes_with_the_listeners_key_and_its_socket_with_the_key_given_at_end)
{
    struct iocp_op op = {0};
    char byte;

    open_listener(*engine);
    begin_accept(&op);
    int client = loopback_connect(port_number);

    struct iocp_completion completion = take_completion(&contract);
    cr_expect(completion.op == &op);
    cr_expect(eq(sz, completion.key, CONNECTION_KEY));
    cr_expect(zero(sz, completion.count));
    cr_expect(zero(int, completion.error));

    struct iocp_socket *accepted = end_accept(&op);
    cr_assert(zero(int, iocp_begin_receive(accepted, &op, &byte, 1, iocp_no_callback, NULL)));
    cr_assert(zero(int, loopback_write_all(client, "x", 1)));
    completion = take_completion(&contract);
    cr_expect(completion.op == &op);
    cr_expect(eq(sz, completion.key, ACCEPTED_KEY));

    iocp_socket_free(accepted);
    close(client);
    close_listener();
}

/* AC-05 */
EngineTest(accept, gives_a_nonblocking_close_on_exec_socket_whatever_the_listeners_flags)
{
    struct iocp_op op = {0};
    int plain = loopback_listen();

    contract_open(&contract, *engine, 0);
    cr_assert(zero(int, iocp_socket_adopt(contract.port, plain, CONNECTION_KEY, &listener)));
    int client = loopback_connect(loopback_port(plain));
    cr_assert(zero(int, fcntl(plain, F_SETFD, 0)));
    cr_assert(zero(int, fcntl(plain, F_SETFL, 0)));
    begin_accept(&op);
    cr_assert(contract_run_one(&contract) == &op);
    struct iocp_socket *accepted = end_accept(&op);

    int fd = descriptor_towards(loopback_port(client));
    cr_assert(ge(int, fd, 0));
    cr_expect(eq(int, fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC));
    cr_expect(eq(int, fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK));
    iocp_socket_free(accepted);
    close(client);
    close_listener();
}

/* AC-05 */
EngineTest(accept, by_the_program_itself_gives_a_descriptor_that_is_adopted_as_it_is)
{
    struct iocp_op op = {0};
    struct iocp_socket *accepted = NULL;
    int plain = loopback_listen();
    int on = 1, has = 0;
    socklen_t size = sizeof has;
    char byte = 0;

    contract_open(&contract, *engine, 0);
    cr_assert(zero(int, setsockopt(plain, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)));
    int client = loopback_connect(loopback_port(plain));
    int fd = accept4(plain, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    cr_assert(zero(int, iocp_socket_adopt_accepted(contract.port, fd, CONNECTION_KEY, &accepted)));
    cr_expect(zero(int, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &has, &size)));
    cr_expect(ne(int, has, 0), "as its listener");

    cr_assert(zero(int, iocp_begin_receive(accepted, &op, &byte, 1, iocp_no_callback, NULL)));
    cr_assert(zero(int, loopback_write_all(client, "x", 1)));
    cr_assert(contract_run_one(&contract) == &op);
    cr_expect(eq(long, iocp_end_receive(accepted, &op), 1));
    cr_expect(eq(int, byte, 'x'));

    iocp_socket_free(accepted);
    close(client);
    close(plain);
    contract_close(&contract);
}

/* AC-08 */
EngineTest(accept, is_not_held_up_by_a_client_that_sends_nothing)
{
    struct iocp_op accepts[2] = {0};
    struct iocp_op receive = {0};
    char byte;

    open_listener(*engine);
    begin_accept(&accepts[0]);
    int silent = loopback_connect(port_number);
    cr_assert(contract_run_one(&contract) == &accepts[0]);
    struct iocp_socket *first = end_accept(&accepts[0]);
    cr_assert(zero(int, iocp_begin_receive(first, &receive, &byte, 1, iocp_no_callback, NULL)));

    begin_accept(&accepts[1]);
    int client = loopback_connect(port_number);
    cr_assert(contract_run_one(&contract) == &accepts[1]);
    struct iocp_socket *second = end_accept(&accepts[1]);

    cr_expect(eq(u16, client_port(second), loopback_port(client)));
    cr_expect(not(iocp_op_completed(&receive)));
    iocp_socket_free(first);
    cr_expect(contract_run_one(&contract) == &receive);
    iocp_socket_free(second);
    close(silent);
    close(client);
    close_listener();
}

/* AC-10 */
EngineTest(accept, all_in_flight_are_cancelled_by_closing_the_listener)
{
    struct iocp_op ops[3] = {0};
    struct iocp_socket *accepted = NULL;

    open_listener(*engine);
    for (size_t i = 0; i < 3; i++)
        begin_accept(&ops[i]);
    cr_assert(zero(int, iocp_socket_close(listener)));

    for (size_t i = 0; i < 3; i++) {
        struct iocp_completion completion = take_completion(&contract);
        cr_expect(eq(int, completion.error, -ECANCELED));
        cr_expect(zero(sz, completion.count));
        cr_expect(eq(sz, completion.key, CONNECTION_KEY));
    }
    cr_expect(contract_is_quiet(&contract));
    for (size_t i = 0; i < 3; i++)
        cr_expect(eq(int, iocp_end_accept(listener, &ops[i], 0, &accepted), -ECANCELED));
    cr_expect(accepted == NULL, "the output is untouched on failure");
    close_listener();
}

/* AC-12: whether the kernel still hands the dead connection out is its own affair. */
EngineTest(accept, does_not_fail_for_a_client_that_resets_before_it_is_accepted)
{
    bool served = false;

    open_listener(*engine);
    loopback_reset(loopback_connect(port_number));
    int client = loopback_connect(port_number);

    for (int i = 0; i < 2 && !served; i++) {
        struct iocp_op op = {0};
        begin_accept(&op);
        cr_assert(contract_run_one(&contract) == &op);
        struct iocp_socket *accepted = end_accept(&op);
        served = client_port(accepted) == loopback_port(client);
        iocp_socket_free(accepted);
    }

    cr_expect(served);
    close(client);
    close_listener();
}

EngineTest(accept, that_was_cancelled_loses_no_client)
{
    struct iocp_op op = {0};

    open_listener(*engine);
    begin_accept(&op);
    cr_assert(eq(int, iocp_socket_cancel(listener, &op), 1));
    cr_assert(eq(int, take_completion(&contract).error, -ECANCELED));

    int client = loopback_connect(port_number);
    begin_accept(&op);
    cr_assert(contract_run_one(&contract) == &op);
    struct iocp_socket *accepted = end_accept(&op);

    cr_expect(eq(u16, client_port(accepted), loopback_port(client)));
    iocp_socket_free(accepted);
    close(client);
    close_listener();
}

/* From here on the process can open no descriptor; returns what it could before. */
static struct rlimit refuse_descriptors(void)
{
    struct rlimit before, none;
    int lowest = dup(STDERR_FILENO);

    cr_assert(ge(int, lowest, 0));
    close(lowest);
    cr_assert(zero(int, getrlimit(RLIMIT_NOFILE, &before)));
    none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &none)));
    return before;
}

EngineTest(accept, without_a_descriptor_fails_and_later_ones_do_not)
{
    struct iocp_op op = {0};
    struct iocp_socket *accepted = NULL;

    open_listener(*engine);
    int clients[2] = {loopback_connect(port_number)};
    struct rlimit before = refuse_descriptors();
    begin_accept(&op);
    struct iocp_completion completion = take_completion(&contract);
    int result = iocp_end_accept(listener, &op, ACCEPTED_KEY, &accepted);
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &before)));

    cr_expect(eq(int, completion.error, -EMFILE));
    cr_expect(eq(int, result, -EMFILE));
    cr_expect(accepted == NULL);
    clients[1] = loopback_connect(port_number);
    begin_accept(&op);
    cr_assert(contract_run_one(&contract) == &op);
    iocp_socket_free(end_accept(&op));
    close(clients[0]);
    close(clients[1]);
    close_listener();
}
