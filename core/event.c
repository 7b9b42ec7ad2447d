/* event.c - events: a set hands itself to the threads that are registered as waiting. */
/* SPDX-License-Identifier: MIT */
/*
 * Release   A set marks the threads that it releases, so a reset that follows at once cannot
 *           take it back. A thread that waits for all of its events is only told to look again.
 * Locks     A wait holds the locks of all its events at once, taken in the order of their
 *           addresses; a thread's own lock comes after any event's.
 * Lifetime  A thread leaves a wait through the locks of its events. So a set that released it
 *           has done with the event and with the thread's stack, but for the unlock itself.
 */
#include "event.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include <iocp/port.h>

#include "clock.h"
#include "lock.h"
#include "port_help.h"

enum { NOT_RELEASED = -ETIMEDOUT };

/* A thread's place in the line of one event: a ring whose first stands in the event. */
struct iocp_event_waiter {
    struct wait *wait;
    struct iocp_event *event;
    struct iocp_event_waiter *next; /* guarded by the event's lock; NULL: not in line */
    struct iocp_event_waiter *previous;
    int index; /* in the caller's array */
};

/* One wait, on the stack of the thread that waits. */
struct wait {
    struct lock lock;
    struct condition ready; /* signalled: woken */
    atomic_uint woken;      /* 0 or 1; written under lock; port_help looks at it without */
    int released;           /* guarded by lock; the index of the event that released the thread */
    bool all;               /* constant */
    size_t count;
    struct iocp_event_waiter waiters[IOCP_EVENTS_MAX]; /* in the order of their events' addresses */
};

static void lock_event(struct iocp_event *event)
{
    lock_check(pthread_mutex_lock(&event->lock), "pthread_mutex_lock");
}

static void unlock_event(struct iocp_event *event)
{
    lock_check(pthread_mutex_unlock(&event->lock), "pthread_mutex_unlock");
}

static void join_line(struct iocp_event_waiter *waiter)
{
    struct iocp_event_waiter *first = waiter->event->waiters;

    if (first == NULL) {
        waiter->next = waiter->previous = waiter;
        waiter->event->waiters = waiter;
    } else {
        waiter->next = first;
        waiter->previous = first->previous;
        waiter->previous->next = first->previous = waiter;
    }
}

static void leave_line(struct iocp_event_waiter *waiter)
{
    struct iocp_event *event = waiter->event;

    if (waiter->next == NULL)
        return;
    waiter->next->previous = waiter->previous;
    waiter->previous->next = waiter->next;
    if (event->waiters == waiter)
        event->waiters = waiter->next == waiter ? NULL : waiter->next;
    waiter->next = NULL;
}

static struct iocp_event_waiter *next_in_line(const struct iocp_event_waiter *waiter)
{
    return waiter->next == waiter->event->waiters ? NULL : waiter->next;
}

/* Release the thread, or tell it to look again. Returns whether this released it. */
static bool wake(const struct iocp_event_waiter *waiter)
{
    struct wait *wait = waiter->wait;

    lock_acquire(&wait->lock);
    const bool releases = !wait->all && wait->released == NOT_RELEASED;
    if (releases)
        wait->released = waiter->index;
    if (releases || wait->all) {
        atomic_store(&wait->woken, 1);
        condition_signal(&wait->ready);
        help_wake_written();
    }
    lock_release(&wait->lock);
    return releases;
}

void iocp_event_init(struct iocp_event *event, enum iocp_event_kind kind, bool set)
{
    *event = (struct iocp_event){.kind = kind, .set = set};
    lock_check(pthread_mutex_init(&event->lock, NULL), "pthread_mutex_init");
}

void iocp_event_destroy(struct iocp_event *event)
{
    assert(event->waiters == NULL);
    lock_check(pthread_mutex_destroy(&event->lock), "pthread_mutex_destroy");
}

void iocp_event_set(struct iocp_event *event)
{
    bool consumed = false;

    lock_event(event);
    for (struct iocp_event_waiter *waiter = event->waiters, *next; waiter && !consumed;
         waiter = next) {
        next = next_in_line(waiter);
        if (wake(waiter)) {
            leave_line(waiter);
            consumed = event->kind == IOCP_AUTO_RESET;
        }
    }
    event->set = !consumed;
    unlock_event(event);
}

void iocp_event_reset(struct iocp_event *event)
{
    lock_event(event);
    event->set = false;
    unlock_event(event);
}

size_t event_waiter_count(struct iocp_event *event)
{
    size_t count = 0;

    lock_event(event);
    for (struct iocp_event_waiter *waiter = event->waiters; waiter; waiter = next_in_line(waiter))
        count++;
    unlock_event(event);
    return count;
}

/* Insert an event by its address. Returns false if it is there already. */
static bool add_event(struct wait *wait, struct iocp_event *event, int index)
{
    size_t place = wait->count;

    while (place > 0 && (uintptr_t)wait->waiters[place - 1].event > (uintptr_t)event)
        place--;
    if (place > 0 && wait->waiters[place - 1].event == event)
        return false;
    for (size_t i = wait->count++; i > place; i--)
        wait->waiters[i] = wait->waiters[i - 1];
    wait->waiters[place] = (struct iocp_event_waiter){.wait = wait, .event = event, .index = index};
    return true;
}

static int add_events(struct wait *wait, struct iocp_event *const events[], size_t count)
{
    if (count == 0 || count > IOCP_EVENTS_MAX)
        return -EINVAL;
    wait->count = 0;
    for (size_t i = 0; i < count; i++)
        if (!add_event(wait, events[i], (int)i))
            return -EINVAL;
    return 0;
}

static void lock_events(struct wait *wait)
{
    for (size_t i = 0; i < wait->count; i++)
        lock_event(wait->waiters[i].event);
}

static void unlock_events(struct wait *wait)
{
    for (size_t i = 0; i < wait->count; i++)
        unlock_event(wait->waiters[i].event);
}

static void consume_locked(struct iocp_event *event)
{
    if (event->kind == IOCP_AUTO_RESET)
        event->set = false;
}

static int take_any_locked(struct wait *wait)
{
    struct iocp_event_waiter *lowest = NULL;

    if (wait->released != NOT_RELEASED)
        return wait->released;
    for (size_t i = 0; i < wait->count; i++) {
        struct iocp_event_waiter *waiter = &wait->waiters[i];

        if (waiter->event->set && (lowest == NULL || waiter->index < lowest->index))
            lowest = waiter;
    }
    if (lowest == NULL)
        return NOT_RELEASED;
    consume_locked(lowest->event);
    return lowest->index;
}

static int take_all_locked(struct wait *wait)
{
    for (size_t i = 0; i < wait->count; i++)
        if (!wait->waiters[i].event->set)
            return NOT_RELEASED;
    for (size_t i = 0; i < wait->count; i++)
        consume_locked(wait->waiters[i].event);
    return 0;
}

static int take_locked(struct wait *wait)
{
    return wait->all ? take_all_locked(wait) : take_any_locked(wait);
}

/* Sleep until woken. Returns whether the deadline has passed. */
static bool sleep_until_woken(struct wait *wait, int64_t deadline_ns)
{
    iocp_blocking_begin();
    if (!port_help(&wait->woken, 1, deadline_ns)) {
        lock_acquire(&wait->lock);
        while (!atomic_load(&wait->woken) && condition_wait(&wait->ready, &wait->lock, deadline_ns))
            ;
        lock_release(&wait->lock);
    }
    atomic_store(&wait->woken, 0);
    iocp_blocking_end();
    return clock_now_ns() >= deadline_ns;
}

static int wait_in_line(struct wait *wait, int timeout_ms)
{
    const int64_t deadline_ns = deadline_after_ms(timeout_ms);
    bool expired = timeout_ms == 0;
    int result;

    lock_events(wait);
    for (size_t i = 0; i < wait->count; i++)
        join_line(&wait->waiters[i]);
    while ((result = take_locked(wait)) == NOT_RELEASED && !expired) {
        unlock_events(wait);
        expired = sleep_until_woken(wait, deadline_ns);
        lock_events(wait);
    }
    for (size_t i = 0; i < wait->count; i++)
        leave_line(&wait->waiters[i]);
    unlock_events(wait);
    return result;
}

static int wait_for(struct iocp_event *const events[], size_t count, bool all, int timeout_ms)
{
    struct wait wait;
    int result = add_events(&wait, events, count);

    if (result < 0)
        return result;
    wait.all = all;
    atomic_init(&wait.woken, 0);
    wait.released = NOT_RELEASED;
    lock_init(&wait.lock);
    wait.ready = (struct condition){0};
    result = wait_in_line(&wait, timeout_ms);
    lock_destroy(&wait.lock);
    return result;
}

int iocp_event_wait(struct iocp_event *event, int timeout_ms)
{
    return wait_for(&event, 1, false, timeout_ms);
}

int iocp_event_wait_any(struct iocp_event *const events[], size_t count, int timeout_ms)
{
    return wait_for(events, count, false, timeout_ms);
}

int iocp_event_wait_all(struct iocp_event *const events[], size_t count, int timeout_ms)
{
    return wait_for(events, count, true, timeout_ms);
}
