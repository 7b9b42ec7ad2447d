/* test_session.c - one client, whose callbacks the test runs itself, one after the other. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "deadline.h"
#include "loopback.h"
#include "session.h"

/* More than one receive takes, and less than a connection holds. */
#define MUCH ((size_t)32 * 1024)

static struct sessions sessions;
static struct memory memory;
static int client;

/* With epoll, what can be done at once never waits. */
static void open_sessions(void)
{
    memory_init(&memory, (size_t)1 << 30);
    sessions = (struct sessions){.handler = &handler_message, .max = 1};
    handler_rules_init(&sessions.rules, FRAMING_AT_EITHER, 2 * MUCH, NULL, &memory);
    if (iocp_port_create("epoll", 1, &sessions.port) < 0 || sessions_init(&sessions) < 0)
        abort();
}

static void close_sessions(void)
{
    close(client);
    sessions_destroy(&sessions);
    iocp_port_free(sessions.port);
    memory_destroy(&memory);
}

TestSuite(session, .init = open_sessions, .fini = close_sessions, .timeout = 60);

/* Of a client that has sent MUCH, beginning with these words. */
static void start_session(const char *words)
{
    static char bytes[MUCH];
    int ends[2];

    loopback_pair(ends);
    client = ends[0];
    memset(bytes, 'm', sizeof bytes);
    memcpy(bytes, words, strlen(words));
    cr_assert(zero(int, loopback_write_all(client, bytes, sizeof bytes)));
    cr_assert(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    cr_assert(zero(int, session_start(&sessions, ends[1])));
}

/* Run the next callback. False: none came in that time. */
static bool run_one(int timeout_ms)
{
    struct iocp_completion completion;

    if (iocp_port_wait(sessions.port, &completion, timeout_ms) < 0)
        return false;
    completion.callback(completion.op, iocp_op_context(completion.op));
    return true;
}

/* The drain time is over; but nothing that waits is taken back. */
static void be_impatient(void)
{
    atomic_store(&sessions.aborting, true);
}

static void expect_ended(enum session_outcome outcome)
{
    cr_expect(eq(ullong, atomic_load(&sessions.outcomes[outcome]), 1));
    cr_expect(not(run_one(0)));
}

Test(session, is_cut_off_in_its_message_although_more_of_it_is_there)
{
    start_session("");
    cr_assert(run_one(PATIENCE_MS));
    be_impatient();

    cr_expect(run_one(PATIENCE_MS));

    expect_ended(SESSION_CUT_OFF);
}

Test(session, is_cut_off_before_its_reply_although_there_is_room_for_it)
{
    char byte;
    start_session("<EOF>");
    be_impatient();

    cr_expect(run_one(PATIENCE_MS));

    expect_ended(SESSION_CUT_OFF);
    cr_expect(eq(int, (int)loopback_read_all(client, &byte, 1), -ECONNRESET));
}

Test(session, is_not_seen_off_any_longer_although_its_client_goes_on)
{
    start_session("<EOF>");
    cr_assert(run_one(PATIENCE_MS));
    be_impatient();

    cr_expect(run_one(PATIENCE_MS));

    expect_ended(SESSION_SERVED);
}

/* Or a client that stays where it is would hold its place for longer than a silent one may. */
Test(session, is_seen_off_no_longer_than_a_client_may_be_silent)
{
    sessions.idle_timeout_ms = 1;
    start_session("<EOF>");

    while (atomic_load(&sessions.outcomes[SESSION_SERVED]) == 0)
        cr_assert(run_one(2000), "the farewell takes all of its own time");

    expect_ended(SESSION_SERVED);
}
