/* test_limits.c - what the server refuses, survives and gives back. */
/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "clock.h"
#include "contract.h"
#include "deadline.h"
#include "loopback.h"
#include "server_process.h"

#define WAITING "Waiting for a connection...\n"

TestSuite(limits, .timeout = 120);

/* A client that has connected, and said nothing, until the server has accepted it. */
static int connect_silently(const struct server_process *server)
{
    const size_t accepted = count_in_output(server->out, WAITING);
    int fd = client_connect(server);

    wait_for_output(server, server->out, WAITING, accepted + 1);
    return fd;
}

Test(limits, a_message_of_the_largest_size_is_echoed)
{
    char message[1000];
    struct server_process server;
    server_start(&server, ARGUMENTS("--max-message", "1000"));

    memset(message, 'm', sizeof message);
    cr_expect(client_is_echoed(&server, message, sizeof message, CLIENT_HALF_CLOSES));

    cr_expect(eq(int, server_stop(&server), 0));
}

/* The client sends more than all buffers on the way hold before it reads: it must neither be
 * stopped by a reset nor lose the answer to one. */
Test(limits, a_message_over_the_limit_gets_one_line_and_an_orderly_end)
{
    const size_t size = (size_t)16 << 20;
    char *message = malloc(size);
    char reply[1000] = "";
    struct server_process server;
    server_start(&server, ARGUMENTS("--max-message", "1000"));
    int other = client_connect(&server);

    client_send(other, "begun ", 6);
    cr_assert(message != NULL);
    memset(message, 'm', size);
    ssize_t received = client_talk(&server, message, size, CLIENT_STAYS, reply, sizeof reply - 1);

    cr_assert(received > 1, "received %zd", received);
    cr_expect(strchr(reply, '\n') == reply + received - 1, "not one line: %s", reply);
    client_send(other, "ended<EOF>", 10);
    cr_expect(eq(int, (int)client_receive_all(other, reply, sizeof reply), 16));
    cr_expect(strncmp(reply, "begun ended<EOF>", 16) == 0);

    free(message);
    close(other);
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(limits, an_idle_client_is_let_go_not_before_its_time)
{
    char byte;
    struct server_process server;
    server_start(&server, ARGUMENTS("--idle-timeout", "300ms"));

    const int64_t begun_ns = clock_now_ns();
    int fd = client_connect(&server);

    cr_expect(eq(int, (int)client_receive_all(fd, &byte, 1), 0));
    cr_expect(clock_now_ns() - begun_ns >= 300 * 1000000LL);
    cr_expect(client_is_served(&server));
    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
}

/* Sends a byte whenever nothing has come for 20 ms, as long as the connection stands. */
static void trickle_until_ended(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    const int64_t deadline_ns = deadline_after_ms(PATIENCE_MS);

    while (poll(&end, 1, 20) == 0 && send(fd, "s", 1, MSG_NOSIGNAL) == 1)
        cr_assert(clock_now_ns() < deadline_ns, "the server lets it send for ever");
}

/* Each of its bytes comes long before the idle time-out. */
Test(limits, a_client_that_sends_a_byte_now_and_then_is_let_go_when_its_message_has_had_its_time)
{
    char byte;
    struct server_process server;
    server_start(&server, ARGUMENTS("--idle-timeout", "10s", "--message-timeout", "500ms"));

    int fd = client_connect(&server);
    const int64_t begun_ns = clock_now_ns();
    trickle_until_ended(fd);

    cr_expect(clock_now_ns() - begun_ns >= 500 * 1000000LL);
    cr_expect(le(int, (int)client_receive_all(fd, &byte, 1), 0));
    cr_expect(client_is_served(&server));
    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 1 timed out,"), 1));
}

/* Say something and hear it again. */
static void ping(int fd)
{
    char echo[4] = "";

    client_send(fd, "ping", 4);
    cr_assert(eq(int, (int)recv(fd, echo, sizeof echo, MSG_WAITALL), 4));
}

/* Often enough that the server keeps a buffer for the next time. */
static void be_busy(int fd)
{
    for (int i = 0; i < 10; i++)
        ping(fd);
}

/* For 1000 ms the buffer is kept; after that it is given back, and the session stays. */
Test(limits, a_busy_client_that_falls_silent_is_served_when_it_comes_back)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--handler", "echo", "--end", "eof"));
    int fd = client_connect(&server);

    be_busy(fd);
    cr_expect(client_is_left_waiting(fd, 1500));
    be_busy(fd);

    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(limits, a_busy_client_that_falls_silent_is_let_go_not_before_its_time)
{
    char byte;
    struct server_process server;
    server_start(&server,
                 ARGUMENTS("--handler", "echo", "--end", "eof", "--idle-timeout", "1500ms"));
    int fd = client_connect(&server);

    be_busy(fd);
    const int64_t last_ns = clock_now_ns();
    ping(fd);

    cr_expect(eq(int, (int)client_receive_all(fd, &byte, 1), 0));
    cr_expect(clock_now_ns() - last_ns >= 1500 * 1000000LL);
    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(limits, a_client_over_max_connections_waits_until_another_leaves)
{
    char echo[8];
    struct server_process server;
    server_start(&server, ARGUMENTS("--max-connections", "2"));
    int first = client_connect(&server);
    int second = client_connect(&server);
    wait_for_output(&server, server.out, WAITING, 3);

    int third = client_connect(&server);
    client_send(third, "m<EOF>", 6);
    cr_expect(client_is_left_waiting(third, 300));
    close(first);

    cr_expect(eq(int, (int)client_receive_all(third, echo, sizeof echo), 6));
    close(second);
    close(third);
    cr_expect(eq(int, server_stop(&server), 0));
}

/* AC-11 */
Test(limits, without_descriptors_it_rests_without_spinning_and_then_goes_on)
{
    enum { CLIENTS = 64 };
    char echo[8];
    int fds[CLIENTS];
    struct server_process server;
    server_start_limited(&server, CLIENTS, ARGUMENTS("--max-connections", "1000"));

    for (size_t i = 0; i < CLIENTS; i++)
        fds[i] = client_connect(&server);
    int last = client_connect(&server);
    client_send(last, "m<EOF>", 6);
    wait_for_output(&server, server.err, "\n", 2); /* the banner, and that it rests */
    const int64_t cpu_ms = process_cpu_ms(&server);
    cr_expect(client_is_left_waiting(last, 1000));

    /* Who rests uses a few milliseconds of that second; who spins, all that others leave. */
    cr_expect(lt(i64, process_cpu_ms(&server) - cpu_ms, 100));
    for (size_t i = 0; i < CLIENTS; i++)
        close(fds[i]);
    cr_expect(eq(int, (int)client_receive_all(last, echo, sizeof echo), 6));
    close(last);
    cr_expect(client_is_served(&server));
    cr_expect(eq(int, server_stop(&server), 0));
}

/* ER-06, AC-12, TX-06 */
Test(limits, clients_that_reset_harm_nobody)
{
    enum { ROUNDS = 10 };
    static char large[1 << 20];
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);
    int other = client_connect(&server);

    client_send(other, "begun ", 6);
    memset(large, 'r', sizeof large);
    memcpy(large + sizeof large - 5, "<EOF>", 5);
    for (int i = 0; i < ROUNDS; i++) {
        loopback_reset(client_connect(&server)); /* perhaps before it is accepted */
        loopback_reset(connect_silently(&server));
        int middle = client_connect(&server);
        client_send(middle, "half", 4);
        client_wait_until_taken(&server, middle);
        loopback_reset(middle);
        int unread = client_connect(&server);
        client_send(unread, large, sizeof large); /* the echo finds nobody */
        loopback_reset(unread);
    }

    char echo[32];
    client_send(other, "ended<EOF>", 10);
    cr_expect(eq(int, (int)client_receive_all(other, echo, sizeof echo), 16));
    cr_expect(client_is_served(&server));
    close(other);
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(limits, escape_sequences_never_reach_the_terminal_raw)
{
    static const char message[] = "\033[2J\033]0;title\007 \x9b"
                                  "31m \r\n\b\x7f <EOF>";
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    cr_expect(client_is_echoed(&server, message, sizeof message - 1, CLIENT_STAYS));

    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz,
                 count_in_output(server.out, " Data : \\x1b[2J\\x1b]0;title\\x07 \\x9b31m "
                                             "\\r\\n\\x08\\x7f <EOF>\n"),
                 1));
    char *printed = read_output(server.out);
    cr_expect(strpbrk(printed, "\033\007\x9b\r\b\x7f") == NULL);
    free(printed);
}

/* With the engine blocking each worker opens one for itself when it first waits. */
Test(limits, descriptors_are_as_many_after_five_hundred_clients_as_before)
{
    enum { WORKERS = 2 };
    struct server_process server;
    server_start(&server, ARGUMENTS("--workers", "2"));

    cr_expect(client_is_served(&server)); /* what is opened once is open now */
    wait_for_output(&server, server.out, WAITING, 2);
    const size_t before = process_descriptor_count(&server);
    for (int i = 0; i < 250; i++) {
        cr_expect(client_is_served(&server));
        close(client_connect(&server));
    }

    wait_for_output(&server, server.out, WAITING, 502);
    wait_for_descriptors(&server, before + WORKERS);
    cr_expect(eq(int, server_stop(&server), 0));
}
