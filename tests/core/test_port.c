/* test_port.c - packets through a port: order, contents, batches, time-outs, the end. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../contract/contract.h"
#include "clock.h"
#include "own.h"
#include "taker.h"

#ifdef __SANITIZE_THREAD__
#define MANY 10000
#else
#define MANY 100000
#endif
#define THREADS 8
#define KEY     42

static struct iocp_port *port;

static void open_port(size_t engine, unsigned concurrency)
{
    port = contract_create_port(iocp_engine_name(engine), concurrency);
}

TestSuite(port, .timeout = 50);

/* Creation */

Test(port, an_engine_of_an_unknown_name_is_refused)
{
    struct iocp_port *untouched = (struct iocp_port *)&port;

    cr_expect(eq(int, iocp_port_create("steam", 1, &untouched), -EINVAL));
    cr_expect(eq(int, iocp_port_create("", 1, &untouched), -EINVAL));
    cr_expect(eq(int, iocp_port_create(NULL, IOCP_CONCURRENCY_MAX + 1, &untouched), -EINVAL));
    cr_expect(eq(ptr, untouched, &port));
}

Test(port, without_a_name_the_best_engine_that_works_is_taken)
{
    struct iocp_port *automatic;

    cr_assert(zero(int, iocp_port_create(NULL, IOCP_CONCURRENCY_MAX, &port)));
    cr_assert(zero(int, iocp_port_create("auto", 1, &automatic)));

    cr_expect_str_eq(iocp_port_engine(port), iocp_port_engine(automatic));
    cr_expect(eq(uint, port_statistics(port).concurrency, IOCP_CONCURRENCY_MAX));
    iocp_port_free(port);
    iocp_port_free(automatic);
    iocp_port_free(NULL);
}

/* Packets */

/* PQ-01, PQ-19 */
EngineTest(port, posted_packets_come_out_in_order)
{
    struct iocp_completion completion;

    open_port(*engine, 1);
    for (uintptr_t i = 0; i < MANY; i++)
        cr_assert(zero(int, iocp_port_post(port, 0, i, NULL)));
    cr_expect(eq(sz, port_statistics(port).queued, MANY));

    for (uintptr_t i = 0; i < MANY; i++) {
        cr_assert(zero(int, iocp_port_wait(port, &completion, 0)));
        cr_assert(eq(uptr, completion.key, i));
    }
    cr_expect(eq(int, iocp_port_wait(port, &completion, 0), -ETIMEDOUT));
    iocp_port_free(port);
}

/* PQ-02 */
EngineTest(port, a_packet_arrives_as_it_was_posted)
{
    const uintptr_t patterns[] = {0, 1, UINTPTR_MAX, UINTPTR_MAX / 255 * 0xa5, INTPTR_MAX};

    open_port(*engine, 1);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct iocp_completion completion;

        memset(&completion, 0x5a, sizeof completion);
        cr_assert(zero(
            int, iocp_port_post(port, patterns[i], ~patterns[i], (void *)(patterns[i] ^ 0x1234))));
        cr_assert(zero(int, iocp_port_wait(port, &completion, 0)));

        cr_expect(eq(sz, completion.count, patterns[i]));
        cr_expect(eq(uptr, completion.key, ~patterns[i]));
        cr_expect(eq(uptr, (uintptr_t)completion.op, patterns[i] ^ 0x1234));
        cr_expect(completion.callback == NULL);
        cr_expect(zero(int, completion.error));
    }
    iocp_port_free(port);
}

/* PQ-03, PQ-04 */
EngineTest(port, an_empty_packet_is_not_a_time_out)
{
    struct iocp_completion completion, before;

    open_port(*engine, 1);
    memset(&completion, 0xde, sizeof completion);
    before = completion;
    cr_expect(eq(int, iocp_port_wait(port, &completion, 0), -ETIMEDOUT));
    cr_expect(eq(int, iocp_port_wait(port, &completion, 1), -ETIMEDOUT));
    cr_expect_arr_eq(&completion, &before, sizeof completion);

    cr_assert(zero(int, iocp_port_post(port, 0, 0, NULL)));
    cr_expect(zero(int, iocp_port_wait(port, &completion, 0)));
    cr_expect(completion.op == NULL);
    iocp_port_free(port);
}

/* PQ-09 */
EngineTest(port, a_batch_is_what_is_there)
{
    struct iocp_completion completions[8];

    open_port(*engine, 1);
    for (uintptr_t i = 0; i < 3; i++)
        cr_assert(zero(int, iocp_port_post(port, 0, i, NULL)));
    cr_assert(eq(int, iocp_port_wait_many(port, completions, 8, IOCP_INFINITE), 3));
    for (uintptr_t i = 0; i < 3; i++)
        cr_expect(eq(uptr, completions[i].key, i));

    for (uintptr_t i = 3; i < 5; i++)
        cr_assert(zero(int, iocp_port_post(port, 0, i, NULL)));
    cr_assert(eq(int, iocp_port_wait_many(port, completions, 1, IOCP_INFINITE), 1));
    cr_expect(eq(uptr, completions[0].key, 3));
    cr_assert(eq(int, iocp_port_wait_many(port, completions, 8, IOCP_INFINITE), 1));
    cr_expect(eq(uptr, completions[0].key, 4));

    cr_expect(eq(int, iocp_port_wait_many(port, completions, 8, 0), -ETIMEDOUT));
    cr_expect(eq(int, iocp_port_wait_many(port, completions, 0, 0), -EINVAL));
    iocp_port_free(port);
}

/* Operations as completions */

static struct iocp_socket *adopt_one_end(int *peer)
{
    struct iocp_socket *socket = NULL;
    int ends[2];

    loopback_pair(ends);
    cr_assert(zero(int, iocp_socket_adopt(port, ends[0], KEY, &socket)));
    *peer = ends[1];
    return socket;
}

/* PQ-05 */
EngineTest(port, a_failed_operation_is_taken_like_any_other)
{
    struct iocp_completion completion;
    struct iocp_op op = {0};
    struct iocp_socket *socket;
    char byte;
    int peer;

    open_port(*engine, 1);
    socket = adopt_one_end(&peer);
    cr_assert(zero(int, iocp_begin_receive(socket, &op, &byte, 1, iocp_no_callback, NULL)));
    loopback_reset(peer);

    cr_assert(zero(int, iocp_port_wait(port, &completion, PATIENCE_MS)));
    cr_expect(eq(ptr, completion.op, &op));
    cr_expect(eq(uptr, completion.key, KEY));
    cr_expect(zero(sz, completion.count));
    cr_expect(eq(int, completion.error, -ECONNRESET));
    cr_expect(eq(long, iocp_end_receive(socket, &op), -ECONNRESET));
    iocp_socket_free(socket);
    iocp_port_free(port);
}

/* No errno there is. */
#define NO_ERRNO 12345

/* PQ-06 */
EngineTest(port, a_wait_that_takes_something_leaves_errno_alone)
{
    struct iocp_completion completion;
    struct iocp_op ops[2] = {0};
    struct iocp_socket *socket;
    char bytes[2];
    int peer;

    open_port(*engine, 1);
    socket = adopt_one_end(&peer);
    for (size_t i = 0; i < 2; i++)
        cr_assert(
            zero(int, iocp_begin_receive(socket, &ops[i], &bytes[i], 1, iocp_no_callback, NULL)));
    cr_assert(zero(int, iocp_port_post(port, 0, 0, NULL)));
    cr_assert(zero(int, loopback_write_all(peer, "x", 1)));

    for (size_t i = 0; i < 3; i++) { /* the packet, a receive, and one that fails */
        if (i == 2)
            loopback_reset(peer);
        errno = NO_ERRNO;
        int result = iocp_port_wait(port, &completion, PATIENCE_MS);
        int error = errno;

        cr_assert(zero(int, result));
        cr_expect(eq(int, error, NO_ERRNO), "wait %zu", i);
    }
    cr_expect(eq(int, completion.error, -ECONNRESET));
    iocp_socket_free(socket);
    iocp_port_free(port);
}

/* PQ-16 */
EngineTest(port, what_a_socket_completes_comes_to_its_own_port_alone)
{
    struct iocp_port *first_port, *second_port;
    struct iocp_socket *first, *second;
    struct iocp_completion completion;
    struct iocp_op ops[2] = {0};
    char bytes[2];
    int peers[2];

    open_port(*engine, 1);
    first_port = port;
    first = adopt_one_end(&peers[0]);
    open_port(*engine, 1);
    second_port = port;
    second = adopt_one_end(&peers[1]);
    cr_assert(zero(int, iocp_begin_receive(first, &ops[0], &bytes[0], 1, iocp_no_callback, NULL)));
    cr_assert(zero(int, iocp_begin_receive(second, &ops[1], &bytes[1], 1, iocp_no_callback, NULL)));
    for (size_t i = 0; i < 2; i++)
        cr_assert(zero(int, loopback_write_all(peers[i], "x", 1)));

    cr_assert(zero(int, iocp_port_wait(second_port, &completion, PATIENCE_MS)));
    cr_expect(eq(ptr, completion.op, &ops[1]));
    cr_expect(eq(int, iocp_port_wait(second_port, &completion, QUIET_MS), -ETIMEDOUT));
    cr_assert(zero(int, iocp_port_wait(first_port, &completion, PATIENCE_MS)));
    cr_expect(eq(ptr, completion.op, &ops[0]));
    cr_expect(eq(int, iocp_port_wait(first_port, &completion, QUIET_MS), -ETIMEDOUT));

    iocp_socket_free(first);
    iocp_socket_free(second);
    close(peers[0]);
    close(peers[1]);
    iocp_port_free(first_port);
    iocp_port_free(second_port);
}

static bool two_are_queued(void *unused)
{
    (void)unused;
    return port_statistics(port).queued == 2;
}

/* PQ-10 */
EngineTest(port, a_batch_may_hold_failed_operations)
{
    struct iocp_completion completions[8];
    struct iocp_op op = {0};
    struct iocp_socket *socket;
    char byte;
    int peer;

    open_port(*engine, 1);
    socket = adopt_one_end(&peer);
    cr_assert(zero(int, iocp_begin_receive(socket, &op, &byte, 1, iocp_no_callback, NULL)));
    iocp_socket_free(socket);
    cr_assert(zero(int, iocp_port_post(port, 0, 7, NULL)));
    cr_assert(wait_until(two_are_queued, NULL));

    cr_assert(eq(int, iocp_port_wait_many(port, completions, 8, 0), 2));
    cr_expect(eq(int, completions[0].error, -ECANCELED));
    cr_expect(eq(ptr, completions[0].op, &op));
    cr_expect(zero(int, completions[1].error));
    cr_expect(eq(uptr, completions[1].key, 7));
    close(peer);
    iocp_port_free(port);
}

/* PQ-12 */
EngineTest(port, an_operation_that_succeeds_at_once_posts_one_completion)
{
    struct iocp_completion completion;
    struct iocp_op op = {0};
    struct iocp_socket *socket;
    int peer;

    open_port(*engine, 1);
    socket = adopt_one_end(&peer);
    cr_assert(zero(int, iocp_begin_send(socket, &op, "a", 1, iocp_no_callback, NULL)));

    cr_assert(zero(int, iocp_port_wait(port, &completion, PATIENCE_MS)));
    cr_expect(eq(ptr, completion.op, &op));
    cr_expect(eq(sz, completion.count, 1));
    cr_expect(not(iocp_op_completed_synchronously(&op)));
    cr_expect(eq(long, iocp_end_send(socket, &op), 1));
    cr_expect(eq(int, iocp_port_wait(port, &completion, QUIET_MS), -ETIMEDOUT));
    iocp_socket_free(socket);
    close(peer);
    iocp_port_free(port);
}

/* A second thread that looks at an operation while it completes. */
struct onlooker {
    struct iocp_op op;
    char byte;
    atomic_uint round; /* of the receive in flight; 0: the end */
    atomic_uint seen;  /* the last round that was seen completed */
    unsigned unfinished;
};

static void *look_on(void *self)
{
    struct onlooker *onlooker = self;
    unsigned round, last = 0;

    while ((round = atomic_load(&onlooker->round)) != 0) {
        if (round == last || !iocp_op_completed(&onlooker->op)) {
            sched_yield();
            continue;
        }
        if (iocp_op_count(&onlooker->op) != 1 || onlooker->byte != (char)round)
            onlooker->unfinished++;
        last = round;
        atomic_store(&onlooker->seen, round);
    }
    return NULL;
}

static bool round_is_seen(void *self)
{
    struct onlooker *onlooker = self;

    return atomic_load(&onlooker->seen) == atomic_load(&onlooker->round);
}

/* PQ-15 */
EngineTest(port, the_outcome_is_final_before_its_completion_is_taken)
{
    struct onlooker onlooker = {.round = 0};
    struct iocp_socket *socket;
    pthread_t thread = 0;
    int peer;

    open_port(*engine, 1);
    socket = adopt_one_end(&peer);
    for (unsigned round = 1; round <= 500; round++) {
        struct iocp_completion completion;
        char byte = (char)round;

        cr_assert(zero(int, iocp_begin_receive(socket, &onlooker.op, &onlooker.byte, 1,
                                               iocp_no_callback, NULL)));
        atomic_store(&onlooker.round, round);
        if (round == 1)
            cr_assert(zero(int, pthread_create(&thread, NULL, look_on, &onlooker)));
        cr_assert(zero(int, loopback_write_all(peer, &byte, 1)));
        cr_assert(zero(int, iocp_port_wait(port, &completion, PATIENCE_MS)));

        cr_assert(iocp_op_completed(&onlooker.op));
        cr_assert(eq(sz, completion.count, 1));
        cr_assert(eq(sz, iocp_op_count(&onlooker.op), 1));
        cr_assert(eq(chr, onlooker.byte, byte));
        cr_assert(wait_until(round_is_seen, &onlooker));
        cr_assert(eq(long, iocp_end_receive(socket, &onlooker.op), 1));
    }
    atomic_store(&onlooker.round, 0);
    pthread_join(thread, NULL);

    cr_expect(zero(uint, onlooker.unfinished));
    iocp_socket_free(socket);
    close(peer);
    iocp_port_free(port);
}

/* Posted callbacks */

EngineTest(port, a_posted_callback_arrives_with_its_operation)
{
    struct iocp_completion completion;
    struct iocp_op op = {0};
    int context;

    open_port(*engine, 1);
    cr_assert(zero(int, iocp_port_post_callback(port, &op, 5, iocp_no_callback, &context)));
    cr_assert(zero(int, iocp_port_wait(port, &completion, 0)));

    cr_expect(eq(ptr, completion.op, &op));
    cr_expect(completion.callback == iocp_no_callback);
    cr_expect(eq(uptr, completion.key, 5));
    cr_expect(zero(sz, completion.count));
    cr_expect(zero(int, completion.error));
    cr_expect(eq(ptr, iocp_op_context(&op), &context));
    iocp_port_free(port);
}

EngineTest(port, a_posted_callback_cannot_be_posted_again_before_it_is_taken)
{
    struct iocp_completion completion;
    struct iocp_op op = {0};

    open_port(*engine, 1);
    for (int i = 0; i < 3; i++) {
        cr_assert(zero(int, iocp_port_post_callback(port, &op, 1, iocp_no_callback, NULL)));
        cr_assert(eq(int, iocp_port_post_callback(port, &op, 2, iocp_no_callback, NULL), -EBUSY));
        cr_assert(zero(int, iocp_port_wait(port, &completion, 0)));
        cr_expect(eq(uptr, completion.key, 1));
    }
    cr_expect(eq(int, iocp_port_wait(port, &completion, 0), -ETIMEDOUT));
    cr_expect(eq(int, iocp_port_post_callback(port, &op, 0, NULL, NULL), -EINVAL));
    iocp_port_free(port);
}

/* Exactly once */

static atomic_uchar *taken_times;
static atomic_size_t taken_sum;

static void note(const struct iocp_completion *completion)
{
    atomic_fetch_add(&taken_times[completion->key], 1);
    atomic_fetch_add(&taken_sum, 1);
}

static void *take_singly(void *timeout_ms)
{
    struct iocp_completion completion;
    int result;

    do {
        result = iocp_port_wait(port, &completion, *(int *)timeout_ms);
        if (result == 0)
            note(&completion);
    } while (result == 0 || result == -ETIMEDOUT);
    return NULL;
}

static void *take_batches(void *timeout_ms)
{
    struct iocp_completion completions[16];
    int count;

    do {
        count = iocp_port_wait_many(port, completions, 16, *(int *)timeout_ms);
        for (int i = 0; i < count; i++)
            note(&completions[i]);
    } while (count > 0 || count == -ETIMEDOUT);
    return NULL;
}

static bool sum_is_reached(void *total)
{
    return atomic_load(&taken_sum) == *(size_t *)total;
}

static void nap(long nanoseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

/* Post `total` packets to THREADS takers, half of which take batches, with a pause before each
 * of up to `pause_ns`; every packet must come out once. */
static void expect_exactly_once(size_t total, int timeout_ms, long pause_ns)
{
    pthread_t threads[THREADS];
    size_t wrong = 0;

    taken_times = calloc(total, sizeof *taken_times);
    cr_assert(taken_times != NULL);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, i % 2 ? take_batches : take_singly,
                                           &timeout_ms)));
    for (size_t i = 0; i < total; i++) {
        if (pause_ns > 0)
            nap((long)(i * 7919 % 1000) * pause_ns / 1000);
        cr_assert(zero(int, iocp_port_post(port, 0, i, NULL)));
    }
    cr_expect(wait_until(sum_is_reached, &total));
    cr_expect(zero(sz, iocp_port_close(port)));
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    for (size_t i = 0; i < total; i++)
        wrong += atomic_load(&taken_times[i]) != 1;
    cr_expect(zero(sz, wrong));
    free(taken_times);
}

/* PQ-11 */
EngineTest(port, takers_of_one_and_of_many_get_each_packet_once)
{
    open_port(*engine, 4);
    expect_exactly_once(MANY, IOCP_INFINITE, 0);
    iocp_port_free(port);
}

/* TO-03, TO-04 */
EngineTest(port, a_packet_is_not_lost_to_a_wait_that_runs_out)
{
    open_port(*engine, THREADS);
    expect_exactly_once(1000, 1, 2000000);
    iocp_port_free(port);
}

/* TO-03 */
EngineTest(port, a_packet_is_not_lost_to_waits_that_run_out_all_the_time)
{
    open_port(*engine, 2);
    expect_exactly_once(MANY / 20, 0, 1000);
    iocp_port_free(port);
}

/* Time */

/* TO-01 */
EngineTest(port, a_wait_runs_out_no_earlier_than_asked_for)
{
    const int timeouts_ms[] = {0, 1, 10, 100};
    struct iocp_completion completion;

    open_port(*engine, 1);
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof *timeouts_ms; i++) {
        int64_t start_ns = clock_now_ns();

        cr_expect(eq(int, iocp_port_wait(port, &completion, timeouts_ms[i]), -ETIMEDOUT));
        cr_expect(ge(i64, clock_now_ns() - start_ns, timeouts_ms[i] * INT64_C(1000000)));
    }
    iocp_port_free(port);
}

static atomic_uint signals_caught;

static void catch_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals_caught, 1);
}

struct storm {
    pthread_t thread;
    unsigned end; /* of signals_caught */
};

/* A thread on its way into its sleep may put one signal off, so they keep coming. */
static bool storm_is_over(void *self)
{
    const struct storm *storm = self;

    return pthread_kill(storm->thread, SIGUSR1) == 0 && atomic_load(&signals_caught) >= storm->end;
}

static void interrupt(const struct taker *taker, unsigned times)
{
    struct storm storm = {taker->thread, atomic_load(&signals_caught) + times};

    cr_assert(wait_until(storm_is_over, &storm));
}

/* TO-02 */
EngineTest(port, signals_do_not_end_a_wait)
{
    struct sigaction action = {.sa_handler = catch_signal}; /* no SA_RESTART */
    struct taker sitting, sleeping;

    cr_assert(zero(int, sigaction(SIGUSR1, &action, NULL)));
    open_port(*engine, 2);
    taker_start(&sitting);
    taker_start(&sleeping);
    taker_go_and_wait(&sitting, port);
    taker_go_and_wait(&sleeping, port);

    interrupt(&sitting, 100);
    interrupt(&sleeping, 100);
    cr_expect(eq(uint, port_statistics(port).waiting, 2));
    cr_assert(zero(int, iocp_port_post(port, 0, 1, NULL)));
    cr_assert(zero(int, iocp_port_post(port, 0, 2, NULL)));

    cr_expect(eq(uptr, taker_key(&sleeping), 1));
    cr_expect(eq(uptr, taker_key(&sitting), 2));
    taker_end(&sitting);
    taker_end(&sleeping);
    iocp_port_free(port);
}

/* The end */

/* SD-01, SD-02 */
EngineTest(port, closing_ends_all_waits_and_refuses_later_ones)
{
    struct taker takers[THREADS];
    struct iocp_completion completion;
    struct iocp_op op = {0};

    open_port(*engine, 2);
    for (size_t i = 0; i < THREADS; i++) {
        taker_start(&takers[i]);
        taker_go_and_wait(&takers[i], port);
    }

    cr_expect(zero(sz, iocp_port_close(port)));

    for (size_t i = 0; i < THREADS; i++)
        cr_expect(eq(int, taker_result(&takers[i]), -ESHUTDOWN));
    cr_expect(eq(int, iocp_port_wait(port, &completion, IOCP_INFINITE), -EBADF));
    cr_expect(eq(int, iocp_port_wait(port, &completion, 0), -EBADF));
    cr_expect(eq(int, iocp_port_post(port, 0, 0, NULL), -ESHUTDOWN));
    cr_expect(eq(int, iocp_port_post_callback(port, &op, 0, iocp_no_callback, NULL), -ESHUTDOWN));
    cr_expect(zero(sz, iocp_port_close(port)));
    for (size_t i = 0; i < THREADS; i++)
        taker_end(&takers[i]);
    iocp_port_free(port);
}

EngineTest(port, closing_drops_what_nobody_took)
{
    struct iocp_completion completion;
    struct iocp_op op = {0};

    open_port(*engine, 1);
    for (int i = 0; i < 10; i++)
        cr_assert(zero(int, iocp_port_post(port, 0, 0, NULL)));
    cr_assert(zero(int, iocp_port_post_callback(port, &op, 0, iocp_no_callback, NULL)));

    cr_expect(eq(sz, iocp_port_close(port), 11));
    cr_expect(zero(sz, iocp_port_close(port)));
    cr_expect(zero(sz, port_statistics(port).queued));
    cr_expect(eq(int, iocp_port_wait(port, &completion, 0), -EBADF));
    iocp_port_free(port);
}

EngineTest(port, ports_give_their_descriptors_back)
{
    size_t before = open_descriptor_count();

    for (int i = 0; i < 100; i++) {
        struct iocp_completion completion;

        open_port(*engine, 1);
        cr_assert(eq(int, iocp_port_wait(port, &completion, 0), -ETIMEDOUT));
        cr_assert(zero(int, iocp_port_post(port, 0, 0, NULL)));
        iocp_port_free(port);
    }
    cr_expect(eq(sz, open_descriptor_count(), before));
}
