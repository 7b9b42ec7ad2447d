/* test_subjects.c - the command lines by which servers are started. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "made_results.h"
#include "subjects.h"

TestSuite(subjects, .timeout = 60);

static struct subjects subjects;
static struct arguments arguments;

static bool is_said(const char *word)
{
    for (char **each = arguments.argv; *each; each++)
        if (strcmp(*each, word) == 0)
            return true;
    return false;
}

Test(subjects, tells_the_server_its_engine_and_as_many_workers_as_may_run)
{
    struct subject *subject = subjects_add_ours(&subjects, SUBJECT_SERVER, "epoll");

    subject_command_line(subject, &(struct manner){.port = 4711, .workers = 3}, &arguments);

    expect_text(subject->name, "iocp-server epoll");
    cr_expect(is_said("--listen=127.0.0.1:4711"));
    cr_expect(is_said("--engine=epoll"));
    cr_expect(is_said("--workers=3"));
    cr_expect(is_said("--concurrency=3"));
    cr_expect(is_said("--handler=echo"));
    cr_expect(not(is_said("--reuse-port")));
    cr_expect(subject_is_ours(subject));
}

Test(subjects, tells_the_server_to_collect_and_to_share_its_port)
{
    struct subject *subject = subjects_add_ours(&subjects, SUBJECT_SERVER, "epoll");
    struct manner manner = {.port = 1, .workers = 1, .collect = true, .share_port = true};

    subject_command_line(subject, &manner, &arguments);

    cr_expect(is_said("--handler=message"));
    cr_expect(is_said("--reuse-port"));
}

Test(subjects, tells_a_peer_what_it_is_to_do)
{
    struct subject *subject = subjects_add_peer(&subjects, "libuv");
    struct manner manner = {
        .port = 99, .workers = 2, .collect = true, .sleep_every = 100, .sleep_ms = 10};

    subject_command_line(subject, &manner, &arguments);

    cr_expect(ne(ptr, strstr(arguments.argv[0], "bench/peers/peer-libuv"), NULL));
    cr_expect(is_said("--port=99"));
    cr_expect(is_said("--workers=2"));
    cr_expect(is_said("--collect"));
    cr_expect(is_said("--sleep-every=100"));
    cr_expect(is_said("--sleep-ms=10"));
    cr_expect(not(subject_is_ours(subject)));
}

Test(subjects, puts_port_and_workers_into_a_command)
{
    struct subject *subject =
        subjects_add_command(&subjects, "/opt/echo -p {port} -t {workers} -x {port} {other}");

    subject_command_line(subject, &(struct manner){.port = 12345, .workers = 7}, &arguments);

    expect_text(subject->name, "echo");
    expect_text(arguments.argv[0], "/bin/sh");
    expect_text(arguments.argv[2], "exec /opt/echo -p 12345 -t 7 -x 12345 {other}");
    cr_expect(zero(ptr, arguments.argv[3]));
}

Test(subjects, tells_commands_of_one_program_apart)
{
    char very_long[128] = "/opt/";

    memset(very_long + 5, 'x', sizeof very_long - 6);
    expect_text(subjects_add_command(&subjects, "/opt/echo -p {port}")->name, "echo");
    expect_text(subjects_add_command(&subjects, "  ./echo --fast {port}")->name, "echo (2)");
    expect_text(subjects_add_command(&subjects, "echo {port}")->name, "echo (3)");
    (void)subjects_add_peer(&subjects, "epoll");
    expect_text(subjects_add_command(&subjects, "./epoll {port}")->name, "epoll (2)");
    (void)subjects_add_command(&subjects, very_long);
    expect_part(subjects_add_command(&subjects, very_long)->name, "xxx (2)");
}

Test(subjects, cuts_a_command_that_is_too_long)
{
    size_t size = 3 * sizeof arguments.line;
    char *command = malloc(size);

    cr_assert(ne(ptr, command, NULL));
    memset(command, 'x', size - 1);
    command[size - 1] = '\0';
    struct subject *subject = subjects_add_command(&subjects, command);
    subject_command_line(subject, &(struct manner){.port = 1}, &arguments);
    free(command);

    cr_expect(lt(sz, strlen(arguments.line), sizeof arguments.line));
}

Test(subjects, has_room_for_so_many)
{
    for (size_t i = 0; i < SUBJECTS_MAX; i++)
        cr_expect(ne(ptr, subjects_add_peer(&subjects, "epoll"), NULL));
    cr_expect(zero(ptr, subjects_add_peer(&subjects, "epoll")));
}

Test(subjects, says_why_an_engine_does_not_work)
{
    struct subject *subject = subjects_add_ours(&subjects, SUBJECT_SERVER, "quantum");

    cr_expect(ne(int, subject->why[0], 0));
}

Test(subjects, are_measured_with_as_many_connections_as_they_are_made_for)
{
    struct subject *threads = subjects_add_peer(&subjects, "threads");
    struct subject *epoll = subjects_add_peer(&subjects, "epoll");
    struct subject *blocking = subjects_add_ours(&subjects, SUBJECT_SERVER, "blocking");

    cr_expect(subject_holds(threads, 10000));
    cr_expect(not(subject_holds(threads, 100000)));
    cr_expect(subject_holds(blocking, 500));
    cr_expect(not(subject_holds(blocking, 5000)));
    cr_expect(subject_holds(epoll, 100000));
}
