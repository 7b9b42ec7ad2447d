/* test_port_release.c - which thread a port lets go, when, and with which completion. */
/* SPDX-License-Identifier: MIT */
/*
 * The rules are those of a kernel queue object. They are exact, and a port's statistics are a
 * snapshot taken under its lock: what must not happen is seen at once, with no time to wait.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "../contract/contract.h"
#include "taker.h"

#define TAKERS 8

TestSuite(port_release, .timeout = 50);

static struct iocp_port *port;
static struct taker takers[TAKERS];

static struct iocp_port *open_port(size_t engine, unsigned concurrency)
{
    return contract_create_port(iocp_engine_name(engine), concurrency);
}

/* A port, and `count` threads that compute. */
static void open_stage(size_t engine, unsigned concurrency, size_t count)
{
    port = open_port(engine, concurrency);
    for (size_t i = 0; i < count; i++)
        taker_start(&takers[i]);
}

/* All threads are computing, or can be freed from their wait by closing the port. */
static void close_stage(size_t count)
{
    iocp_port_close(port);
    for (size_t i = 0; i < count; i++)
        taker_end(&takers[i]);
    iocp_port_free(port);
}

static void post(uintptr_t key)
{
    cr_assert(zero(int, iocp_port_post(port, 0, key, NULL)));
}

/* A thread takes a packet of its own, and so counts as running. */
static void make_running(struct taker *taker)
{
    taker_go_and_wait(taker, port);
    post(0);
    cr_assert(zero(int, taker_result(taker)));
}

/* PQ-07 */
EngineTest(port_release, the_newest_waiter_is_released_first)
{
    open_stage(*engine, TAKERS, TAKERS);
    for (size_t i = 0; i < TAKERS; i++)
        taker_go_and_wait(&takers[i], port);

    for (uintptr_t i = 0; i < TAKERS; i++)
        post(i);

    for (uintptr_t i = 0; i < TAKERS; i++)
        cr_expect(eq(uptr, taker_key(&takers[TAKERS - 1 - i]), i));
    close_stage(TAKERS);
}

/* PQ-07 */
EngineTest(port_release, a_waiter_that_gave_up_leaves_the_others_in_order)
{
    open_stage(*engine, 3, 3);
    taker_go_and_wait(&takers[0], port);
    taker_go(&takers[1], port, 20);
    taker_go(&takers[2], port, IOCP_INFINITE);
    cr_assert(eq(int, taker_result(&takers[1]), -ETIMEDOUT));
    cr_assert(port_has_waiters(port, 2));

    post(1);
    post(2);

    cr_expect(eq(uptr, taker_key(&takers[2]), 1));
    cr_expect(eq(uptr, taker_key(&takers[0]), 2));
    expect_port(port, 0, 0, 3);
    close_stage(3);
}

EngineTest(port_release, a_thread_that_never_waited_is_not_counted)
{
    open_stage(*engine, 1, 1);

    post(1);

    expect_port(port, 1, 0, 0);
    close_stage(1);
}

EngineTest(port_release, a_waiter_gets_its_packet_past_the_queue)
{
    open_stage(*engine, 1, 1);
    taker_go_and_wait(&takers[0], port);
    expect_port(port, 0, 1, 0);

    post(1);

    expect_port(port, 0, 0, 1);
    cr_expect(eq(uptr, taker_key(&takers[0]), 1));
    close_stage(1);
}

/* CL-01 */
EngineTest(port_release, no_more_threads_are_released_than_the_concurrency_value)
{
    open_stage(*engine, 2, TAKERS);
    for (size_t i = 0; i < TAKERS; i++)
        taker_go_and_wait(&takers[i], port);

    for (uintptr_t i = 0; i < TAKERS; i++)
        post(i);

    expect_port(port, TAKERS - 2, TAKERS - 2, 2);
    cr_expect(eq(uptr, taker_key(&takers[TAKERS - 1]), 0));
    cr_expect(eq(uptr, taker_key(&takers[TAKERS - 2]), 1));
    close_stage(TAKERS);
}

/* Threads that take packets, each counting how many are between two waits; and how often one was
 * asleep there, in a page fault or in a sanitizer's lock, so that another might step in. */
static atomic_uint inside, inside_max, sleeps;

static unsigned own_sleeps(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_THREAD, &usage); /* which has nothing to fail on */
    return (unsigned)usage.ru_nvcsw;
}

static void *take_and_count(void *taken)
{
    struct iocp_completion completion;

    while (iocp_port_wait(port, &completion, IOCP_INFINITE) == 0) {
        unsigned slept = own_sleeps();
        unsigned now = atomic_fetch_add(&inside, 1) + 1;
        unsigned max = atomic_load(&inside_max);

        while (now > max && !atomic_compare_exchange_weak(&inside_max, &max, now))
            continue;
        for (int i = 0; i < 20; i++)
            sched_yield();
        atomic_fetch_add(&sleeps, own_sleeps() - slept);
        atomic_fetch_sub(&inside, 1);
        atomic_fetch_add((atomic_size_t *)taken, 1);
    }
    return NULL;
}

static bool all_taken(void *taken)
{
    return atomic_load((atomic_size_t *)taken) == 4000;
}

/* CL-01 */
EngineTest(port_release, the_concurrency_value_holds_under_load)
{
    pthread_t threads[TAKERS];
    atomic_size_t taken = 0;

    port = open_port(*engine, 2);
    for (size_t i = 0; i < TAKERS; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, take_and_count, &taken)));

    for (uintptr_t i = 0; i < 4000; i++)
        post(i);

    cr_expect(wait_until(all_taken, &taken));
    iocp_port_close(port);
    for (size_t i = 0; i < TAKERS; i++)
        pthread_join(threads[i], NULL);
    cr_expect(le(uint, atomic_load(&inside_max), 2 + atomic_load(&sleeps)));
    iocp_port_free(port);
}

/* CL-02 */
EngineTest(port_release, concurrency_0_means_the_processors_available)
{
    cpu_set_t all, one;

    cr_assert(zero(int, sched_getaffinity(0, sizeof all, &all)));
    port = open_port(*engine, 0);
    cr_expect(eq(uint, port_statistics(port).concurrency, (unsigned)CPU_COUNT(&all)));
    iocp_port_free(port);

    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    cr_assert(zero(int, sched_setaffinity(0, sizeof one, &one)));
    port = open_port(*engine, 0);
    cr_expect(eq(uint, port_statistics(port).concurrency, 1));
    iocp_port_free(port);
}

/* CL-04 */
EngineTest(port_release, over_the_limit_nobody_is_released_until_enough_wait_again)
{
    open_stage(*engine, 1, 3);
    make_running(&takers[0]);
    taker_go(&takers[1], port, 0); /* a wait that runs out lets it run, whatever the limit */
    cr_assert(eq(int, taker_result(&takers[1]), -ETIMEDOUT));
    taker_go_and_wait(&takers[2], port);
    expect_port(port, 0, 1, 2);

    post(1);
    post(2);
    expect_port(port, 2, 1, 2);
    taker_go_and_wait(&takers[0], port); /* two run; now one, which is not below the limit */
    expect_port(port, 2, 2, 1);
    taker_go(&takers[1], port, IOCP_INFINITE); /* one runs; now none: it goes on at once */

    cr_expect(eq(uptr, taker_key(&takers[1]), 1));
    expect_port(port, 1, 2, 1);
    close_stage(3);
}

/* CL-05 */
EngineTest(port_release, with_concurrency_1_a_single_thread_takes_all)
{
    open_stage(*engine, 1, TAKERS);
    for (size_t i = 0; i < TAKERS; i++)
        taker_go_and_wait(&takers[i], port);
    for (uintptr_t i = 0; i < 1000; i++)
        post(i);
    cr_expect(eq(uptr, taker_key(&takers[TAKERS - 1]), 0));

    for (uintptr_t i = 1; i < 1000; i++) {
        taker_go(&takers[TAKERS - 1], port, IOCP_INFINITE);
        cr_assert(eq(uptr, taker_key(&takers[TAKERS - 1]), i));
    }

    expect_port(port, 0, TAKERS - 1, 1);
    close_stage(TAKERS);
}

/* PQ-08 */
EngineTest(port_release, a_light_load_is_served_by_one_thread)
{
    open_stage(*engine, TAKERS, TAKERS);
    for (size_t i = 0; i < TAKERS; i++)
        taker_go_and_wait(&takers[i], port);

    for (uintptr_t i = 0; i < 200; i++) {
        post(i);
        cr_assert(eq(uptr, taker_key(&takers[TAKERS - 1]), i));
        taker_go_and_wait(&takers[TAKERS - 1], port);
    }

    expect_port(port, 0, TAKERS, 0);
    close_stage(TAKERS);
}

/* CL-09 */
EngineTest(port_release, a_thread_that_took_nothing_counts_until_it_waits_again)
{
    open_stage(*engine, 1, 2);
    taker_go(&takers[0], port, 0);
    cr_assert(eq(int, taker_result(&takers[0]), -ETIMEDOUT));
    taker_go_and_wait(&takers[1], port);
    expect_port(port, 0, 1, 1);

    post(1);
    expect_port(port, 1, 1, 1);
    taker_go(&takers[0], port, IOCP_INFINITE);

    cr_expect(eq(uptr, taker_key(&takers[0]), 1));
    expect_port(port, 0, 1, 1);
    close_stage(2);
}

EngineTest(port_release, a_thread_whose_wait_ran_out_frees_its_slot_by_waiting_again)
{
    open_stage(*engine, 1, 2);
    taker_go(&takers[0], port, 1);
    cr_assert(eq(int, taker_result(&takers[0]), -ETIMEDOUT));
    taker_go_and_wait(&takers[1], port);
    taker_go_and_wait(&takers[0], port);
    expect_port(port, 0, 2, 0);

    post(1);

    cr_expect(eq(uptr, taker_key(&takers[0]), 1));
    expect_port(port, 0, 1, 1);
    close_stage(2);
}

/* CL-10 */
EngineTest(port_release, waiting_at_another_port_gives_up_the_slot_on_the_first)
{
    struct iocp_port *other;

    open_stage(*engine, 1, 2);
    other = open_port(*engine, 1);
    make_running(&takers[0]);
    taker_go_and_wait(&takers[1], port);
    post(1);
    expect_port(port, 1, 1, 1);

    taker_go_and_wait(&takers[0], other);

    cr_expect(eq(uptr, taker_key(&takers[1]), 1));
    expect_port(port, 0, 0, 1);
    expect_port(other, 0, 1, 0);
    cr_assert(zero(int, iocp_port_post(other, 0, 2, NULL)));
    cr_expect(eq(uptr, taker_key(&takers[0]), 2));
    expect_port(port, 0, 0, 1);
    expect_port(other, 0, 0, 1);
    close_stage(2);
    iocp_port_free(other);
}

/* CL-11 */
EngineTest(port_release, the_end_of_a_thread_gives_up_its_slot)
{
    open_stage(*engine, 1, 2);
    make_running(&takers[0]);
    taker_go_and_wait(&takers[1], port);
    post(1);
    expect_port(port, 1, 1, 1);

    taker_end(&takers[0]);

    cr_expect(eq(uptr, taker_key(&takers[1]), 1));
    expect_port(port, 0, 0, 1);
    taker_start(&takers[0]);
    close_stage(2);
}

EngineTest(port_release, a_thread_may_outlive_the_port_it_counts_on)
{
    struct iocp_port *other;

    open_stage(*engine, 1, 2);
    other = open_port(*engine, 1);
    make_running(&takers[0]);
    taker_go(&takers[1], port, 0);
    cr_assert(eq(int, taker_result(&takers[1]), -ETIMEDOUT));

    iocp_port_free(port);

    taker_go(&takers[0], other, 0); /* one goes elsewhere */
    cr_expect(eq(int, taker_result(&takers[0]), -ETIMEDOUT));
    taker_end(&takers[1]); /* the other ends */
    iocp_port_free(other);
    taker_end(&takers[0]);
}

/* One thread of the mix: it posts, looks, and waits for short, until the port is closed. */
static void *mix(void *seed_pointer)
{
    unsigned seed = *(unsigned *)seed_pointer;
    struct iocp_completion completions[4];
    int result = 0;

    while (result >= 0 || result == -ETIMEDOUT) {
        if (rand_r(&seed) % 2 && iocp_port_post(port, 0, 1, NULL) < 0)
            break;
        result = iocp_port_wait_many(port, completions, 1 + (size_t)rand_r(&seed) % 4,
                                     rand_r(&seed) % 3);
    }
    return NULL;
}

/* CL-13 */
EngineTest(port_release, with_a_free_slot_the_queue_is_empty_or_nobody_waits)
{
    pthread_t threads[TAKERS];
    unsigned seeds[TAKERS];
    size_t broken = 0;

    port = open_port(*engine, 3);
    for (unsigned i = 0; i < TAKERS; i++) {
        seeds[i] = i;
        cr_assert(zero(int, pthread_create(&threads[i], NULL, mix, &seeds[i])));
    }

    for (int i = 0; i < 20000; i++) {
        struct iocp_port_statistics now = port_statistics(port);

        if (now.running < now.concurrency && now.queued > 0 && now.waiting > 0)
            broken++;
        if (i % 16 == 0)
            post(2);
    }

    cr_expect(zero(sz, broken));
    iocp_port_close(port);
    for (size_t i = 0; i < TAKERS; i++)
        pthread_join(threads[i], NULL);
    iocp_port_free(port);
}
