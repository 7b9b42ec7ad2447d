/* test_sessions.c - the counts by which the acceptor knows whether to go on. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <poll.h>

#include "sessions.h"

static struct sessions sessions;

static void open_sessions(void)
{
    sessions = (struct sessions){.max = 2 * SESSIONS_UNOPENED_MAX};
    if (sessions_init(&sessions) < 0)
        abort();
}

static void close_sessions(void)
{
    sessions_destroy(&sessions);
}

TestSuite(sessions, .init = open_sessions, .fini = close_sessions, .timeout = 30);

static void add(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert(sessions_have_room(&sessions));
        sessions_add(&sessions);
    }
}

static bool bell_rings(void)
{
    struct pollfd bell = {.fd = sessions.bell, .events = POLLIN};

    return poll(&bell, 1, 0) == 1;
}

/* AC-13 */
Test(sessions, that_no_worker_has_opened_are_bounded)
{
    add(SESSIONS_UNOPENED_MAX);

    cr_expect(not(sessions_have_room(&sessions)));
    cr_expect(not(bell_rings()));

    sessions_opened(&sessions);
    cr_expect(bell_rings());
    cr_expect(sessions_have_room(&sessions));
}

Test(sessions, are_bounded_by_the_maximum)
{
    for (size_t i = 0; i < sessions.max; i++) {
        add(1);
        sessions_opened(&sessions);
    }

    cr_expect(not(sessions_have_room(&sessions)));
    cr_expect(not(bell_rings()));

    sessions_remove(&sessions, SESSION_SERVED);
    cr_expect(bell_rings());
    cr_expect(sessions_have_room(&sessions));
}

Test(sessions, ring_the_bell_only_when_it_is_wanted)
{
    add(1);
    sessions_opened(&sessions);
    cr_expect(not(bell_rings()));

    sessions_want_bell(&sessions);
    sessions_remove(&sessions, SESSION_SERVED);
    cr_expect(bell_rings());

    sessions_silence(&sessions);
    cr_expect(not(bell_rings()));
}
