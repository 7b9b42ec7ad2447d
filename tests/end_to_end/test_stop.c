/* test_stop.c - how the server ends: messages in progress, idle clients, impatience. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "clock.h"
#include "contract.h"
#include "deadline.h"
#include "server_process.h"

#define CLOSING "Closing the listener...\n"
#define WAITING "Waiting for a connection...\n"

/* Longer than any wait of a test: who needs it to be over, fails. */
#define LONG_DRAIN "10m"

TestSuite(stop, .timeout = 120);

static void send_signal(const struct server_process *server, int number)
{
    cr_assert(kill(server->pid, number) == 0, "kill: %s", strerror(errno));
}

/* A client in the middle of its message. */
static int begin_message(struct server_process *server)
{
    int fd = client_connect(server);

    client_send(fd, "not yet", 7);
    client_wait_until_taken(server, fd);
    return fd;
}

/* SD-09 */
EngineTest(stop, sigterm_lets_a_hundred_messages_in_progress_finish)
{
    struct server_process server;
    struct crowd crowd;
    server_start_engine(&server, *engine,
                        ARGUMENTS("--workers", "4", "--drain-timeout", LONG_DRAIN));
    crowd_connect(&crowd, &server, 100, 1024);
    crowd_send_part(&crowd, 500);
    crowd_wait_until_taken(&crowd, &server);

    send_signal(&server, SIGTERM);
    wait_for_output(&server, server.out, CLOSING, 1);

    cr_expect(eq(sz, crowd_exchange(&crowd, PATIENCE_MS), 100));
    cr_expect(eq(int, process_wait(&server), 0));
    crowd_leave(&crowd);
}

/* SD-08 */
EngineTest(stop, sigint_does_not_wait_for_idle_clients)
{
    enum { CLIENTS = 100 };
    int fds[CLIENTS];
    struct server_process server;
    server_start_engine(&server, *engine,
                        ARGUMENTS("--workers", "4", "--drain-timeout", LONG_DRAIN));
    for (size_t i = 0; i < CLIENTS; i++)
        fds[i] = client_connect(&server);
    wait_for_output(&server, server.out, WAITING, CLIENTS + 1);

    send_signal(&server, SIGINT);

    cr_expect(eq(int, process_wait(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, CLOSING), 1));
    for (size_t i = 0; i < CLIENTS; i++) {
        char byte;
        cr_expect(eq(int, (int)client_receive_all(fds[i], &byte, 1), 0), "client %zu", i);
        close(fds[i]);
    }
}

/* One try to connect. */
static bool refuses(void *argument)
{
    const struct server_process *server = argument;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0);
    int error =
        connect(fd, (const struct sockaddr *)&server->addresses[0], sizeof(struct sockaddr_in)) < 0
            ? errno
            : 0;
    close(fd);
    return error == ECONNREFUSED;
}

/* The closing line comes first, then the closing: until then the kernel lets clients in. */
Test(stop, nobody_is_let_in_while_messages_in_progress_finish)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--drain-timeout", LONG_DRAIN));
    int fd = begin_message(&server);

    send_signal(&server, SIGTERM);

    cr_expect(wait_until(refuses, &server));
    client_send(fd, "<EOF>", 5);
    cr_expect(eq(int, process_wait(&server), 0));
    close(fd);
}

Test(stop, a_client_that_never_finishes_is_cut_off_when_the_drain_time_is_over)
{
    char byte;
    struct server_process server;
    server_start(&server, ARGUMENTS("--drain-timeout", "300ms"));
    int fd = begin_message(&server);

    const int64_t begun_ns = clock_now_ns();
    send_signal(&server, SIGTERM);

    cr_expect(eq(int, process_wait(&server), 0));
    cr_expect(clock_now_ns() - begun_ns >= 300 * 1000000LL);
    cr_expect(client_receive_all(fd, &byte, 1) <= 0);
    close(fd);
}

/* The stop asks all clients again and again; that gives none of them more time. */
static void expect_to_be_let_go(size_t engine, const char *message_timeout)
{
    struct server_process server;
    server_start_engine(&server, engine,
                        ARGUMENTS("--idle-timeout", "500ms", "--message-timeout", message_timeout));
    int fd = begin_message(&server);

    send_signal(&server, SIGTERM);

    cr_expect(eq(int, process_wait(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 1 timed out,"), 1));
    cr_expect(eq(sz, count_in_output(server.err, " 0 cut off,"), 1));
    close(fd);
}

EngineTest(stop, a_client_that_falls_silent_in_its_message_is_let_go_when_its_idle_time_is_over)
{
    expect_to_be_let_go(*engine, "10m");
}

EngineTest(stop, the_idle_time_is_over_as_well_when_a_message_may_take_for_ever)
{
    expect_to_be_let_go(*engine, "0");
}

/* Sends a byte whenever nothing has come for 20 ms. */
static void trickle(int fd, int time_ms)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    const int64_t deadline_ns = deadline_after_ms(time_ms);

    while (clock_now_ns() < deadline_ns) {
        cr_assert(eq(int, poll(&end, 1, 20), 0));
        client_send(fd, "s", 1);
    }
}

/* Between two of its bytes a machine may stand still for 3 s. */
EngineTest(stop, a_message_that_comes_byte_by_byte_may_take_longer_than_the_idle_time)
{
    char echo[16];
    struct server_process server;
    server_start_engine(&server, *engine,
                        ARGUMENTS("--idle-timeout", "3s", "--drain-timeout", LONG_DRAIN));
    int fd = begin_message(&server);

    send_signal(&server, SIGTERM);
    trickle(fd, 3500);
    client_send(fd, "<EOF>", 5);

    cr_expect(eq(int, (int)client_receive_all(fd, echo, sizeof echo), sizeof echo));
    cr_expect(eq(int, process_wait(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 0 timed out,"), 1));
    close(fd);
}

/* For longer than a stop may be blocked; but nothing blocks it. */
Test(stop, a_server_that_is_frozen_meanwhile_stops_in_order)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--drain-timeout", "500ms"));
    int fd = begin_message(&server);

    send_signal(&server, SIGTERM);
    wait_for_output(&server, server.out, CLOSING, 1);
    send_signal(&server, SIGSTOP);
    cr_expect(zero(int, poll(NULL, 0, 6000)));
    send_signal(&server, SIGCONT);

    cr_expect(eq(int, process_wait(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 1 cut off,"), 1));
    close(fd);
}

Test(stop, a_second_signal_ends_it_at_once_with_status_1)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--drain-timeout", LONG_DRAIN));
    int fd = begin_message(&server);

    send_signal(&server, SIGTERM);
    wait_for_output(&server, server.out, CLOSING, 1);
    send_signal(&server, SIGTERM);

    cr_expect(eq(int, process_wait(&server), 1));
    close(fd);
}
