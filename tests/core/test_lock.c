/* test_lock.c - the lock keeps others out, also where they sleep; a signal wakes who waits. */
/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "deadline.h"
#include "lock.h"

enum { THREADS = 8, ROUNDS = 20000 };

TestSuite(lock, .timeout = 60);

static struct lock lock;
static struct condition changed;
static unsigned long count; /* guarded by lock */

static void *count_up(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        lock_acquire(&lock);
        count++;
        lock_release(&lock);
    }
    return NULL;
}

Test(lock, one_thread_at_a_time_has_it)
{
    pthread_t threads[THREADS];

    lock_init(&lock);
    for (int i = 0; i < THREADS; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, count_up, NULL)));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    lock_destroy(&lock);

    cr_expect(eq(ulong, count, (unsigned long)THREADS * ROUNDS));
}

static int waiting; /* guarded by lock */

static void *await_count(void *argument)
{
    (void)argument;
    lock_acquire(&lock);
    waiting++;
    while (count == 0)
        (void)condition_wait(&changed, &lock, DEADLINE_NONE);
    count++;
    lock_release(&lock);
    return NULL;
}

/* Who has counted itself and let go of the lock has read what a signal changes: it sleeps, or it
 * will not. */
static bool all_wait(void *unused)
{
    (void)unused;
    lock_acquire(&lock);
    const bool all = waiting == THREADS;
    lock_release(&lock);
    return all;
}

Test(lock, a_signal_wakes_all_that_wait)
{
    pthread_t threads[THREADS];

    lock_init(&lock);
    for (int i = 0; i < THREADS; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, await_count, NULL)));
    cr_assert(wait_until(all_wait, NULL));
    lock_acquire(&lock);
    count = 1;
    condition_signal(&changed);
    lock_release(&lock);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    cr_expect(eq(ulong, count, 1 + THREADS));
}

Test(lock, a_wait_without_a_signal_ends_at_its_deadline_and_has_the_lock)
{
    const int64_t deadline_ns = deadline_after_ms(20);

    lock_init(&lock);
    lock_acquire(&lock);
    while (condition_wait(&changed, &lock, deadline_ns))
        continue;
    cr_expect(ge(i64, clock_now_ns(), deadline_ns));
    lock_release(&lock);
    lock_destroy(&lock);
}
