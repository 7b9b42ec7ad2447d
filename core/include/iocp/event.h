/* event.h - manual-reset and auto-reset events; waiting for one, any or all of them. */
/* SPDX-License-Identifier: MIT */
/*
 * Source   ManualResetEvent and AutoResetEvent of .NET, SetEvent/ResetEvent and
 *          WaitForMultipleObjects of Windows. There is no PulseEvent: it loses wake-ups.
 * Threads  Every function may be called from any thread, except init and destroy, which
 *          must be alone with the event.
 */
#ifndef IOCP_EVENT_H
#define IOCP_EVENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <iocp/export.h>

/* The most events that one wait takes; as on Windows. */
#define IOCP_EVENTS_MAX 64

enum iocp_event_kind {
    IOCP_MANUAL_RESET, /* set: releases all, stays set until reset */
    IOCP_AUTO_RESET,   /* set: releases one waiter, or the next one to come */
};

struct iocp_event_waiter;

/* Storage is the caller's, so that an event can stand inside another structure. Fields are
 * the library's own. */
struct iocp_event {
    pthread_mutex_t lock;
    struct iocp_event_waiter *waiters; /* guarded by lock */
    enum iocp_event_kind kind;         /* constant */
    bool set;                          /* guarded by lock */
};

/* Make an event ready for use, `set` or unset. */
IOCP_API void iocp_event_init(struct iocp_event *event, enum iocp_event_kind kind, bool set);

/* The end of an event that nobody waits on. */
IOCP_API void iocp_event_destroy(struct iocp_event *event);

/*
 * Set the event. Manual-reset: every thread that waits now is released, even if a reset
 * follows at once. Auto-reset: exactly one is; if none waits, the next wait passes.
 */
IOCP_API void iocp_event_set(struct iocp_event *event);

/* Unset the event; harmless if it is unset. */
IOCP_API void iocp_event_reset(struct iocp_event *event);

/*
 * Wait until the event is set, at most `timeout_ms` milliseconds of the monotonic clock.
 *
 * Returns  0: it was set (an auto-reset event is now unset again).
 *          -ETIMEDOUT: the time is over, never earlier than asked for.
 */
IOCP_API IOCP_MUST_CHECK int iocp_event_wait(struct iocp_event *event, int timeout_ms);

/*
 * Wait until one of `count` events is set. Only the reported one is consumed.
 *
 * Ownership  The array is copied at entry and may be changed during the wait; the events
 *            must live until the wait returns.
 * Returns    The lowest index among the set ones, from 0. -ETIMEDOUT. -EINVAL: count is 0 or
 *            above IOCP_EVENTS_MAX, or an event stands in the array twice.
 */
IOCP_API IOCP_MUST_CHECK int iocp_event_wait_any(struct iocp_event *const events[], size_t count,
                                                 int timeout_ms);

/*
 * Wait until all `count` events are set at one moment; until then none is consumed.
 *
 * Ownership  As iocp_event_wait_any.
 * Returns    0, -ETIMEDOUT, -EINVAL as iocp_event_wait_any.
 */
IOCP_API IOCP_MUST_CHECK int iocp_event_wait_all(struct iocp_event *const events[], size_t count,
                                                 int timeout_ms);

#endif
