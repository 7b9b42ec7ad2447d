/* test_hostile_ends.c - how a client may leave: by its end, by a reset, in the middle of anything.
 */
/* SPDX-License-Identifier: MIT */
/*
 * Every way to leave is tried with the handler message, which answers a whole message, and with
 * echo, which answers at once: so the end, or the reset, meets a session that receives, one that
 * sends, and one that has just done either.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "deadline.h"
#include "loopback.h"
#include "server_process.h"

#define WORKERS    2
#define LARGE_SIZE ((size_t)4 << 20) /* more than the buffers on the way hold */

TestSuite(hostile_ends, .timeout = 120);

static char large[LARGE_SIZE];

static void make_large(void)
{
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)('a' + i % 23);
    memcpy(large + sizeof large - 5, "<EOF>", 5);
}

static void end_sending(int fd)
{
    cr_assert(shutdown(fd, SHUT_WR) == 0, "shutdown: %s", strerror(errno));
}

/* The server sends `size` bytes back, and its end. */
static void expect_echo(int fd, const char *bytes, size_t size)
{
    static char echo[LARGE_SIZE + 1];

    cr_expect(eq(sz, (size_t)client_receive_all(fd, echo, size + 1), size));
    cr_expect(memcmp(echo, bytes, size) == 0);
    close(fd);
}

/* A way to leave, as often as `ROUNDS`, with each handler. Afterwards the server has let go of
 * every descriptor, serves others, and has nothing to complain of. */
static void try_on_each_handler(void (*leave)(struct server_process *server))
{
    static const char *const handlers[] = {"message", "echo"};
    enum { ROUNDS = 3 };

    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        struct server_process server;
        server_start(&server, ARGUMENTS("--handler", handlers[i], "--workers", "2", "--quiet"));
        cr_expect(client_is_echoed(&server, "before", 6, CLIENT_HALF_CLOSES));
        const size_t before = process_descriptor_count(&server);

        for (int round = 0; round < ROUNDS; round++)
            leave(&server);

        cr_expect(client_is_echoed(&server, "after", 5, CLIENT_HALF_CLOSES), "%s", handlers[i]);
        wait_for_descriptors(&server,
                             before + WORKERS); /* one for each, opened when it is needed */
        cr_expect(eq(int, server_stop(&server), 0), "%s", handlers[i]);
        cr_expect(eq(sz,
                     count_in_output(server.err, " 0 timed out, 0 too long, 0 incomplete, "
                                                 "0 cut off, 0 failed\n"),
                     1));
    }
}

/* Corked, the end goes out in the packet of the last bytes. */
static void end_with_the_bytes(struct server_process *server)
{
    const int on = 1;
    int fd = client_connect(server);

    cr_assert(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0);
    client_send(fd, "message", 7);
    end_sending(fd);
    expect_echo(fd, "message", 7);
}

Test(hostile_ends, an_end_that_comes_with_the_bytes_leaves_them_whole)
{
    try_on_each_handler(end_with_the_bytes);
}

static void end_after_the_bytes(struct server_process *server)
{
    int fd = client_connect(server);

    client_send(fd, "message", 7);
    client_wait_until_taken(server, fd);
    end_sending(fd);
    expect_echo(fd, "message", 7);
}

Test(hostile_ends, an_end_that_comes_after_the_bytes_is_answered_by_all_of_them)
{
    try_on_each_handler(end_after_the_bytes);
}

static void end_first(struct server_process *server)
{
    int fd = client_connect(server);

    end_sending(fd);
    expect_echo(fd, "", 0);
}

Test(hostile_ends, an_end_before_any_byte_is_answered_by_an_end)
{
    try_on_each_handler(end_first);
}

static void end_inside_the_token(struct server_process *server)
{
    static const char message[] = "message<EOF";

    for (size_t size = sizeof message - 1; size > 7; size--) {
        int fd = client_connect(server);

        client_send(fd, message, size);
        end_sending(fd);
        expect_echo(fd, message, size);
    }
}

Test(hostile_ends, an_end_inside_the_token_leaves_its_beginning_a_part_of_the_message)
{
    try_on_each_handler(end_inside_the_token);
}

/* Sends until nothing more goes, as the server waits for the client to read (echo), or a whole
 * message has gone (message); returns how much. */
static size_t fill(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    size_t filled = 0;
    ssize_t count = 1;

    cr_assert(fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
    while (filled < sizeof large && count > 0 && poll(&room, 1, 100) == 1) {
        count = send(fd, large + filled, sizeof large - filled, MSG_NOSIGNAL);
        filled += count > 0 ? (size_t)count : 0;
    }
    cr_assert(fcntl(fd, F_SETFL, flags) == 0);
    return filled;
}

static void end_while_the_server_sends(struct server_process *server)
{
    int fd = client_connect(server);
    size_t filled = fill(fd);

    end_sending(fd);
    expect_echo(fd, large, filled);
}

Test(hostile_ends, an_end_while_the_server_sends_costs_no_byte_of_the_answer)
{
    make_large();
    try_on_each_handler(end_while_the_server_sends);
}

static void reset_at_once(struct server_process *server)
{
    loopback_reset(client_connect(server));
}

Test(hostile_ends, a_reset_before_any_byte_harms_nobody)
{
    try_on_each_handler(reset_at_once);
}

/* The bytes are read, or lost with the connection. */
static void reset_inside_the_token(struct server_process *server)
{
    for (int is_read = 0; is_read < 2; is_read++) {
        int fd = client_connect(server);

        client_send(fd, "message<EO", 10);
        if (is_read)
            client_wait_until_taken(server, fd);
        loopback_reset(fd);
    }
}

Test(hostile_ends, a_reset_inside_the_token_harms_nobody)
{
    try_on_each_handler(reset_inside_the_token);
}

static void reset_after_the_end(struct server_process *server)
{
    int fd = client_connect(server);

    client_send(fd, "message", 7);
    end_sending(fd);
    loopback_reset(fd);
}

Test(hostile_ends, a_reset_right_behind_the_end_harms_nobody)
{
    try_on_each_handler(reset_after_the_end);
}

/* The echo has come as far as this kernel, and is thrown away there. */
static void reset_with_the_echo_unread(struct server_process *server)
{
    int fd = client_connect(server);
    struct pollfd echo = {.fd = fd, .events = POLLIN};

    client_send(fd, "message<EOF>", 12);
    cr_assert(poll(&echo, 1, PATIENCE_MS) == 1);
    loopback_reset(fd);
}

Test(hostile_ends, a_reset_with_the_echo_unread_harms_nobody)
{
    try_on_each_handler(reset_with_the_echo_unread);
}

static void reset_while_the_server_sends(struct server_process *server)
{
    for (int ends = 0; ends < 2; ends++) {
        int fd = client_connect(server);

        (void)fill(fd);
        if (ends)
            end_sending(fd);
        loopback_reset(fd);
    }
}

Test(hostile_ends, a_reset_while_the_server_sends_harms_nobody)
{
    make_large();
    try_on_each_handler(reset_while_the_server_sends);
}

/* What is sent after this meets a socket that nobody has any more, and is answered by a reset. */
static void close_while_the_server_sends(struct server_process *server)
{
    int fd = client_connect(server);

    (void)fill(fd);
    close(fd);
}

Test(hostile_ends, a_client_that_closes_while_the_server_sends_harms_nobody)
{
    make_large();
    try_on_each_handler(close_while_the_server_sends);
}
