/* test_pool.c - a fixed number of workers: start, run callbacks once each, drain or drop, stop. */
/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../contract/contract.h"
#include "own.h"
#include "taker.h"

#ifdef __SANITIZE_THREAD__
#define MANY 20000
#else
#define MANY 200000
#endif
#define WORKERS 8

TestSuite(pool, .timeout = 50);

static struct iocp_port *port;
static struct iocp_pool *pool;

static void open_pool(size_t engine, unsigned concurrency, unsigned workers)
{
    port = contract_create_port(iocp_engine_name(engine), concurrency);
    cr_assert(zero(int, iocp_pool_create(port, workers, &pool)));
    cr_assert(port_has_waiters(port, workers));
}

static void close_pool(void)
{
    iocp_pool_free(pool);
    iocp_port_free(port);
}

/* An operation that counts how often its callback ran. */
struct counted {
    struct iocp_op op;
    atomic_uint times;
};

static atomic_size_t callbacks_run;

static void count_callback(struct iocp_op *op, void *context)
{
    struct counted *counted = context;

    if (op == &counted->op)
        atomic_fetch_add(&counted->times, 1);
    atomic_fetch_add(&callbacks_run, 1);
}

static struct counted *make_counted(size_t count)
{
    struct counted *all = calloc(count, sizeof *all);

    cr_assert(all != NULL);
    return all;
}

static int post_counted(struct counted *counted)
{
    return iocp_port_post_callback(port, &counted->op, 0, count_callback, counted);
}

static size_t not_run_once(struct counted *all, size_t count)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++)
        wrong += atomic_load(&all[i].times) != 1;
    return wrong;
}

/* Callbacks that compute until the gate opens: one that waited might give up its slot. */
static atomic_bool gate_open;
static atomic_uint inside;

static void stay_inside(struct iocp_op *op, void *left)
{
    (void)op;
    atomic_fetch_add(&inside, 1);
    while (!atomic_load(&gate_open))
        sched_yield();
    *(bool *)left = true;
}

static bool somebody_is_inside(void *count)
{
    return atomic_load(&inside) == *(unsigned *)count;
}

/* Stop the pool in a thread of its own. */
struct stopper {
    pthread_t thread;
    enum iocp_stop how;
    long result;
    atomic_bool returned;
};

static void *stop_pool(void *self)
{
    struct stopper *stopper = self;

    stopper->result = iocp_pool_stop(pool, stopper->how);
    atomic_store(&stopper->returned, true);
    return NULL;
}

static void start_stopping(struct stopper *stopper, enum iocp_stop how)
{
    stopper->how = how;
    atomic_store(&stopper->returned, false);
    cr_assert(zero(int, pthread_create(&stopper->thread, NULL, stop_pool, stopper)));
}

/* Threads of this process */

/* How many have a name that begins so; the numbers that follow there are marked as seen. */
static size_t count_threads_named(const char *prefix, bool seen[], size_t seen_size)
{
    DIR *threads = opendir("/proc/self/task");
    size_t count = 0;

    cr_assert(threads != NULL);
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        char path[300], name[32] = "";
        FILE *file;

        (void)snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!file)
            continue;
        if (fgets(name, sizeof name, file) && strncmp(name, prefix, strlen(prefix)) == 0) {
            unsigned long number = strtoul(name + strlen(prefix), NULL, 10);

            count++;
            if (number < seen_size)
                seen[number] = true;
        }
        (void)fclose(file);
    }
    closedir(threads);
    return count;
}

static bool threads_are_as_before(void *before)
{
    return thread_count() == *(size_t *)before;
}

/* Create */

Test(pool, a_pool_of_no_or_too_many_workers_is_refused)
{
    struct iocp_pool *untouched = (struct iocp_pool *)&port;

    cr_assert(zero(int, iocp_port_create(NULL, 1, &port)));
    cr_expect(eq(int, iocp_pool_create(port, 0, &untouched), -EINVAL));
    cr_expect(eq(int, iocp_pool_create(port, IOCP_WORKERS_MAX + 1, &untouched), -EINVAL));
    cr_expect(eq(ptr, untouched, &port));
    iocp_port_free(port);
    iocp_pool_free(NULL);
}

EngineTest(pool, has_the_workers_asked_for_and_names_them)
{
    bool seen[WORKERS] = {false};
    size_t before = thread_count();

    open_pool(*engine, 2, WORKERS);

    cr_expect(eq(uint, iocp_pool_size(pool), WORKERS));
    cr_expect(eq(sz, thread_count(), before + WORKERS));
    cr_expect(eq(sz, count_threads_named("iocp-worker-", seen, WORKERS), WORKERS));
    for (size_t i = 0; i < WORKERS; i++)
        cr_expect(seen[i], "iocp-worker-%zu", i);
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    close_pool();
}

EngineTest(pool, a_pool_may_be_as_large_as_it_says)
{
    open_pool(*engine, 0, IOCP_WORKERS_MAX);
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    close_pool();
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Room for some threads' stacks, not for all. */
Test(pool, without_room_for_all_workers_there_are_none)
{
    struct rlimit limit = {.rlim_cur = 512 << 20, .rlim_max = RLIM_INFINITY};
    struct iocp_pool *untouched = (struct iocp_pool *)&port;
    struct counted *counted = make_counted(1);
    size_t before = thread_count();

    cr_assert(zero(int, iocp_port_create(NULL, 1, &port)));
    cr_assert(zero(int, post_counted(counted)));
    cr_assert(zero(int, setrlimit(RLIMIT_AS, &limit)));

    cr_expect(eq(int, iocp_pool_create(port, IOCP_WORKERS_MAX, &untouched), -EAGAIN));

    cr_expect(eq(ptr, untouched, &port));
    cr_expect(wait_until(threads_are_as_before, &before));
    cr_expect(zero(sz, atomic_load(&callbacks_run)), "no worker took anything");
    cr_expect(eq(sz, port_statistics(port).queued, 1));
    iocp_port_free(port);
    free(counted);
}
#endif

static void read_signal_mask(struct iocp_op *op, void *mask)
{
    (void)op;
    pthread_sigmask(SIG_SETMASK, NULL, mask);
}

EngineTest(pool, signals_are_left_to_other_threads)
{
    const int left[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM, SIGPIPE, SIGPROF};
    struct iocp_op op = {0};
    sigset_t mask, before, after;

    sigemptyset(&mask);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    open_pool(*engine, 1, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    cr_assert(zero(int, iocp_port_post_callback(port, &op, 0, read_signal_mask, &mask)));
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));

    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        cr_expect(eq(int, sigismember(&mask, left[i]), 1), "signal %d", left[i]);
    cr_expect(zero(int, sigismember(&mask, SIGSEGV)), "a crash is a crash");
    for (int i = 1; i < SIGRTMIN; i++)
        cr_expect(eq(int, sigismember(&before, i), sigismember(&after, i)), "the caller's %d", i);
    close_pool();
}

/* Run */

struct poster {
    pthread_t thread;
    struct counted *first;
    size_t count;
    int error;
};

static void *post_all(void *self)
{
    struct poster *poster = self;

    for (size_t i = 0; i < poster->count && !poster->error; i++)
        poster->error = post_counted(&poster->first[i]);
    return NULL;
}

EngineTest(pool, every_callback_runs_exactly_once)
{
    struct counted *all = make_counted(MANY);
    struct poster posters[4] = {0};

    open_pool(*engine, 4, WORKERS);
    for (size_t i = 0; i < 4; i++) {
        posters[i].first = all + i * (MANY / 4);
        posters[i].count = MANY / 4;
        cr_assert(zero(int, pthread_create(&posters[i].thread, NULL, post_all, &posters[i])));
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(posters[i].thread, NULL);
        cr_assert(zero(int, posters[i].error));
    }
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));

    cr_expect(eq(sz, atomic_load(&callbacks_run), MANY));
    cr_expect(zero(sz, not_run_once(all, MANY)));
    free(all);
    close_pool();
}

struct chain {
    struct iocp_op op;
    unsigned left;
    int error;
    struct iocp_event done;
};

static void post_oneself(struct iocp_op *op, void *context)
{
    struct chain *chain = context;

    chain->error = 0;
    if (chain->left > 0) {
        chain->left--;
        chain->error = iocp_port_post_callback(port, op, 0, post_oneself, chain);
        if (chain->error == 0)
            return;
    }
    iocp_event_set(&chain->done);
}

EngineTest(pool, a_callback_may_post_its_own_operation_again)
{
    struct chain chain = {.left = 5000};

    iocp_event_init(&chain.done, IOCP_MANUAL_RESET, false);
    open_pool(*engine, 1, 2);
    cr_assert(zero(int, iocp_port_post_callback(port, &chain.op, 0, post_oneself, &chain)));

    cr_expect(zero(int, iocp_event_wait(&chain.done, PATIENCE_MS)));
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    cr_expect(zero(int, chain.error));
    cr_expect(zero(uint, chain.left));
    close_pool();
    iocp_event_destroy(&chain.done);
}

/* CL-01 */
EngineTest(pool, no_more_callbacks_run_at_once_than_the_concurrency_value)
{
    struct iocp_op ops[WORKERS] = {0};
    unsigned two = 2;
    bool left[WORKERS] = {false};

    open_pool(*engine, 2, WORKERS);
    for (size_t i = 0; i < WORKERS; i++)
        cr_assert(zero(int, iocp_port_post_callback(port, &ops[i], 0, stay_inside, &left[i])));
    cr_assert(wait_until(somebody_is_inside, &two));

    cr_expect(eq(uint, port_statistics(port).running, 2));
    cr_expect(eq(uint, port_statistics(port).waiting, WORKERS - 2));
    atomic_store(&gate_open, true);
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    for (size_t i = 0; i < WORKERS; i++)
        cr_expect(left[i]);
    close_pool();
}

EngineTest(pool, statistics_account_for_every_return_of_a_wait)
{
    struct counted *all = make_counted(1000);
    struct iocp_worker_statistics sum = {0}, one;

    open_pool(*engine, 2, 4);
    for (size_t i = 0; i < 1000; i++) {
        cr_assert(zero(int, post_counted(&all[i])));
        if (i % 4 == 0)
            cr_assert(zero(int, iocp_port_post(port, i, i, NULL)));
    }
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));

    for (unsigned i = 0; i < 4; i++) {
        cr_assert(zero(int, iocp_pool_read_statistics(pool, i, &one)));
        cr_expect(eq(u64, one.waits, one.callbacks + one.packets + 1), "and one to end");
        sum.callbacks += one.callbacks;
        sum.packets += one.packets;
    }
    cr_expect(eq(u64, sum.callbacks, 1000));
    cr_expect(eq(u64, sum.packets, 250));
    one.waits = 77;
    cr_expect(eq(int, iocp_pool_read_statistics(pool, 4, &one), -EINVAL));
    cr_expect(eq(u64, one.waits, 77));
    free(all);
    close_pool();
}

/* Stop */

/* SD-03, SD-05 */
EngineTest(pool, a_drain_runs_what_was_queued_before_it)
{
    struct counted *all = make_counted(MANY);
    struct iocp_op blocker = {0};
    struct stopper stopper;
    unsigned one = 1;
    bool left = false;

    open_pool(*engine, 1, 4);
    cr_assert(zero(int, iocp_port_post_callback(port, &blocker, 0, stay_inside, &left)));
    cr_assert(wait_until(somebody_is_inside, &one));
    for (size_t i = 0; i < MANY; i++)
        cr_assert(zero(int, post_counted(&all[i])));
    start_stopping(&stopper, IOCP_DRAIN);
    atomic_store(&gate_open, true);
    pthread_join(stopper.thread, NULL);

    cr_expect(zero(long, stopper.result));
    cr_expect(eq(sz, atomic_load(&callbacks_run), MANY));
    cr_expect(zero(sz, not_run_once(all, MANY)));
    free(all);
    close_pool();
}

static bool quits_are_queued(void *queued)
{
    return port_statistics(port).queued == *(size_t *)queued;
}

/* SD-04 */
EngineTest(pool, a_discard_drops_and_counts_what_is_queued)
{
    struct counted *all = make_counted(100);
    struct iocp_op blocker = {0};
    struct stopper stopper;
    size_t queued = 100 + 10 + 4;
    unsigned one = 1;
    bool left = false;

    open_pool(*engine, 1, 4);
    cr_assert(zero(int, iocp_port_post_callback(port, &blocker, 0, stay_inside, &left)));
    cr_assert(wait_until(somebody_is_inside, &one));
    for (size_t i = 0; i < 100; i++)
        cr_assert(zero(int, post_counted(&all[i])));
    for (size_t i = 0; i < 10; i++)
        cr_assert(zero(int, iocp_port_post(port, 0, 0, NULL)));
    start_stopping(&stopper, IOCP_DISCARD);
    cr_assert(wait_until(quits_are_queued, &queued));
    cr_expect(not(atomic_load(&stopper.returned)), "a callback is still running");
    atomic_store(&gate_open, true);
    pthread_join(stopper.thread, NULL);

    cr_expect(eq(long, stopper.result, 110));
    cr_expect(left, "the callback has run to its end");
    cr_expect(zero(sz, atomic_load(&callbacks_run)));
    free(all);
    close_pool();
}

/* The worker that it was for would be waited for without end. */
Test(pool, a_stranger_who_runs_the_end_of_a_worker_ends_the_process, .signal = SIGABRT)
{
    struct iocp_op blocker = {0};
    struct iocp_completion quit;
    struct stopper stopper;
    unsigned one = 1;
    bool left = false;

    port = contract_create_port(contract_only_engine(), 2);
    cr_assert(zero(int, iocp_pool_create(port, 1, &pool)));
    cr_assert(zero(int, iocp_port_post_callback(port, &blocker, 0, stay_inside, &left)));
    cr_assert(wait_until(somebody_is_inside, &one));
    start_stopping(&stopper, IOCP_DRAIN);

    cr_assert(zero(int, iocp_port_wait(port, &quit, PATIENCE_MS)));
    quit.callback(quit.op, iocp_op_context(quit.op));
}

EngineTest(pool, what_comes_after_the_stop_waits_for_other_takers)
{
    struct counted *all = make_counted(2);
    struct iocp_pool *next;

    open_pool(*engine, 1, 2);
    cr_assert(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    iocp_pool_free(pool);
    cr_assert(zero(int, post_counted(&all[0])));
    cr_expect(eq(sz, port_statistics(port).queued, 1));
    cr_expect(zero(uint, port_statistics(port).running), "ended workers do not count");

    cr_assert(zero(int, iocp_pool_create(port, 3, &next)));
    cr_assert(zero(int, post_counted(&all[1])));
    cr_expect(zero(long, iocp_pool_stop(next, IOCP_DRAIN)));
    cr_expect(zero(sz, not_run_once(all, 2)));
    iocp_pool_free(next);
    iocp_port_free(port);
    free(all);
}

static void stop_own_pool(struct iocp_op *op, void *results)
{
    long *result = results;

    (void)op;
    result[0] = iocp_pool_stop(pool, IOCP_DRAIN);
    result[1] = iocp_pool_stop(pool, IOCP_DISCARD);
}

/* SD-06 */
EngineTest(pool, a_callback_cannot_stop_its_own_pool)
{
    struct counted *all = make_counted(1);
    struct iocp_op op = {0};
    long results[2] = {0};

    open_pool(*engine, 1, 2);
    cr_assert(zero(int, iocp_port_post_callback(port, &op, 0, stop_own_pool, results)));
    cr_assert(zero(int, post_counted(&all[0])));

    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    cr_expect(eq(long, results[0], -EDEADLK));
    cr_expect(eq(long, results[1], -EDEADLK));
    cr_expect(zero(sz, not_run_once(all, 1)), "and nothing was done");
    free(all);
    close_pool();
}

static void stop_other_pool(struct iocp_op *op, void *result)
{
    (void)op;
    *(long *)result = iocp_pool_stop(pool, IOCP_DRAIN);
}

EngineTest(pool, a_callback_can_stop_another_pool)
{
    struct iocp_port *other_port;
    struct iocp_pool *other;
    struct iocp_op op = {0};
    long result = -1;

    open_pool(*engine, 1, 2);
    other_port = contract_create_port(iocp_engine_name(*engine), 1);
    cr_assert(zero(int, iocp_pool_create(other_port, 1, &other)));
    cr_assert(zero(int, iocp_port_post_callback(other_port, &op, 0, stop_other_pool, &result)));

    cr_expect(zero(long, iocp_pool_stop(other, IOCP_DRAIN)));
    cr_expect(zero(long, result));
    iocp_pool_free(other);
    iocp_port_free(other_port);
    close_pool();
}

EngineTest(pool, a_second_stop_is_refused)
{
    open_pool(*engine, 1, 2);
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    cr_expect(eq(long, iocp_pool_stop(pool, IOCP_DRAIN), -EALREADY));
    cr_expect(eq(long, iocp_pool_stop(pool, IOCP_DISCARD), -EALREADY));
    close_pool();
}

/* SD-01 */
EngineTest(pool, the_workers_end_when_the_port_is_closed)
{
    size_t before = thread_count();

    open_pool(*engine, 1, 4);
    iocp_port_close(port);

    cr_expect(wait_until(threads_are_as_before, &before));
    cr_expect(zero(long, iocp_pool_stop(pool, IOCP_DRAIN)));
    close_pool();
}

/* The life of a port and its workers, stopped in one way or the other. */
static void live_once(size_t engine, enum iocp_stop how)
{
    struct counted *all = make_counted(4);

    port = contract_create_port(iocp_engine_name(engine), 2);
    cr_assert(zero(int, iocp_pool_create(port, 3, &pool)));
    for (size_t i = 0; i < 4; i++)
        cr_assert(zero(int, post_counted(&all[i])));
    cr_assert(ge(long, iocp_pool_stop(pool, how), 0));
    close_pool();
    free(all);
}

/* The least that malloc gives out. What the C library puts aside for later threads comes to
 * less than that for each life, what a life leaves behind does not. */
#define LEAST_ALLOCATION 32
#define LIVES            1000

/* SD-07: sanitizers replace the heap and look for leaks themselves. */
EngineTest(pool, many_lives_leave_no_thread_no_descriptor_and_no_memory)
{
    size_t threads = thread_count();
    size_t descriptors = open_descriptor_count();
    size_t memory = mallinfo2().uordblks;

    for (int i = 0; i < LIVES; i++)
        live_once(*engine, i % 2 ? IOCP_DRAIN : IOCP_DISCARD);

    cr_expect(wait_until(threads_are_as_before, &threads));
    cr_expect(eq(sz, open_descriptor_count(), descriptors));
    cr_expect(lt(sz, mallinfo2().uordblks, memory + LIVES * LEAST_ALLOCATION));
}
