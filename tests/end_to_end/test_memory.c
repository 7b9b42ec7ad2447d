/* test_memory.c - the memory for messages is bounded: who needs more than is left is told. */
/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "loopback.h"
#include "process_figures.h"
#include "server_process.h"

#define MIB     ((size_t)1 << 20)
#define REFUSAL "no memory for this message: try again later\n"
#define WARNING "warning: a message is refused for want of memory"

TestSuite(memory_budget, .timeout = 120);

static char *make_message(size_t size)
{
    char *message = malloc(size);

    cr_assert(message != NULL, "no memory");
    for (size_t i = 0; i < size; i++)
        message[i] = (char)('a' + i % 23 + i / 4096 % 3);
    return message;
}

/* A client in the middle of a message of so many bytes, all of which the server holds. */
static int hold(struct server_process *server, const char *message, size_t size)
{
    int fd = client_connect(server);

    client_send(fd, message, size);
    client_wait_until_taken(server, fd);
    return fd;
}

/* Does a client that sends all of this get the one line, and then an orderly end? */
static bool is_refused(const struct server_process *server, const char *message, size_t size)
{
    char reply[1000] = "";
    ssize_t received = client_talk(server, message, size, CLIENT_STAYS, reply, sizeof reply - 1);

    return received == sizeof REFUSAL - 1 && strcmp(reply, REFUSAL) == 0;
}

/* Two messages hold 8 MiB each then, and a page for the byte by which one would be too long. A
 * third one would have 4 MiB and need 8 more. (A single worker has let go what it has sent before
 * it has received that much.) */
Test(memory_budget,
     a_message_over_it_gets_one_line_while_others_are_served_and_has_room_when_they_left)
{
    const size_t size = 5 * MIB;
    char *message = make_message(size);
    char *echo = malloc(size);
    struct server_process server;
    server_start(&server, ARGUMENTS("--workers", "1", "--max-memory", "24M", "--max-message", "8M",
                                    "--quiet"));
    int first = hold(&server, message, size);
    int second = hold(&server, message, size);

    cr_expect(is_refused(&server, message, size));
    cr_expect(client_is_served(&server));
    cr_expect(is_refused(&server, message, size));

    cr_assert(echo != NULL && shutdown(first, SHUT_WR) == 0);
    cr_expect(eq(int, (int)client_receive_all(first, echo, size), (int)size));
    cr_expect(memcmp(echo, message, size) == 0);
    close(first);
    cr_expect(client_is_echoed(&server, message, size, CLIENT_HALF_CLOSES));
    loopback_reset(second);

    free(message);
    free(echo);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, WARNING), 1));
    cr_expect(eq(sz, count_in_output(server.err, "--max-memory is 25165824"), 1));
    cr_expect(eq(sz,
                 count_in_output(server.err, " 1 reset, 0 timed out, 0 too long, 0 incomplete, "
                                             "0 cut off, 2 failed\n"),
                 1));
}

Test(memory_budget, a_message_that_the_kernel_has_no_memory_for_gets_the_line_too)
{
    const size_t size = 8 * MIB;
    struct server_process server;
    if (process_is_sanitized())
        cr_skip_test("a sanitizer needs address space of its own");
    char *message = make_message(size);
    server_start(&server, ARGUMENTS("--quiet"));
    cr_expect(client_is_served(&server));

    process_limit_memory(&server, MIB);
    cr_expect(is_refused(&server, message, size));
    cr_expect(client_is_served(&server));
    process_limit_memory(&server, SIZE_MAX);

    cr_expect(client_is_echoed(&server, message, size, CLIENT_HALF_CLOSES));
    free(message);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 0 cut off, 1 failed\n"), 1));
}

/* All of them in turn, so that all messages grow together. */
static void send_together(const int fds[], size_t count, const char *message, size_t size)
{
    const size_t step = 256 * 1024;

    for (size_t sent = 0; sent < size; sent += step)
        for (size_t i = 0; i < count; i++)
            client_send(fds[i], message + sent, step);
}

/* What all need together is many times what there is, and nobody has yet ended his message when all
 * is sent. Beside the messages the process has what it had before, 16 KiB for each client, and what
 * the engine and the allocator keep for many. */
Test(memory_budget, of_many_endless_messages_each_is_echoed_or_gets_the_line_within_it)
{
    enum { CLIENTS = 8 };
    const size_t size = 3 * MIB;
    char *message = make_message(size);
    char *reply = malloc(size);
    int fds[CLIENTS];
    size_t served = 0;
    struct server_process server;
    server_start(&server, ARGUMENTS("--max-memory", "8M", "--max-message", "4M", "--quiet"));
    cr_expect(client_is_served(&server));
    const size_t before = process_memory_peak(&server);
    cr_assert(reply != NULL, "no memory");

    for (size_t i = 0; i < CLIENTS; i++)
        fds[i] = client_connect(&server);
    send_together(fds, CLIENTS, message, size);
    cr_expect(client_is_served(&server));
    for (size_t i = 0; i < CLIENTS; i++) {
        cr_assert(eq(int, shutdown(fds[i], SHUT_WR), 0));
        ssize_t received = client_receive_all(fds[i], reply, size);
        bool whole = received == (ssize_t)size && memcmp(reply, message, size) == 0;

        cr_expect(whole || (received == sizeof REFUSAL - 1 &&
                            memcmp(reply, REFUSAL, sizeof REFUSAL - 1) == 0),
                  "%zd bytes", received);
        served += whole;
        close(fds[i]);
    }

    cr_expect(lt(sz, served, CLIENTS));
    expect_memory_at_most(&server, before + 8 * MIB + CLIENTS * 16 * 1024 + 6 * MIB);
    free(message);
    free(reply);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, WARNING), 1));
}
