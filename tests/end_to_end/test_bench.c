/* test_bench.c - iocp-bench as a user starts it: short measurements, mistakes, Ctrl-C. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <iocp/port.h>

#include "deadline.h"
#include "server_process.h"

TestSuite(bench, .timeout = 200);

#define WORDS ARGUMENTS

/* It must end with `status`, and all of `words` (up to a NULL) must stand in what it said. */
static void expect_end(const char *const arguments[], int status, const char *const words[])
{
    struct server_process bench;
    process_start(&bench, IOCP_BENCH_PATH, 0, arguments);

    int ended = process_wait(&bench);
    char *said = read_output(status == 0 ? bench.out : bench.err);
    char *complaints = read_output(bench.err);

    cr_expect(eq(int, ended, status), "it said: %s%s", said, complaints);
    for (; *words; words++)
        cr_expect(strstr(said, *words) != NULL, "'%s' is not in: %s", *words, said);
    cr_expect(strstr(said, "ERRORS") == NULL, "it said: %s", said);
    free(complaints);
    free(said);
}

Test(bench, measures_blocked_callbacks_without_an_error)
{
    expect_end(ARGUMENTS("blocked", "--seconds", "0.3", "--connections", "50", "--rounds", "1"), 0,
               WORDS("blocked: 50 connections", "event loop", iocp_engine_name(0)));
}

Test(bench, measures_idle_connections_without_an_error)
{
    expect_end(ARGUMENTS("idle", "--connections", "200", "--seconds", "0.3"), 0,
               WORDS("idle: 200 connections", iocp_engine_name(0)));
}

Test(bench, measures_a_port_with_one_engine)
{
    expect_end(ARGUMENTS("port", "--engine", "blocking", "--count", "1000", "--rounds", "1"), 0,
               WORDS("port: 2 workers", "blocking"));
}

Test(bench, names_a_mistake_and_what_is_allowed)
{
    expect_end(ARGUMENTS("blokced"), 2, WORDS("blokced", "port blocked idle"));
    expect_end(ARGUMENTS("--engine", "quantum"), 2, WORDS("quantum", iocp_engine_name(0)));
    expect_end(ARGUMENTS("--rounds", "0"), 2, WORDS("--rounds", "1 to 99", "'0'"));
    expect_end(ARGUMENTS("--connections", "many"), 2, WORDS("--connections", "'many'"));
    expect_end(ARGUMENTS("--seconds", "-1"), 2, WORDS("--seconds", "0.05 to 3600", "'-1'"));
    expect_end(ARGUMENTS("--seconds", "1e9"), 2, WORDS("--seconds", "'1e9'"));
    expect_end(ARGUMENTS("--seconds"), 2, WORDS("--seconds", "missing"));
    expect_end(ARGUMENTS("--wrong"), 2, WORDS("--wrong"));
}

Test(bench, says_when_there_are_not_enough_descriptors)
{
    struct server_process bench;
    process_start(&bench, IOCP_BENCH_PATH, 150, ARGUMENTS("idle", "--connections", "51"));

    cr_expect(eq(int, process_wait(&bench), 1));
    char *said = read_output(bench.err);
    cr_expect(strstr(said, "ulimit -Hn") != NULL, "it said: %s", said);
    free(said);
}

static bool has_a_child(void *argument)
{
    const struct server_process *process = argument;
    char path[64];
    bool found;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)process->pid,
                   (int)process->pid);
    FILE *children = fopen(path, "re");
    cr_assert(children != NULL, "%s: %s", path, strerror(errno));
    found = fgetc(children) != EOF;
    (void)fclose(children);
    return found;
}

/* What the program has started comes to this test when the program is gone. */
Test(bench, leaves_no_process_behind_when_it_is_interrupted)
{
    struct server_process bench;
    int orphans = 0;

    cr_assert(zero(int, prctl(PR_SET_CHILD_SUBREAPER, 1)));
    process_start(&bench, IOCP_BENCH_PATH, 0,
                  ARGUMENTS("idle", "--connections", "100", "--seconds", "1000"));
    cr_assert(wait_until(has_a_child, &bench));
    cr_assert(zero(int, kill(bench.pid, SIGINT)));
    cr_expect(eq(int, process_wait(&bench), -SIGINT));

    while (wait(NULL) > 0)
        orphans++;
    cr_expect(eq(int, errno, ECHILD));
    cr_expect(gt(int, orphans, 0));
}
