/* test_full_pipe.c - nobody reads what the server writes: its workers, its stop, its last words. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "contract.h"
#include "deadline.h"
#include "process_figures.h"
#include "server_process.h"

#define CLIENTS   8    /* fill the pipe */
#define TEXT_SIZE 1000 /* of what one of them says */

TestSuite(full_pipe, .timeout = 120);

/* A server with one worker, and the pipe of one page that it writes into. */
static struct {
    struct server_process server;
    int pipe;
    int other_end;
    char read[8192]; /* what has been read from it */
    size_t size;
} place;

/* `more` says what else goes into the pipe besides the transcript. */
static void start_before_a_pipe(const char *engine, const char *more, const char *drain_timeout)
{
    char command[100];
    int ends[2];

    cr_assert(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    cr_assert(fcntl(ends[0], F_SETPIPE_SZ, 4096) >= 0);
    place.pipe = ends[0];
    place.other_end = ends[1];
    (void)snprintf(command, sizeof command, "exec \"$0\" \"$@\" >/proc/%d/fd/%d %s", getpid(),
                   ends[1], more);
    process_start(&place.server, "/bin/sh", 0,
                  ARGUMENTS("-c", command, IOCP_SERVER_PATH, "--workers", "1", "--listen",
                            "127.0.0.1:0", "--engine", engine, "--drain-timeout", drain_timeout));
}

static void start_with_a_transcript_nobody_reads(const char *drain_timeout)
{
    const char *only = contract_only_engine();
    const char *engine = only ? only : "auto";

    start_before_a_pipe(engine, "", drain_timeout);
    server_await_banner(&place.server, engine);
}

static void read_pipe(void)
{
    ssize_t size;

    while ((size = read(place.pipe, place.read + place.size, sizeof place.read - 1 - place.size)) >
           0)
        place.size += (size_t)size;
}

static size_t count_read(const char *text)
{
    size_t count = 0;

    for (const char *at = place.read; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static bool all_have_come(void *unused)
{
    (void)unused;
    read_pipe();
    return count_read("Waiting for a connection...\n") == 1 + CLIENTS;
}

static void say_something(int fd)
{
    char text[TEXT_SIZE];

    memset(text, 't', sizeof text);
    client_send(fd, text, sizeof text);
    client_send(fd, "<EOF>", 5);
}

/* Is there room for one more record of what those clients say? */
static bool has_room(void)
{
    static const char words[] = "Read 1005 bytes from socket.\n Data : <EOF>\n";
    const int needed = TEXT_SIZE + sizeof words - 1;
    int used = 0;

    cr_assert(zero(int, ioctl(place.pipe, FIONREAD, &used)));
    return used + needed <= fcntl(place.pipe, F_GETPIPE_SZ);
}

static bool is_answered(int fd)
{
    say_something(fd);
    while (client_is_left_waiting(fd, 300))
        if (!has_room())
            return false; /* else the worker is slow */
    return true;
}

/* Clients speak, one after the other, until the pipe is full and one is not answered: the worker
 * stands before the pipe. They have come in before: the acceptor, which tells of each, is not to
 * stand there, too. */
static int block_the_worker(void)
{
    int fds[CLIENTS], blocked = -1;

    for (size_t i = 0; i < CLIENTS; i++)
        fds[i] = client_connect(&place.server);
    cr_assert(wait_until(all_have_come, NULL));
    for (size_t i = 0; i < CLIENTS; i++) {
        if (blocked < 0 && !is_answered(fds[i]))
            blocked = fds[i];
        else
            close(fds[i]);
    }
    cr_assert(le(int, 0, blocked), "the pipe is never full");
    return blocked;
}

static bool is_told(void *unused)
{
    (void)unused;
    place.size = 0; /* enough has been read */
    read_pipe();
    return count_in_output(place.server.err, "warning: no worker was free for ") > 0;
}

Test(full_pipe, a_worker_that_stood_before_it_tells_so_when_it_goes_on)
{
    start_with_a_transcript_nobody_reads("10s");
    int first = block_the_worker();
    int second = client_connect(&place.server);
    say_something(second);

    cr_expect(client_is_left_waiting(second, 300));
    cr_expect(wait_until(is_told, NULL));

    cr_expect(eq(sz, count_in_output(place.server.err, "all 1 were inside callbacks"), 1));
    cr_expect(not(client_is_left_waiting(second, PATIENCE_MS)));
    close(first);
    close(second);
    cr_expect(eq(int, server_stop(&place.server), 0));
}

static void send_signal(int number)
{
    cr_assert(kill(place.server.pid, number) == 0, "kill: %s", strerror(errno));
}

/* A sanitizer flushes all streams in _exit, and would stand before the pipe itself. */
static void skip_with_a_sanitizer(void)
{
    if (process_is_sanitized())
        cr_skip_test("a sanitizer would not let the program end");
}

/* The worker never comes back, so its session never ends. */
Test(full_pipe, does_not_hold_up_the_stop_for_ever)
{
    skip_with_a_sanitizer();
    start_with_a_transcript_nobody_reads("0");
    int fd = block_the_worker();

    send_signal(SIGTERM);

    cr_expect(eq(int, process_wait(&place.server), 1));
    cr_expect(eq(sz, count_in_output(place.server.err, "ended: something blocks the stop"), 1));
    close(fd);
}

/* Not a byte more goes into it. */
static void fill_up(void)
{
    while (write(place.other_end, "x", 1) == 1)
        continue;
    cr_assert(eq(int, errno, EAGAIN));
}

static bool has_told_its_address(void *unused)
{
    (void)unused;
    read_pipe();
    return count_read(", concurrency ") == 1;
}

/* Its last words would never be out. The two signals differ, or the kernel might make one of them.
 */
Test(full_pipe, behind_stderr_too_does_not_hold_up_a_second_signal)
{
    skip_with_a_sanitizer();
    start_before_a_pipe("epoll", "2>&1", "10m");
    cr_assert(wait_until(has_told_its_address, NULL));
    cr_assert(lt(long, 0, write(place.server.err, place.read, place.size)));
    server_await_banner(&place.server, "epoll");
    int fd = block_the_worker();
    fill_up();

    send_signal(SIGTERM);
    send_signal(SIGINT);

    cr_expect(eq(int, process_wait(&place.server), 1));
    close(fd);
}
