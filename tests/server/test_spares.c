/* test_spares.c - memory of large messages: kept for the next ones, within bounds. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "spares.h"

enum { PIECE = 64 * 1024, THREADS = 4, TURNS = 1000000 };

static struct spares spares;

static void destroy_spares(void)
{
    spares_destroy(&spares);
}

TestSuite(spares, .fini = destroy_spares, .timeout = 60);

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static bool is_mapped(void *memory)
{
    unsigned char resident;

    return mincore(memory, 1, &resident) == 0;
}

Test(spares, are_taken_by_the_next_one_who_needs_memory)
{
    char *memory = map(PIECE);
    size_t size = 0;

    cr_expect_null(spares_take(&spares, &size));
    spares_give(&spares, memory, PIECE);

    cr_expect(spares_take(&spares, &size) == memory);
    cr_expect(eq(sz, size, PIECE));
    cr_expect_null(spares_take(&spares, &size));
    munmap(memory, PIECE);
}

Test(spares, are_no_more_than_there_are_places)
{
    void *memory = NULL;

    for (int i = 0; i <= SPARES_MAX; i++) {
        memory = map(PIECE);
        spares_give(&spares, memory, PIECE);
    }

    cr_expect_not(is_mapped(memory));
    cr_expect(eq(sz, atomic_load(&spares.size), (size_t)SPARES_MAX * PIECE));
}

Test(spares, are_no_larger_than_allowed_altogether)
{
    void *first = map(SPARES_SIZE_MAX), *second = map(PIECE);

    spares_give(&spares, first, SPARES_SIZE_MAX);
    spares_give(&spares, second, PIECE);

    cr_expect(is_mapped(first));
    cr_expect_not(is_mapped(second));
    cr_expect(eq(sz, atomic_load(&spares.size), SPARES_SIZE_MAX));
}

Test(spares, are_unmapped_when_nobody_takes_them_between_two_looks)
{
    void *memory = map(PIECE);

    spares_give(&spares, memory, PIECE);
    spares_age(&spares);
    cr_expect(is_mapped(memory));
    spares_age(&spares);

    cr_expect_not(is_mapped(memory));
    cr_expect(zero(sz, atomic_load(&spares.size)));
}

Test(spares, stay_when_they_are_taken_between_two_looks)
{
    void *memory = map(PIECE);
    size_t size;

    for (int i = 0; i < 5; i++) {
        spares_give(&spares, memory, PIECE);
        spares_age(&spares);
        cr_assert(spares_take(&spares, &size) == memory);
    }
    munmap(memory, PIECE);
}

/* Takes a piece whenever there is one, signs it, and gives it back. Returns the piece which
 * another thread has written into meanwhile, or NULL. */
static void *use(void *sign)
{
    for (int turn = 0; turn < TURNS; turn++) {
        size_t size;
        void *memory = spares_take(&spares, &size);
        _Atomic(void *) *signs = memory;

        if (!memory)
            continue;
        for (int i = 8; i < 64; i++)
            atomic_store(&signs[i], sign);
        for (int i = 8; i < 64; i++)
            if (atomic_load(&signs[i]) != sign)
                return memory;
        spares_give(&spares, memory, size);
    }
    return NULL;
}

Test(spares, have_one_owner_at_a_time)
{
    pthread_t threads[THREADS];
    size_t size;
    void *memory = map(PIECE);

    spares_give(&spares, memory, PIECE);
    for (intptr_t i = 0; i < THREADS; i++)
        cr_assert(zero(int, pthread_create(&threads[i], NULL, use, (void *)(i + 1))));
    for (int i = 0; i < THREADS; i++) {
        void *spoiled = NULL;

        cr_assert(zero(int, pthread_join(threads[i], &spoiled)));
        cr_expect_null(spoiled);
    }

    cr_expect(spares_take(&spares, &size) == memory);
    cr_expect_null(spares_take(&spares, &size));
    munmap(memory, PIECE);
}
