/* test_memory.c - memory of large messages: within a limit, and kept for the next ones. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "deadline.h"
#include "memory.h"

enum { PIECE = 64 * 1024, THREADS = 4, TURNS = 1000000, TRIES = 20000, ROUNDS = 300000 };

/* More than any test needs that is not about the limit; a quarter of it is more than is kept. */
#define PLENTY ((size_t)1 << 30)

static struct memory memory;

static void begin(void)
{
    memory_init(&memory, PLENTY);
}

static void end(void)
{
    memory_destroy(&memory);
}

TestSuite(memory, .init = begin, .fini = end, .timeout = 60);

static void *map(size_t size)
{
    void *bytes = memory_map(&memory, size);

    if (!bytes)
        abort();
    return bytes;
}

static bool is_mapped(void *bytes)
{
    unsigned char resident;

    return mincore(bytes, 1, &resident) == 0;
}

static size_t mapped(void)
{
    return atomic_load(&memory.mapped);
}

static size_t kept(void)
{
    return atomic_load(&memory.kept);
}

Test(memory, is_counted_in_whole_pages_from_its_mapping_to_its_end)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *first = map(PIECE), *second = map(PIECE + 1);

    cr_expect(eq(sz, mapped(), 2 * PIECE + page));
    memory_unmap(&memory, second, PIECE + 1);
    cr_expect(eq(sz, mapped(), PIECE));
    memory_unmap(&memory, first, PIECE);

    cr_expect(zero(sz, mapped()));
    cr_expect_not(is_mapped(first));
    cr_expect_not(is_mapped(second));
}

Test(memory, is_given_out_up_to_the_limit_and_no_further)
{
    char *first, *second;

    memory_init(&memory, 3 * PIECE);
    first = map(PIECE);
    second = map(2 * PIECE);

    cr_expect_null(memory_map(&memory, 1));
    cr_expect(eq(sz, mapped(), 3 * PIECE));
    memory_unmap(&memory, first, PIECE);
    cr_expect_null(memory_map(&memory, PIECE + 1));
    first = memory_map(&memory, PIECE);
    cr_expect_not_null(first);
    memory_unmap(&memory, first, PIECE);
    memory_unmap(&memory, second, 2 * PIECE);
}

Test(memory, that_the_kernel_does_not_have_is_not_counted)
{
    memory_init(&memory, SIZE_MAX);

    cr_expect_null(memory_map(&memory, (size_t)1 << 62));

    cr_expect(zero(sz, mapped()));
}

Test(memory, kept_is_still_counted)
{
    memory_give(&memory, map(PIECE), PIECE);

    cr_expect(eq(sz, mapped(), PIECE));
    memory_destroy(&memory);
    cr_expect(zero(sz, mapped()));
}

/* No more of them than have to be. */
Test(memory, kept_is_given_up_before_anybody_gets_none)
{
    enum { PIECES = 16 };
    void *pieces[PIECES];

    memory_init(&memory, PIECES * PIECE);
    for (int i = 0; i < PIECES; i++)
        pieces[i] = map(PIECE);
    for (int i = 0; i < 4; i++)
        memory_give(&memory, pieces[i], PIECE);
    cr_assert(eq(sz, kept(), 4 * PIECE));

    pieces[0] = memory_map(&memory, 3 * PIECE);
    cr_expect_not_null(pieces[0]);
    cr_expect(eq(sz, kept(), PIECE));
    pieces[1] = memory_map(&memory, 2 * PIECE);
    cr_expect_null(pieces[1]);

    cr_expect(zero(sz, kept()));
    cr_expect(eq(sz, mapped(), 15 * PIECE));
    memory_unmap(&memory, pieces[0], 3 * PIECE);
    for (int i = 4; i < PIECES; i++)
        memory_unmap(&memory, pieces[i], PIECE);
}

/* Short messages may take what is kept, and much more than they need with it. */
Test(memory, kept_is_not_taken_while_more_than_half_of_the_limit_is_mapped)
{
    void *kept_one, *other;
    size_t size = 0;

    memory_init(&memory, 4 * PIECE);
    kept_one = map(PIECE);
    other = map(PIECE + 1);
    memory_give(&memory, kept_one, PIECE);
    cr_expect_null(memory_take(&memory, &size));
    cr_expect(zero(sz, size));
    memory_unmap(&memory, other, PIECE + 1);
    other = map(PIECE);

    cr_expect(memory_take(&memory, &size) == kept_one);
    cr_expect(eq(sz, size, PIECE));
    memory_unmap(&memory, kept_one, PIECE);
    memory_unmap(&memory, other, PIECE);
}

Test(memory, kept_is_a_quarter_of_the_limit_at_most)
{
    void *first, *second;

    memory_init(&memory, 4 * PIECE);
    first = map(PIECE);
    second = map(PIECE);
    memory_give(&memory, first, PIECE);
    memory_give(&memory, second, PIECE);

    cr_expect(is_mapped(first));
    cr_expect_not(is_mapped(second));
    cr_expect(eq(sz, kept(), PIECE));
}

/* Two threads that begin each half of a round together. */
static atomic_int arrived;

static void meet(int meetings)
{
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < 2 * meetings)
        sched_yield();
}

/* One of the two who ask for the last piece in each round; one decides which round is the last. */
static struct rival {
    bool decides;
    int rounds;
    int wins;
} rivals[2];
static atomic_bool over;

static void *compete(void *argument)
{
    struct rival *rival = argument;
    const int64_t deadline_ns = deadline_after_ms(PATIENCE_MS / 4);

    while (!atomic_load(&over)) {
        meet(2 * rival->rounds + 1);
        void *bytes = memory_map(&memory, PIECE);

        rival->rounds++;
        rival->wins += bytes != NULL;
        if (rival->decides && (rival->rounds == ROUNDS || clock_now_ns() >= deadline_ns))
            atomic_store(&over, true);
        meet(2 * rival->rounds);
        if (bytes)
            memory_unmap(&memory, bytes, PIECE);
    }
    return NULL;
}

Test(memory, for_one_is_given_to_exactly_one_of_two_who_ask_at_the_same_time)
{
    pthread_t threads[2];

    memory_init(&memory, PIECE);
    rivals[0].decides = true;
    for (int i = 0; i < 2; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, compete, &rivals[i])));
    for (int i = 0; i < 2; i++)
        cr_assert(zero(int, pthread_join(threads[i], NULL)));

    cr_expect(eq(int, rivals[0].wins + rivals[1].wins, rivals[0].rounds));
    cr_expect(zero(sz, mapped()));
}

/* Maps, keeps, takes and unmaps pieces of its own size. Returns whether there was ever more than
 * allowed. */
static void *press(void *size_given)
{
    const size_t size = *(const size_t *)size_given;
    static bool exceeded = true;
    bool was = false;

    for (int i = 0; i < TRIES; i++) {
        size_t taken_size = size;
        void *bytes = i % 4 == 0 ? memory_take(&memory, &taken_size) : memory_map(&memory, size);

        was = was || mapped() > memory.max;
        if (bytes && i % 3 == 0)
            memory_give(&memory, bytes, i % 4 == 0 ? taken_size : size);
        else if (bytes)
            memory_unmap(&memory, bytes, i % 4 == 0 ? taken_size : size);
    }
    return was ? &exceeded : NULL;
}

Test(memory, of_several_threads_is_within_the_limit_at_all_times_and_none_is_lost)
{
    static size_t sizes[THREADS] = {PIECE, 2 * PIECE, 3 * PIECE, PIECE / 2 + 1};
    pthread_t threads[THREADS];

    memory_init(&memory, 4 * PIECE);
    for (int i = 0; i < THREADS; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, press, &sizes[i])));
    for (int i = 0; i < THREADS; i++) {
        void *exceeded = NULL;

        cr_assert(zero(int, pthread_join(threads[i], &exceeded)));
        cr_expect_null(exceeded);
    }
    memory_destroy(&memory);

    cr_expect(zero(sz, mapped()));
    cr_expect(zero(sz, kept()));
}

Test(memory, kept_is_taken_by_the_next_one_who_needs_it)
{
    char *bytes = map(PIECE);
    size_t size = 0;

    cr_expect_null(memory_take(&memory, &size));
    memory_give(&memory, bytes, PIECE);

    cr_expect(memory_take(&memory, &size) == bytes);
    cr_expect(eq(sz, size, PIECE));
    cr_expect_null(memory_take(&memory, &size));
    memory_unmap(&memory, bytes, PIECE);
}

Test(memory, kept_is_no_more_than_there_are_places)
{
    void *bytes = NULL;

    for (int i = 0; i <= MEMORY_SPARES_MAX; i++) {
        bytes = map(PIECE);
        memory_give(&memory, bytes, PIECE);
    }

    cr_expect_not(is_mapped(bytes));
    cr_expect(eq(sz, kept(), (size_t)MEMORY_SPARES_MAX * PIECE));
}

Test(memory, kept_is_no_larger_than_allowed_altogether)
{
    void *first = map(MEMORY_KEPT_MAX), *second = map(PIECE);

    memory_give(&memory, first, MEMORY_KEPT_MAX);
    memory_give(&memory, second, PIECE);

    cr_expect(is_mapped(first));
    cr_expect_not(is_mapped(second));
    cr_expect(eq(sz, kept(), MEMORY_KEPT_MAX));
}

Test(memory, kept_is_unmapped_when_nobody_takes_it_between_two_looks)
{
    void *bytes = map(PIECE);

    memory_give(&memory, bytes, PIECE);
    memory_age(&memory);
    cr_expect(is_mapped(bytes));
    memory_age(&memory);

    cr_expect_not(is_mapped(bytes));
    cr_expect(zero(sz, kept()));
}

Test(memory, kept_stays_when_it_is_taken_between_two_looks)
{
    void *bytes = map(PIECE);
    size_t size;

    for (int i = 0; i < 5; i++) {
        memory_give(&memory, bytes, PIECE);
        memory_age(&memory);
        cr_assert(memory_take(&memory, &size) == bytes);
    }
    memory_unmap(&memory, bytes, PIECE);
}

/* Takes a piece whenever there is one, signs it, and gives it back. Returns the piece which
 * another thread has written into meanwhile, or NULL. */
static void *use(void *sign)
{
    for (int turn = 0; turn < TURNS; turn++) {
        size_t size;
        void *bytes = memory_take(&memory, &size);
        _Atomic(void *) *signs = bytes;

        if (!bytes)
            continue;
        for (int i = 8; i < 64; i++)
            atomic_store(&signs[i], sign);
        for (int i = 8; i < 64; i++)
            if (atomic_load(&signs[i]) != sign)
                return bytes;
        memory_give(&memory, bytes, size);
    }
    return NULL;
}

Test(memory, kept_has_one_owner_at_a_time)
{
    pthread_t threads[THREADS];
    size_t size;
    void *bytes = map(PIECE);

    memory_give(&memory, bytes, PIECE);
    for (intptr_t i = 0; i < THREADS; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, use, (void *)(i + 1))));
    for (int i = 0; i < THREADS; i++) {
        void *spoiled = NULL;

        cr_assert(zero(int, pthread_join(threads[i], &spoiled)));
        cr_expect_null(spoiled);
    }

    cr_expect(memory_take(&memory, &size) == bytes);
    cr_expect_null(memory_take(&memory, &size));
    memory_unmap(&memory, bytes, PIECE);
}
