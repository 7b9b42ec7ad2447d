/* Events: whom a set releases, what a wait consumes, and when a wait gives up. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "clock.h"
#include "deadline.h"
#include "event.h"

#define THREADS 8
#define ROUNDS  10000

TestSuite(event, .timeout = 50);

/* A thread that waits on one or two events. What is left zero takes its default: wait for any
 * of them, for as long as a test has patience. */
struct sleeper {
    pthread_t thread;
    struct iocp_event *events[2];
    int (*wait)(struct iocp_event *const events[], size_t count, int timeout_ms);
    int timeout_ms;
    int result;
    int64_t waited_ns;
};

static atomic_int finished; /* how many sleepers have */

static void *sleep_on_events(void *argument)
{
    struct sleeper *sleeper = argument;
    const size_t count = sleeper->events[1] == NULL ? 1 : 2;
    const int64_t start_ns = clock_now_ns();

    sleeper->result = sleeper->wait(sleeper->events, count, sleeper->timeout_ms);
    sleeper->waited_ns = clock_now_ns() - start_ns;
    atomic_fetch_add(&finished, 1);
    return NULL;
}

static void start(struct sleeper *sleeper)
{
    if (sleeper->wait == NULL)
        sleeper->wait = iocp_event_wait_any;
    if (sleeper->timeout_ms == 0)
        sleeper->timeout_ms = PATIENCE_MS;
    cr_assert(zero(int, pthread_create(&sleeper->thread, NULL, sleep_on_events, sleeper)));
}

static int join(struct sleeper *sleeper)
{
    cr_assert(zero(int, pthread_join(sleeper->thread, NULL)));
    return sleeper->result;
}

struct expected_line {
    struct iocp_event *event;
    size_t length;
};

static bool line_is(void *argument)
{
    const struct expected_line *expected = argument;

    return event_waiter_count(expected->event) == expected->length;
}

static bool wait_for_line(struct iocp_event *event, size_t length)
{
    return wait_until(line_is, &(struct expected_line){event, length});
}

static bool so_many_have_finished(void *count)
{
    return atomic_load(&finished) == *(int *)count;
}

static void init_many(struct iocp_event events[], struct iocp_event *pointers[], size_t count,
                      enum iocp_event_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        iocp_event_init(&events[i], kind, false);
        pointers[i] = &events[i];
    }
}

static void destroy_many(struct iocp_event events[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        iocp_event_destroy(&events[i]);
}

/* EV-01 */
Test(event, unset_manual_event_times_out)
{
    struct iocp_event event;

    iocp_event_init(&event, IOCP_MANUAL_RESET, false);

    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));
    iocp_event_destroy(&event);
}

/* EV-02 */
Test(event, set_manual_event_lets_every_wait_pass_until_reset)
{
    struct iocp_event event;
    int passed = 0;

    iocp_event_init(&event, IOCP_MANUAL_RESET, false);
    iocp_event_set(&event);
    for (int i = 0; i < 1000; i++)
        passed += iocp_event_wait(&event, 0) == 0;
    cr_expect(eq(int, passed, 1000));

    iocp_event_reset(&event);
    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));
    iocp_event_destroy(&event);
}

Test(event, an_event_may_be_born_set)
{
    struct iocp_event manual;
    struct iocp_event automatic;

    iocp_event_init(&manual, IOCP_MANUAL_RESET, true);
    iocp_event_init(&automatic, IOCP_AUTO_RESET, true);

    cr_expect(zero(int, iocp_event_wait(&manual, 0)));
    cr_expect(zero(int, iocp_event_wait(&manual, IOCP_INFINITE)));
    cr_expect(zero(int, iocp_event_wait(&automatic, IOCP_INFINITE)));
    cr_expect(eq(int, iocp_event_wait(&automatic, 0), -ETIMEDOUT));
    iocp_event_destroy(&manual);
    iocp_event_destroy(&automatic);
}

/* EV-03 */
Test(event, set_of_a_manual_event_releases_all_that_wait)
{
    struct iocp_event event;
    struct sleeper sleepers[THREADS] = {0};

    iocp_event_init(&event, IOCP_MANUAL_RESET, false);
    for (int i = 0; i < THREADS; i++) {
        sleepers[i].events[0] = &event;
        sleepers[i].timeout_ms = IOCP_INFINITE;
        start(&sleepers[i]);
    }
    cr_assert(wait_for_line(&event, THREADS));
    iocp_event_set(&event);

    for (int i = 0; i < THREADS; i++)
        cr_expect(zero(int, join(&sleepers[i])));
    iocp_event_destroy(&event);
}

/* Alternately, as the event just passed may still be set. */
static int wait_alternately(struct iocp_event *const events[], size_t count, int timeout_ms)
{
    int result = 0;

    for (int i = 0; i < ROUNDS && result == 0; i++)
        result = iocp_event_wait(events[(size_t)i % count], timeout_ms);
    return result;
}

/* EV-04 */
Test(event, a_reset_at_once_does_not_take_the_set_back)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];
    struct sleeper sleepers[THREADS] = {0};

    init_many(events, pointers, 2, IOCP_MANUAL_RESET);
    for (int i = 0; i < THREADS; i++) {
        sleepers[i].events[0] = &events[0];
        sleepers[i].events[1] = &events[1];
        sleepers[i].wait = wait_alternately;
        start(&sleepers[i]);
    }
    for (int i = 0; i < ROUNDS && wait_for_line(&events[i % 2], THREADS); i++) {
        iocp_event_set(&events[i % 2]);
        iocp_event_reset(&events[i % 2]);
    }

    for (int i = 0; i < THREADS; i++)
        cr_expect(zero(int, join(&sleepers[i])));
    destroy_many(events, 2);
}

/* EV-05 */
Test(event, set_of_an_auto_event_releases_exactly_one)
{
    struct iocp_event event;
    struct sleeper sleepers[THREADS] = {0};

    iocp_event_init(&event, IOCP_AUTO_RESET, false);
    for (int i = 0; i < THREADS; i++) {
        sleepers[i].events[0] = &event;
        start(&sleepers[i]);
    }
    cr_assert(wait_for_line(&event, THREADS));

    for (int released = 1; released <= THREADS; released++) {
        iocp_event_set(&event);
        cr_expect(eq(sz, event_waiter_count(&event), THREADS - released));
        cr_expect(wait_until(so_many_have_finished, &released), "%d", released);
    }

    for (int i = 0; i < THREADS; i++)
        cr_expect(zero(int, join(&sleepers[i])));
    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));
    iocp_event_destroy(&event);
}

/* EV-06 */
Test(event, set_of_an_auto_event_lets_one_later_wait_pass)
{
    struct iocp_event event;

    iocp_event_init(&event, IOCP_AUTO_RESET, false);
    iocp_event_set(&event);

    cr_expect(zero(int, iocp_event_wait(&event, 0)));
    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));
    iocp_event_destroy(&event);
}

/* EV-07 */
Test(event, two_sets_of_an_auto_event_without_a_wait_count_once)
{
    struct iocp_event event;

    iocp_event_init(&event, IOCP_AUTO_RESET, false);
    iocp_event_set(&event);
    iocp_event_set(&event);

    cr_expect(zero(int, iocp_event_wait(&event, 0)));
    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));
    iocp_event_destroy(&event);
}

/* EV-08 */
Test(event, set_of_a_set_and_reset_of_an_unset_event_are_harmless)
{
    struct iocp_event event;

    iocp_event_init(&event, IOCP_MANUAL_RESET, false);
    iocp_event_reset(&event);
    iocp_event_reset(&event);
    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));

    iocp_event_set(&event);
    iocp_event_set(&event);
    cr_expect(zero(int, iocp_event_wait(&event, 0)));
    cr_expect(zero(int, iocp_event_wait(&event, 0)));

    iocp_event_reset(&event);
    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));
    iocp_event_destroy(&event);
}

Test(event, reset_of_an_auto_event_takes_its_set_back)
{
    struct iocp_event event;

    iocp_event_init(&event, IOCP_AUTO_RESET, true);
    iocp_event_reset(&event);

    cr_expect(eq(int, iocp_event_wait(&event, 0), -ETIMEDOUT));
    iocp_event_destroy(&event);
}

/* How early the wait gave up, in ns; 0 if it did not, and INT64_MAX if something else came. */
static int64_t earliness(struct sleeper *sleeper, int timeout_ms)
{
    const int64_t start_ns = clock_now_ns();
    const int result = sleeper->wait(sleeper->events, 2, timeout_ms);
    const int64_t early_ns = start_ns + (int64_t)timeout_ms * 1000000 - clock_now_ns();

    if (result != -ETIMEDOUT)
        return INT64_MAX;
    return early_ns > 0 ? early_ns : 0;
}

/* EV-09 */
Test(event, no_wait_times_out_early)
{
    struct iocp_event events[2];
    struct sleeper any = {.events = {&events[0], &events[1]}, .wait = iocp_event_wait_any};
    struct sleeper all = {.events = {&events[0], &events[1]}, .wait = iocp_event_wait_all};

    iocp_event_init(&events[0], IOCP_AUTO_RESET, false);
    iocp_event_init(&events[1], IOCP_MANUAL_RESET, false);

    for (int i = 0; i < 100; i++) {
        cr_expect(zero(i64, earliness(&any, i % 10)));
        cr_expect(zero(i64, earliness(&all, i % 10)));
    }
    cr_expect(zero(i64, earliness(&any, 200)));
    iocp_event_destroy(&events[0]);
    iocp_event_destroy(&events[1]);
}

/* EV-09: being told to look again does not end a wait for all before its time. */
Test(event, sets_of_one_event_do_not_end_a_wait_for_all_early)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    for (int i = 1; i <= 20; i++) {
        struct sleeper sleeper = {.events = {pointers[0], pointers[1]}};

        sleeper.wait = iocp_event_wait_all;
        sleeper.timeout_ms = 10;
        start(&sleeper);
        while (atomic_load(&finished) < i) {
            iocp_event_set(&events[0]);
            (void)sched_yield(); /* the waiter needs the event's lock to look */
        }

        cr_expect(eq(int, join(&sleeper), -ETIMEDOUT));
        cr_expect(ge(i64, sleeper.waited_ns, 10000000));
    }
    destroy_many(events, 2);
}

/* EV-10 */
Test(event, wait_any_reports_the_lowest_index)
{
    struct iocp_event events[4];
    struct iocp_event *upwards[4];

    init_many(events, upwards, 4, IOCP_MANUAL_RESET);
    iocp_event_set(&events[3]);
    iocp_event_set(&events[1]);

    struct iocp_event *downwards[] = {upwards[3], upwards[2], upwards[1], upwards[0]};
    cr_expect(eq(int, iocp_event_wait_any(upwards, 4, 0), 1));
    cr_expect(eq(int, iocp_event_wait_any(downwards, 4, 0), 0));
    iocp_event_reset(&events[3]);
    cr_expect(eq(int, iocp_event_wait_any(downwards, 4, 0), 2));
    destroy_many(events, 4);
}

/* EV-11 */
Test(event, wait_any_consumes_only_what_it_reports)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    iocp_event_set(&events[0]);
    iocp_event_set(&events[1]);

    cr_expect(zero(int, iocp_event_wait_any(pointers, 2, 0)));
    cr_expect(eq(int, iocp_event_wait(&events[0], 0), -ETIMEDOUT));
    cr_expect(zero(int, iocp_event_wait(&events[1], 0)));
    destroy_many(events, 2);
}

/* EV-11 */
Test(event, a_thread_released_by_one_event_does_not_swallow_another)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];
    int swallowed = 0;

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    for (int i = 0; i < 1000; i++) {
        struct sleeper sleeper = {.events = {pointers[0], pointers[1]}};

        start(&sleeper);
        cr_assert(wait_for_line(&events[1], 1));
        iocp_event_set(&events[1]);
        iocp_event_set(&events[0]);
        cr_assert(eq(int, join(&sleeper), 1));
        swallowed += iocp_event_wait(&events[0], 0) != 0;
    }

    cr_expect(zero(int, swallowed));
    destroy_many(events, 2);
}

/* EV-12 */
Test(event, wait_all_consumes_nothing_until_all_are_set)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    iocp_event_set(&events[0]);

    cr_expect(eq(int, iocp_event_wait_all(pointers, 2, 20), -ETIMEDOUT));
    cr_expect(zero(int, iocp_event_wait(&events[0], 0)));

    iocp_event_set(&events[0]);
    iocp_event_set(&events[1]);
    cr_expect(zero(int, iocp_event_wait_all(pointers, 2, 0)));
    cr_expect(eq(int, iocp_event_wait(&events[0], 0), -ETIMEDOUT));
    cr_expect(eq(int, iocp_event_wait(&events[1], 0), -ETIMEDOUT));
    destroy_many(events, 2);
}

/* EV-12 */
Test(event, a_thread_waiting_for_all_leaves_a_lone_set_to_others)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    struct sleeper sleeper = {.events = {pointers[0], pointers[1]}, .wait = iocp_event_wait_all};
    sleeper.timeout_ms = IOCP_INFINITE; /* it would find both set when it gave up */
    start(&sleeper);
    cr_assert(wait_for_line(&events[1], 1));

    for (int i = 0; i < 2; i++) {
        iocp_event_set(&events[i]);
        cr_expect(zero(int, iocp_event_wait(&events[i], 0)));
    }
    cr_expect(eq(sz, event_waiter_count(&events[0]), 1));
    iocp_event_set(&events[0]);
    iocp_event_set(&events[1]);

    cr_expect(zero(int, join(&sleeper)));
    cr_expect(eq(int, iocp_event_wait_any(pointers, 2, 0), -ETIMEDOUT));
    destroy_many(events, 2);
}

Test(event, of_two_threads_waiting_for_all_one_is_released)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    struct sleeper forwards = {.events = {pointers[0], pointers[1]}, .wait = iocp_event_wait_all};
    struct sleeper backwards = {.events = {pointers[1], pointers[0]}, .wait = iocp_event_wait_all};
    start(&forwards);
    start(&backwards);
    cr_assert(wait_for_line(&events[0], 2));

    for (int released = 1; released <= 2; released++) {
        iocp_event_set(&events[0]);
        iocp_event_set(&events[1]);
        cr_expect(wait_until(so_many_have_finished, &released));
        cr_expect(eq(sz, event_waiter_count(&events[0]), 2 - released));
    }

    cr_expect(zero(int, join(&forwards)));
    cr_expect(zero(int, join(&backwards)));
    destroy_many(events, 2);
}

Test(event, a_set_passes_by_a_thread_that_waits_for_all)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    struct sleeper all = {.events = {pointers[0], pointers[1]}, .wait = iocp_event_wait_all};
    struct sleeper one = {.events = {pointers[0]}};
    start(&all);
    cr_assert(wait_for_line(&events[0], 1));
    start(&one);
    cr_assert(wait_for_line(&events[0], 2));

    iocp_event_set(&events[0]);
    cr_expect(zero(int, join(&one)));
    cr_expect(eq(int, iocp_event_wait(&events[0], 0), -ETIMEDOUT));

    iocp_event_set(&events[1]);
    iocp_event_set(&events[0]);
    cr_expect(zero(int, join(&all)));
    destroy_many(events, 2);
}

/* EV-13 */
Test(event, the_array_may_change_during_the_wait)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    struct sleeper any = {.events = {pointers[0], pointers[1]}};
    struct sleeper all = {.events = {pointers[0], pointers[1]}, .wait = iocp_event_wait_all};

    start(&any);
    cr_assert(wait_for_line(&events[1], 1));
    any.events[0] = any.events[1] = NULL;
    iocp_event_set(&events[1]);
    cr_expect(eq(int, join(&any), 1));

    start(&all);
    cr_assert(wait_for_line(&events[1], 1));
    all.events[0] = all.events[1] = NULL;
    iocp_event_set(&events[1]);
    iocp_event_set(&events[0]);
    cr_expect(zero(int, join(&all)));
    destroy_many(events, 2);
}

/* EV-14 */
Test(event, a_wait_for_none_or_too_many_fails_at_once)
{
    struct iocp_event events[IOCP_EVENTS_MAX + 1];
    struct iocp_event *pointers[IOCP_EVENTS_MAX + 1];
    const size_t too_many = IOCP_EVENTS_MAX + 1;

    init_many(events, pointers, too_many, IOCP_MANUAL_RESET);

    cr_expect(eq(int, iocp_event_wait_any(pointers, 0, IOCP_INFINITE), -EINVAL));
    cr_expect(eq(int, iocp_event_wait_all(pointers, 0, IOCP_INFINITE), -EINVAL));
    cr_expect(eq(int, iocp_event_wait_any(pointers, too_many, IOCP_INFINITE), -EINVAL));
    cr_expect(eq(int, iocp_event_wait_all(pointers, too_many, IOCP_INFINITE), -EINVAL));
    destroy_many(events, too_many);
}

/* EV-14 */
Test(event, a_wait_takes_as_many_as_promised)
{
    struct iocp_event events[IOCP_EVENTS_MAX];
    struct iocp_event *pointers[IOCP_EVENTS_MAX];

    init_many(events, pointers, IOCP_EVENTS_MAX, IOCP_AUTO_RESET);
    iocp_event_set(&events[IOCP_EVENTS_MAX - 1]);
    cr_expect(eq(int, iocp_event_wait_any(pointers, IOCP_EVENTS_MAX, 0), IOCP_EVENTS_MAX - 1));

    for (int i = 0; i < IOCP_EVENTS_MAX; i++) {
        cr_expect(eq(int, iocp_event_wait_all(pointers, IOCP_EVENTS_MAX, 0), -ETIMEDOUT));
        iocp_event_set(&events[i]);
    }
    cr_expect(zero(int, iocp_event_wait_all(pointers, IOCP_EVENTS_MAX, 0)));
    cr_expect(eq(int, iocp_event_wait_any(pointers, IOCP_EVENTS_MAX, 0), -ETIMEDOUT));
    destroy_many(events, IOCP_EVENTS_MAX);
}

Test(event, an_event_that_stands_in_the_array_twice_is_refused)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);
    struct iocp_event *twice[] = {pointers[1], pointers[0], pointers[1]};
    iocp_event_set(&events[1]);

    cr_expect(eq(int, iocp_event_wait_any(twice, 3, IOCP_INFINITE), -EINVAL));
    cr_expect(eq(int, iocp_event_wait_all(twice, 3, IOCP_INFINITE), -EINVAL));
    cr_expect(zero(int, iocp_event_wait(&events[1], 0)));
    destroy_many(events, 2);
}

static atomic_int taken;
static atomic_bool stopped;

static void *take_sets(void *event)
{
    while (!atomic_load(&stopped))
        if (iocp_event_wait(event, 1) == 0)
            atomic_fetch_add(&taken, 1);
    return NULL;
}

static bool so_many_are_taken(void *count)
{
    return atomic_load(&taken) == *(int *)count;
}

/* The first in line has waited longest, so it is often about to give up when the set comes. */
Test(event, no_set_is_lost_to_a_wait_that_times_out)
{
    struct iocp_event event;
    pthread_t takers[2];
    int sets = 0;

    iocp_event_init(&event, IOCP_AUTO_RESET, false);
    for (int i = 0; i < 2; i++)
        cr_assert(zero(int, pthread_create(&takers[i], NULL, take_sets, &event)));
    do {
        sets++;
        iocp_event_set(&event);
    } while (wait_until(so_many_are_taken, &sets) && sets < 5000);
    atomic_store(&stopped, true);
    for (int i = 0; i < 2; i++)
        cr_assert(zero(int, pthread_join(takers[i], NULL)));

    cr_expect(eq(int, sets, 5000));
    cr_expect(eq(int, atomic_load(&taken), sets));
    iocp_event_destroy(&event);
}

Test(event, a_wait_that_times_out_leaves_the_line)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_AUTO_RESET);

    cr_expect(eq(int, iocp_event_wait_any(pointers, 2, 1), -ETIMEDOUT));
    cr_expect(eq(int, iocp_event_wait_all(pointers, 2, 1), -ETIMEDOUT));
    cr_expect(zero(sz, event_waiter_count(&events[0])));
    cr_expect(zero(sz, event_waiter_count(&events[1])));
    iocp_event_set(&events[1]);
    cr_expect(zero(int, iocp_event_wait(&events[1], 0)));
    destroy_many(events, 2);
}

static void *set_event(void *event)
{
    iocp_event_set(event);
    return NULL;
}

/* A set that looked at the event again would be seen by the address sanitizer. */
Test(event, a_released_thread_may_end_the_event_at_once)
{
    for (int i = 0; i < 1000; i++) {
        struct iocp_event *event = malloc(sizeof *event);
        pthread_t setter;

        cr_assert(ne(ptr, event, NULL));
        iocp_event_init(event, i % 2 == 0 ? IOCP_AUTO_RESET : IOCP_MANUAL_RESET, false);
        cr_assert(zero(int, pthread_create(&setter, NULL, set_event, event)));
        cr_assert(zero(int, iocp_event_wait(event, PATIENCE_MS)));
        iocp_event_destroy(event);
        free(event);
        cr_assert(zero(int, pthread_join(setter, NULL)));
    }
}

static int wait_for_all_often(struct iocp_event *const events[], size_t count, int timeout_ms)
{
    int result = 0;

    for (int i = 0; i < ROUNDS && result == 0; i++)
        result = iocp_event_wait_all(events, count, timeout_ms);
    return result;
}

Test(event, arrays_in_opposite_orders_do_not_block_each_other)
{
    struct iocp_event events[2];
    struct iocp_event *pointers[2];

    init_many(events, pointers, 2, IOCP_MANUAL_RESET);
    struct sleeper forwards = {.events = {pointers[0], pointers[1]}, .wait = wait_for_all_often};
    struct sleeper backwards = {.events = {pointers[1], pointers[0]}, .wait = wait_for_all_often};
    iocp_event_set(&events[0]);
    iocp_event_set(&events[1]);
    start(&forwards);
    start(&backwards);

    cr_expect(zero(int, join(&forwards)));
    cr_expect(zero(int, join(&backwards)));
    destroy_many(events, 2);
}
