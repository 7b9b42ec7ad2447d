/* test_descriptors.c - a server that has no descriptor left: quiet, patient, and back at once. */
/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "acceptor.h"
#include "client.h"
#include "clock.h"
#include "deadline.h"
#include "process_figures.h"
#include "server_process.h"

#define LIMIT   64 /* descriptors of the server: more clients than that cannot be accepted */
#define SHORT   "warning: no more clients can be accepted"
#define WAITING "Waiting for a connection...\n"
#define LOOK_MS 400
#define MS_NS   1000000

TestSuite(descriptors, .timeout = 120);

/* Silent clients, of which all but the latest have been accepted; that one waits. */
struct silence {
    const struct server_process *server;
    int fds[LIMIT];
    size_t count;
    size_t short_times; /* that the server has told of */
    size_t waiting_lines;
};

static void start_short(struct server_process *server)
{
    server_start_limited(server, LIMIT, ARGUMENTS("--max-connections", "1000"));
}

/* The latest client is accepted, or cannot be. */
static bool is_decided(void *argument)
{
    const struct silence *silence = argument;

    return count_in_output(silence->server->out, WAITING) > silence->waiting_lines ||
           count_in_output(silence->server->err, SHORT) > silence->short_times;
}

/* Connect one after the other, until one is not accepted. */
static void fall_silent(struct silence *silence, const struct server_process *server)
{
    *silence =
        (struct silence){.server = server, .short_times = count_in_output(server->err, SHORT)};
    do {
        cr_assert(silence->count < LIMIT, "the server is never short");
        silence->waiting_lines = count_in_output(server->out, WAITING);
        silence->fds[silence->count++] = client_connect(server);
        cr_assert(wait_until(is_decided, silence), "the server ignores a client");
    } while (count_in_output(server->err, SHORT) == silence->short_times);
}

static void leave_all(const struct silence *silence)
{
    for (size_t i = 0; i < silence->count; i++)
        close(silence->fds[i]);
}

/* Nobody is to be served while we look. */
static void look_on(int fd)
{
    struct pollfd answer = {.fd = fd, .events = POLLIN};

    cr_expect(zero(int, poll(&answer, 1, LOOK_MS)), "it is served although nobody has left");
}

/* The client says a whole message, and is answered. Returns the microseconds since `from_ns`. */
static int64_t expect_service(int fd, int64_t from_ns)
{
    char echo[8];

    client_send(fd, "m<EOF>", 6);
    cr_expect(eq(int, (int)client_receive_all(fd, echo, sizeof echo), 6));
    return (clock_now_ns() - from_ns) / 1000;
}

/* It tries again every ACCEPTOR_REST_MS: some twenty times a second it sleeps, and each try costs
 * microseconds. Who spins either sleeps far more often, or uses the processor. */
Test(descriptors, while_they_are_short_the_server_sleeps_and_tries_now_and_then)
{
    struct silence silence;
    struct server_process server;
    start_short(&server);
    fall_silent(&silence, &server);

    const struct thread_figures before = process_thread_figures(&server, "iocp-acceptor");
    const int64_t begun_ns = clock_now_ns();
    look_on(silence.fds[silence.count - 1]);
    look_on(silence.fds[silence.count - 1]);
    const struct thread_figures after = process_thread_figures(&server, "iocp-acceptor");
    const uint64_t passed_ns = (uint64_t)(clock_now_ns() - begun_ns);
    const uint64_t sleeps = after.sleeps - before.sleeps;
    const uint64_t processor_ns = after.processor_ns - before.processor_ns;

    (void)fprintf(stderr,
                  "[descriptors] short for %" PRIu64 " ms: slept %" PRIu64 " times, used %" PRIu64
                  " us of processor time\n",
                  passed_ns / MS_NS, sleeps, processor_ns / 1000);
    cr_expect(le(u64, sleeps, 2 * passed_ns / MS_NS / ACCEPTOR_REST_MS));
    cr_expect(lt(u64, processor_ns, passed_ns / 20));
    leave_all(&silence);
    cr_expect(client_is_served(&server));
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(descriptors, the_first_who_leaves_lets_the_first_who_waits_come_in)
{
    struct silence silence;
    struct server_process server;
    start_short(&server);
    fall_silent(&silence, &server);
    look_on(silence.fds[silence.count - 1]);

    const int64_t left_ns = clock_now_ns();
    close(silence.fds[0]);
    const int64_t taken_us = expect_service(silence.fds[silence.count - 1], left_ns);

    (void)fprintf(stderr, "[descriptors] served %" PRId64 " us after one had left\n", taken_us);
    for (size_t i = 1; i < silence.count; i++)
        close(silence.fds[i]);
    cr_expect(client_is_served(&server));
    cr_expect(eq(int, server_stop(&server), 0));
}

/* However often it tries in vain, and however many wait. */
Test(descriptors, it_says_once_for_each_time_that_they_are_short)
{
    enum { TIMES = 3 };
    struct silence silence;
    struct server_process server;
    start_short(&server);

    for (size_t times = 1; times <= TIMES; times++) {
        fall_silent(&silence, &server);
        int another = client_connect(&server);
        look_on(another);
        cr_expect(eq(sz, count_in_output(server.err, SHORT), times));
        leave_all(&silence);
        (void)expect_service(another, 0); /* the last in line: then nobody waits any more */
        close(another);
    }

    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, SHORT), TIMES));
}

/* Whose first byte was read, has been opened: no such client wakes the acceptor any more. */
static void begin_messages(struct server_process *server, const int fds[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_send(fds[i], "m", 1);
    client_wait_until_taken(server, fds[count - 1]);
}

/* Nothing is short: it does not even try until one leaves. */
Test(descriptors, at_max_connections_the_server_sleeps_without_trying)
{
    enum { MAX = 8 };
    int fds[MAX];
    struct server_process server;
    server_start(&server, ARGUMENTS("--max-connections", "8"));
    for (size_t i = 0; i < MAX; i++)
        fds[i] = client_connect(&server);
    wait_for_output(&server, server.out, WAITING, MAX + 1);
    begin_messages(&server, fds, MAX);
    int waiting = client_connect(&server);

    const struct thread_figures before = process_thread_figures(&server, "iocp-acceptor");
    look_on(waiting);
    const struct thread_figures after = process_thread_figures(&server, "iocp-acceptor");
    const int64_t left_ns = clock_now_ns();
    close(fds[0]);
    const int64_t taken_us = expect_service(waiting, left_ns);

    (void)fprintf(stderr, "[descriptors] served %" PRId64 " us after one had left\n", taken_us);
    cr_expect(le(u64, after.sleeps - before.sleeps, 1)); /* it may have been on its way to sleep */
    for (size_t i = 1; i < MAX; i++)
        close(fds[i]);
    close(waiting);
    cr_expect(eq(int, server_stop(&server), 0));
}
