/* test_server.c - the server's whole job, client by client, as a stranger sees it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "server_process.h"

#define WAITING "Waiting for a connection...\n"

TestSuite(server, .timeout = 120);

/* What the server has printed must be the address, `lines`, and the closing line. The waiting
 * lines stand anywhere between them: the main thread prints them, the workers the rest. */
static void expect_transcript(const struct server_process *server, const char *lines,
                              size_t accepted)
{
    char expected[4096];
    char *printed = read_output(server->out);

    (void)snprintf(expected, sizeof expected,
                   "Local address and port : 127.0.0.1:%u\n%sClosing the listener...\n",
                   (unsigned)server_port(server), lines);
    remove_lines(printed, WAITING);
    cr_expect(strcmp(printed, expected) == 0, "%s", printed);
    cr_expect(eq(sz, count_in_output(server->out, WAITING), accepted + 1));
    free(printed);
}

/* SD-09 */
Test(server, prints_the_transcript_of_the_article_and_ends_with_its_closing_line)
{
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    cr_expect(client_is_echoed(&server, "hello", 5, CLIENT_HALF_CLOSES));
    wait_for_output(&server, server.out, WAITING, 2);

    cr_expect(eq(int, server_stop(&server), 0));
    expect_transcript(&server,
                      "Read 5 bytes from socket.\n Data : hello\nSent 5 bytes to client.\n", 1);
}

Test(server, names_address_engine_workers_and_concurrency_in_one_banner_line)
{
    char expected[160];
    struct server_process server;
    server_start(&server, ARGUMENTS("--engine", "epoll", "--workers", "3", "--concurrency", "2"));

    (void)snprintf(expected, sizeof expected,
                   "listening on 127.0.0.1:%u, engine epoll, 3 workers, concurrency 2\n",
                   (unsigned)server_port(&server));
    char *banner = read_output(server.err);

    cr_expect(strcmp(banner, expected) == 0, "%s", banner);
    free(banner);
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(server, echoes_a_message_that_ends_by_the_token_while_the_client_stays)
{
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    cr_expect(client_is_echoed(&server, "This is a test<EOF>", 19, CLIENT_STAYS));

    cr_expect(eq(int, server_stop(&server), 0));
    expect_transcript(&server,
                      "Read 19 bytes from socket.\n Data : This is a test<EOF>\n"
                      "Sent 19 bytes to client.\n",
                      1);
}

/* RX-21 */
Test(server, finds_a_token_that_arrives_in_two_pieces)
{
    static const char message[] = "half<EOF>";
    const size_t size = sizeof message - 1;
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    for (size_t split = size - 4; split < size; split++) {
        char echo[sizeof message] = "";
        int fd = client_connect(&server);

        client_send(fd, message, split);
        client_wait_until_taken(&server, fd);
        client_send(fd, message + split, size - split);

        cr_expect(eq(sz, (size_t)client_receive_all(fd, echo, sizeof echo), size));
        cr_expect(strcmp(echo, message) == 0, "%s", echo);
        close(fd);
    }
    cr_expect(eq(int, server_stop(&server), 0));
}

/* RX-20 */
Test(server, keeps_bytes_that_follow_the_token_in_the_same_piece)
{
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    cr_expect(client_is_echoed(&server, "a<EOF>b", 7, CLIENT_STAYS));

    cr_expect(eq(int, server_stop(&server), 0));
}

Test(server, takes_one_byte_for_a_message)
{
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    cr_expect(client_is_echoed(&server, "x", 1, CLIENT_HALF_CLOSES));

    cr_expect(eq(int, server_stop(&server), 0));
    expect_transcript(&server, "Read 1 bytes from socket.\n Data : x\nSent 1 bytes to client.\n",
                      1);
}

Test(server, says_nothing_of_a_client_that_leaves_without_a_message)
{
    char reply[16];
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    ssize_t received = client_talk(&server, "", 0, CLIENT_HALF_CLOSES, reply, sizeof reply);
    wait_for_output(&server, server.out, WAITING, 2);

    cr_expect(eq(int, (int)received, 0));
    cr_expect(client_is_served(&server));
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, "Read "), 1));
}

static bool is_harmless(char byte)
{
    return byte == '\n' || (byte >= ' ' && byte <= '~');
}

Test(server, echoes_every_byte_there_is_and_shows_none_of_the_dangerous_ones)
{
    unsigned char message[512];
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (unsigned char)(i * 3);
    cr_expect(client_is_echoed(&server, message, sizeof message, CLIENT_HALF_CLOSES));

    cr_expect(eq(int, server_stop(&server), 0));
    char *printed = read_output(server.out);
    for (const char *at = printed; *at; at++)
        cr_expect(is_harmless(*at), "byte %02x", (unsigned char)*at);
    free(printed);
}

Test(server, handler_echo_answers_each_piece_as_it_comes)
{
    static const char *const pieces[] = {"one", "two<EOF>", "three"};
    struct server_process server;
    server_start(&server, ARGUMENTS("--handler", "echo"));
    int fd = client_connect(&server);

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        char echo[16] = "";

        client_send(fd, pieces[i], strlen(pieces[i]));
        cr_expect(
            eq(sz, (size_t)client_receive_all(fd, echo, strlen(pieces[i])), strlen(pieces[i])));
        cr_expect(strcmp(echo, pieces[i]) == 0, "%s", echo);
    }
    char more;
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    cr_expect(eq(int, (int)client_receive_all(fd, &more, 1), 0));

    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
}

/* The first replies come out of memory made to measure, the later ones out of a buffer that stays
 * and grows. */
Test(server, handler_echo_answers_a_busy_client_as_it_does_a_silent_one)
{
    char message[16 * 1024], echo[sizeof message];
    struct server_process server;
    server_start(&server, ARGUMENTS("--handler", "echo", "--quiet"));
    int fd = client_connect(&server);

    for (size_t round = 1; round <= 24; round++) {
        const size_t size = round <= 8 ? round : sizeof message * round / 24;

        for (size_t i = 0; i < size; i++)
            message[i] = (char)(i * 7 / 5 + round);
        client_send(fd, message, size);
        cr_assert(eq(sz, (size_t)client_receive_all(fd, echo, size), size));
        cr_assert(zero(int, memcmp(echo, message, size)));
    }

    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
}

/* Between the pieces nothing is in hand, but the count. */
Test(server, handler_discard_counts_what_comes_a_piece_at_a_time)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--handler", "discard"));
    int fd = client_connect(&server);

    for (int i = 0; i < 8; i++) {
        client_send(fd, "piece", 5);
        client_wait_until_taken(&server, fd);
    }
    char more;
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    cr_expect(eq(int, (int)client_receive_all(fd, &more, 1), 0));

    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
    expect_transcript(&server, "Read 40 bytes from socket.\n", 1);
}

Test(server, handler_discard_reads_all_and_answers_nothing)
{
    static char message[100000];
    char reply[16];
    struct server_process server;
    server_start(&server, ARGUMENTS("--handler", "discard"));

    memset(message, 'd', sizeof message);
    ssize_t received =
        client_talk(&server, message, sizeof message, CLIENT_HALF_CLOSES, reply, sizeof reply);

    cr_expect(eq(int, (int)received, 0));
    cr_expect(eq(int, server_stop(&server), 0));
    expect_transcript(&server, "Read 100000 bytes from socket.\n", 1);
}

Test(server, end_token_wants_the_token)
{
    char reply[16];
    struct server_process server;
    server_start(&server, ARGUMENTS("--end", "token"));

    cr_expect(
        eq(int, (int)client_talk(&server, "half", 4, CLIENT_HALF_CLOSES, reply, sizeof reply), 0));
    cr_expect(client_is_echoed(&server, "whole<EOF>", 10, CLIENT_STAYS));

    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, "half"), 0));
}

Test(server, end_eof_takes_the_token_for_an_ordinary_part)
{
    static const char message[] = "one<EOF>two";
    char echo[sizeof message] = "";
    struct server_process server;
    server_start(&server, ARGUMENTS("--end", "eof"));
    int fd = client_connect(&server);

    client_send(fd, message, 8);
    client_wait_until_taken(&server, fd);
    client_send(fd, message + 8, 3);
    cr_assert(shutdown(fd, SHUT_WR) == 0);

    cr_expect(eq(sz, (size_t)client_receive_all(fd, echo, sizeof echo), 11));
    cr_expect(strcmp(echo, message) == 0, "%s", echo);
    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(server, quiet_prints_nothing_on_stdout)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--quiet"));

    cr_expect(client_is_echoed(&server, "hello", 5, CLIENT_HALF_CLOSES));

    cr_expect(eq(int, server_stop(&server), 0));
    char *printed = read_output(server.out);
    cr_expect(strlen(printed) == 0, "%s", printed);
    free(printed);
}

Test(server, serves_at_every_address_it_listens_on)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0"));

    cr_assert(eq(sz, server.address_count, 3));
    for (size_t i = 0; i < server.address_count; i++) {
        char echo[8] = "";
        int fd = client_connect_to(&server.addresses[i]);

        client_send(fd, "m<EOF>", 6);
        cr_expect(eq(sz, (size_t)client_receive_all(fd, echo, sizeof echo), 6));
        cr_expect(strcmp(echo, "m<EOF>") == 0, "%s", echo);
        close(fd);
    }
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, "Local address and port : 127.0.0."), 3));
}

/* Each client comes to either server with the same chance: that one of them gets none of 64 is
 * one in 2^63. */
Test(server, with_reuse_port_two_servers_share_an_address_and_both_have_clients)
{
    enum { CLIENTS = 64 };
    char address[32];
    struct server_process first, second;
    server_start(&first, ARGUMENTS("--reuse-port"));
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)server_port(&first));
    server_start(&second, ARGUMENTS("--reuse-port", "--listen", address));

    for (int i = 0; i < CLIENTS; i++)
        cr_expect(client_is_served(&first));

    cr_expect(eq(int, server_stop(&first), 0));
    cr_expect(eq(int, server_stop(&second), 0));
    size_t of_first = count_in_output(first.out, "Read ");
    size_t of_second = count_in_output(second.out, "Read ");
    cr_expect(lt(sz, 0, of_first));
    cr_expect(lt(sz, 0, of_second));
    cr_expect(eq(sz, of_first + of_second, CLIENTS));
}

/* Has this machine the loopback address of IPv6? */
static bool has_ipv6(void)
{
    const struct sockaddr_in6 any_port = {.sin6_family = AF_INET6,
                                          .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&any_port, sizeof any_port) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

Test(server, listens_on_ipv6)
{
    if (!has_ipv6())
        cr_skip_test("no ::1 on this machine");

    char echo[8] = "";
    struct server_process server;
    server_start(&server, ARGUMENTS("--listen", "[::1]:0"));
    cr_assert(eq(sz, server.address_count, 2));
    int fd = client_connect_to(&server.addresses[1]);

    client_send(fd, "six<EOF>", 8);

    cr_expect(eq(sz, (size_t)client_receive_all(fd, echo, sizeof echo), 8));
    close(fd);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, "Local address and port : [::1]:"), 1));
}

/* Where the line "VERB SIZE bytes" begins in the text; its end, if it is not there. */
static const char *find_line(const char *text, const char *verb, size_t size)
{
    char line[64];

    (void)snprintf(line, sizeof line, "\n%s %zu bytes ", verb, size);
    const char *found = strstr(text, line);
    return found ? found : text + strlen(text);
}

/* AC-14 */
Test(server, prints_waiting_once_more_than_it_accepts_and_read_before_sent)
{
    enum { CLIENTS = 40 };
    char message[CLIENTS];
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    memset(message, 'w', sizeof message);
    for (size_t size = 1; size <= CLIENTS; size++)
        cr_expect(client_is_echoed(&server, message, size, CLIENT_HALF_CLOSES));
    wait_for_output(&server, server.out, WAITING, CLIENTS + 1);

    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, WAITING), CLIENTS + 1));
    char *printed = read_output(server.out);
    for (size_t size = 1; size <= CLIENTS; size++)
        cr_expect(find_line(printed, "Read", size) < find_line(printed, "Sent", size), "size %zu",
                  size);
    free(printed);
}
