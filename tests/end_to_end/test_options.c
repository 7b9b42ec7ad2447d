/* test_options.c - what the server says to a wrong command line, and how it leaves. */
/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "server_process.h"

TestSuite(usage, .timeout = 120);

/* The program must end with `status`, nothing on stdout, and one line on stderr, in which all
 * of `words` (up to a NULL) stand. */
static void expect_refusal(const char *const arguments[], int status, const char *const words[])
{
    struct server_process server;
    process_start(&server, IOCP_SERVER_PATH, 0, arguments);

    cr_expect(eq(int, process_wait(&server), status));
    char *said = read_output(server.err);
    char *printed = read_output(server.out);

    cr_expect(strlen(printed) == 0, "on stdout: %s", printed);
    cr_expect(strlen(said) > 1 && strchr(said, '\n') == said + strlen(said) - 1, "not one line: %s",
              said);
    for (; *words; words++)
        cr_expect(strstr(said, *words) != NULL, "'%s' is not in: %s", *words, said);
    free(said);
    free(printed);
}

#define WORDS ARGUMENTS

Test(usage, an_unknown_option_is_named)
{
    expect_refusal(ARGUMENTS("--wrokers", "4"), 2, WORDS("--wrokers"));
    expect_refusal(ARGUMENTS("surprise"), 2, WORDS("surprise"));
    expect_refusal(ARGUMENTS("-w"), 2, WORDS("-w"));
}

Test(usage, a_missing_or_unwanted_value_is_named)
{
    expect_refusal(ARGUMENTS("--workers"), 2, WORDS("--workers"));
    expect_refusal(ARGUMENTS("--quiet=yes"), 2, WORDS("--quiet"));
}

Test(usage, a_bad_number_is_refused_with_what_is_allowed)
{
    static const char *const numbers[] = {"0", "100000", "-1", "four", "4x", "", "1e3", "0x4"};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        expect_refusal(ARGUMENTS("--workers", numbers[i]), 2,
                       WORDS("--workers", numbers[i], "1 to 1024"));
    expect_refusal(ARGUMENTS("--concurrency", "1025"), 2, WORDS("--concurrency", "0 to 1024"));
    expect_refusal(ARGUMENTS("--max-connections", "0"), 2, WORDS("--max-connections", "1 to "));
}

Test(usage, a_bad_size_or_time_is_refused_with_what_is_allowed)
{
    expect_refusal(ARGUMENTS("--max-message", "16Q"), 2, WORDS("--max-message", "16Q", "16M"));
    expect_refusal(ARGUMENTS("--max-message", "0"), 2, WORDS("--max-message"));
    expect_refusal(ARGUMENTS("--max-memory", "20M"), 2, WORDS("--max-memory", "--max-message"));
    expect_refusal(ARGUMENTS("--idle-timeout", "soon"), 2, WORDS("--idle-timeout", "60s"));
    expect_refusal(ARGUMENTS("--drain-timeout", "-5s"), 2, WORDS("--drain-timeout", "-5s"));
}

Test(usage, an_unknown_name_is_refused_with_the_known_ones)
{
    expect_refusal(ARGUMENTS("--engine", "kqueue"), 2,
                   WORDS("--engine", "kqueue", "auto", "epoll", "blocking"));
    expect_refusal(ARGUMENTS("--handler", "http"), 2,
                   WORDS("--handler", "http", "message", "echo", "discard"));
    expect_refusal(ARGUMENTS("--end", "newline"), 2,
                   WORDS("--end", "newline", "either", "eof", "token"));
}

Test(usage, what_is_no_address_is_refused)
{
    static const char *const addresses[] = {"nonsense",     "127.0.0.1", "127.0.0.1:65536",
                                            "localhost:80", "::1:80",    "[::1]"};

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        expect_refusal(ARGUMENTS("--listen", addresses[i]), 2, WORDS("--listen", addresses[i]));
}

/* The escape sequence in a value must not reach the terminal of who reads the error. */
Test(usage, an_error_repeats_a_value_escaped)
{
    expect_refusal(ARGUMENTS("--workers", "\033[2J\n"), 2, WORDS("--workers", "\\x1b[2J\\n"));
}

/* 192.0.2.0/24 is nobody's: it stands in examples. */
Test(usage, an_address_of_another_machine_cannot_be_listened_on)
{
    expect_refusal(ARGUMENTS("--listen", "192.0.2.1:0"), 1, WORDS("192.0.2.1:0"));
}

Test(usage, an_address_in_use_cannot_be_listened_on)
{
    char address[32];
    struct server_process first;
    server_start(&first, NO_ARGUMENTS);

    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)server_port(&first));
    expect_refusal(ARGUMENTS("--listen", address), 1, WORDS(address, "in use"));
    expect_refusal(ARGUMENTS("--reuse-port", "--listen", address), 1, WORDS(address, "in use"));

    cr_expect(eq(int, server_stop(&first), 0));
}

Test(usage, an_address_shared_by_others_is_in_use_for_who_does_not_share)
{
    char address[32];
    struct server_process first;
    server_start(&first, ARGUMENTS("--reuse-port"));

    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)server_port(&first));
    expect_refusal(ARGUMENTS("--listen", address), 1, WORDS(address, "in use"));

    cr_expect(eq(int, server_stop(&first), 0));
}

/* Has the program been started with as many descriptors? If not it must have ended with one line
 * that says what is short. */
static bool starts_with_descriptors(rlim_t count)
{
    struct server_process server;
    process_start(&server, IOCP_SERVER_PATH, count,
                  ARGUMENTS("--listen", "127.0.0.1:0", "--max-connections", "1"));
    wait_for_output(&server, server.err, "\n", 1);

    if (count_in_output(server.err, "listening on ") > 0) {
        cr_expect(eq(int, server_stop(&server), 0));
        return true;
    }
    cr_expect(eq(int, process_wait(&server), 1));
    cr_expect(eq(sz, count_in_output(server.err, "\n"), 1));
    cr_expect(eq(sz, count_in_output(server.err, "Too many open files"), 1));
    return false;
}

/* Whatever it is that it gets no descriptor for. With three it does not find the C library. */
Test(usage, too_few_descriptors_to_begin_with_are_named)
{
    rlim_t count = 4;

    cr_expect(not(starts_with_descriptors(count)));
    while (++count < 64 && !starts_with_descriptors(count))
        continue;
    cr_expect(lt(ulong, count, 64));
}

Test(usage, too_few_descriptors_for_clients_are_told)
{
    struct server_process server;
    server_start_limited(&server, 64, ARGUMENTS("--workers", "64", "--concurrency", "64"));

    cr_expect(eq(sz,
                 count_in_output(server.err, "warning: the limit of open files leaves room for "
                                             "hardly any client beside 64 workers"),
                 1));
    cr_expect(eq(int, server_stop(&server), 0));
}

/* A network of its own for the server, where the default addresses are nobody else's; there,
 * addresses can be taken that no interface has. The test is skipped where that is refused. */
#define TAKE_IPV4 "echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind"
#define TAKE_IPV6 "echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind"

static void start_alone(struct server_process *server, const char *program)
{
    if (system("unshare -Urn sh -c '" TAKE_IPV4 " && " TAKE_IPV6 "' 2> /dev/null") != 0)
        cr_skip_test("no network of one's own here");
    process_start(server, "/usr/bin/unshare", 0,
                  ARGUMENTS("-Urn", "sh", "-c", program, IOCP_SERVER_PATH));
    wait_for_output(server, server->out, "Waiting for a connection...\n", 1);
}

Test(usage, without_an_address_it_listens_at_port_11000_of_this_machine)
{
    struct server_process server;
    start_alone(&server, TAKE_IPV4 " && " TAKE_IPV6 " && exec \"$0\"");

    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, "Local address and port : 127.0.0.1:11000\n"), 1));
    cr_expect(eq(sz, count_in_output(server.out, "Local address and port : [::1]:11000\n"), 1));
    cr_expect(eq(sz, count_in_output(server.err, "warning"), 0));
}

Test(usage, without_an_address_it_says_if_there_is_no_ipv6_and_goes_on)
{
    struct server_process server;
    start_alone(&server, TAKE_IPV4 " && exec \"$0\"");

    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, "Local address and port : 127.0.0.1:11000\n"), 1));
    cr_expect(eq(sz, count_in_output(server.out, "[::1]"), 0));
    cr_expect(eq(sz, count_in_output(server.err, "warning: not listening on [::1]:11000: "), 1));
}

Test(usage, help_and_version_that_cannot_be_written_are_a_failure)
{
    static const char *const options[] = {"--help", "--version"};

    for (size_t i = 0; i < 2; i++) {
        struct server_process server;
        process_start(
            &server, "/bin/sh", 0,
            ARGUMENTS("-c", "exec \"$0\" \"$1\" > /dev/full", IOCP_SERVER_PATH, options[i]));

        cr_expect(eq(int, process_wait(&server), 1));
        cr_expect(eq(sz, count_in_output(server.err, "iocp-server: stdout: No space left"), 1));
    }
}

Test(usage, help_and_version_go_to_stdout)
{
    struct server_process help;
    struct server_process version;
    process_start(&help, IOCP_SERVER_PATH, 0, ARGUMENTS("--help"));
    process_start(&version, IOCP_SERVER_PATH, 0, ARGUMENTS("--version"));

    cr_expect(eq(int, process_wait(&help), 0));
    cr_expect(eq(int, process_wait(&version), 0));
    cr_expect(lt(sz, 0, count_in_output(help.out, "--workers")));
    cr_expect(eq(sz, count_in_output(version.out, "iocp-server "), 1));
    cr_expect(eq(sz, count_in_output(help.err, "\n") + count_in_output(version.err, "\n"), 0));
}
