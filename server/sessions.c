/* sessions.c - what all sessions have in common: rules, counts, and whether to go on. */
/* SPDX-License-Identifier: MIT */
#include "sessions.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* How often the stop asks again: a receive begun just after one sweep falls to the next. */
#define SWEEP_MS 100

int sessions_init(struct sessions *sessions)
{
    sessions->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (sessions->bell < 0)
        return -errno;
    iocp_event_init(&sessions->all_gone, IOCP_MANUAL_RESET, false);
    atomic_init(&sessions->bell_wanted, false);
    atomic_init(&sessions->held, 1);
    atomic_init(&sessions->unopened, 0);
    atomic_init(&sessions->draining, false);
    atomic_init(&sessions->aborting, false);
    for (size_t i = 0; i < SESSION_OUTCOMES; i++)
        atomic_init(&sessions->outcomes[i], 0);
    return 0;
}

void sessions_destroy(struct sessions *sessions)
{
    iocp_event_destroy(&sessions->all_gone);
    close(sessions->bell);
}

/*
 * The acceptor says that it wants the bell and then looks at the counts; a session changes a
 * count and then looks whether the bell is wanted. These four are sequentially consistent, so
 * that one of the two sees the other, and no change is slept through.
 */
static bool counts_allow_more(struct sessions *sessions)
{
    return atomic_load_explicit(&sessions->held, memory_order_seq_cst) <= sessions->max &&
           atomic_load_explicit(&sessions->unopened, memory_order_seq_cst) < SESSIONS_UNOPENED_MAX;
}

static void counts_changed(struct sessions *sessions)
{
    if (atomic_load_explicit(&sessions->bell_wanted, memory_order_seq_cst) &&
        atomic_exchange_explicit(&sessions->bell_wanted, false, memory_order_seq_cst))
        sessions_ring(sessions);
}

bool sessions_have_room(struct sessions *sessions)
{
    if (counts_allow_more(sessions))
        return true;
    sessions_want_bell(sessions);
    return counts_allow_more(sessions);
}

void sessions_want_bell(struct sessions *sessions)
{
    atomic_store_explicit(&sessions->bell_wanted, true, memory_order_seq_cst);
}

void sessions_ring(struct sessions *sessions)
{
    (void)eventfd_write(sessions->bell, 1); /* fails only if it is ringing already */
}

void sessions_silence(struct sessions *sessions)
{
    eventfd_t rung;

    (void)eventfd_read(sessions->bell, &rung); /* fails only if it does not ring */
}

void sessions_add(struct sessions *sessions)
{
    atomic_fetch_add_explicit(&sessions->held, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&sessions->unopened, 1, memory_order_relaxed);
}

void sessions_opened(struct sessions *sessions)
{
    atomic_fetch_sub_explicit(&sessions->unopened, 1, memory_order_seq_cst);
    counts_changed(sessions);
}

static void release(struct sessions *sessions)
{
    if (atomic_fetch_sub_explicit(&sessions->held, 1, memory_order_seq_cst) == 1)
        iocp_event_set(&sessions->all_gone);
}

void sessions_remove(struct sessions *sessions, enum session_outcome outcome)
{
    atomic_fetch_add_explicit(&sessions->outcomes[outcome], 1, memory_order_relaxed);
    release(sessions);
    counts_changed(sessions);
}

bool sessions_are_draining(struct sessions *sessions)
{
    /* acquire: pairs with the release in sessions_stop */
    return atomic_load_explicit(&sessions->draining, memory_order_acquire);
}

bool sessions_are_aborting(struct sessions *sessions)
{
    /* acquire: pairs with the release in abort_rest */
    return atomic_load_explicit(&sessions->aborting, memory_order_acquire);
}

static void abort_rest(struct sessions *sessions)
{
    log_line("warning: --drain-timeout is over, %zu sessions are ended",
             atomic_load_explicit(&sessions->held, memory_order_relaxed));
    atomic_store_explicit(&sessions->aborting, true, memory_order_release);
    do
        iocp_port_cancel_all(sessions->port);
    while (iocp_event_wait(&sessions->all_gone, SWEEP_MS) < 0);
}

void sessions_stop(struct sessions *sessions, int timeout_ms)
{
    const int64_t deadline = clock_now_ms() + timeout_ms;
    int64_t left;

    atomic_store_explicit(&sessions->draining, true, memory_order_release);
    release(sessions);
    while ((left = deadline - clock_now_ms()) > 0) {
        iocp_port_cancel_receives(sessions->port);
        if (iocp_event_wait(&sessions->all_gone, left < SWEEP_MS ? (int)left : SWEEP_MS) == 0)
            return;
    }
    if (iocp_event_wait(&sessions->all_gone, 0) < 0)
        abort_rest(sessions);
}

void sessions_log(struct sessions *sessions)
{
    unsigned long long counts[SESSION_OUTCOMES];
    unsigned long long all = 0;

    for (size_t i = 0; i < SESSION_OUTCOMES; i++) {
        counts[i] = atomic_load_explicit(&sessions->outcomes[i], memory_order_relaxed);
        all += counts[i];
    }
    log_line("served %llu sessions, %llu reset, %llu timed out, %llu too long, %llu incomplete, "
             "%llu cut off, %llu failed",
             all, counts[SESSION_RESET], counts[SESSION_TIMED_OUT], counts[SESSION_TOO_LONG],
             counts[SESSION_INCOMPLETE], counts[SESSION_CUT_OFF], counts[SESSION_FAILED]);
}
