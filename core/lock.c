/* lock.c - see lock.h. */
/* SPDX-License-Identifier: MIT */
#include "lock.h"

#include <assert.h>

enum {
    FREE,
    HELD,
    CONTENDED, /* held, and somebody may sleep until it is free */
};

void lock_init(struct lock *lock)
{
    atomic_init(&lock->state, FREE);
}

void lock_destroy(struct lock *lock)
{
    assert(atomic_load_explicit(&lock->state, memory_order_relaxed) == FREE);
    (void)lock;
}

/* Whoever has slept cannot know whether others still do, and so acquires it as contended. */
static void acquire_contended(struct lock *lock) UNCHECKED;
static void acquire_contended(struct lock *lock)
{
    while (atomic_exchange_explicit(&lock->state, CONTENDED, memory_order_acquire) != FREE)
        (void)futex_sleep(&lock->state, CONTENDED, DEADLINE_NONE);
}

void lock_acquire(struct lock *lock) UNCHECKED
{
    unsigned state = FREE;

    if (!atomic_compare_exchange_strong_explicit(&lock->state, &state, HELD, memory_order_acquire,
                                                 memory_order_relaxed))
        acquire_contended(lock);
}

void lock_release(struct lock *lock) UNCHECKED
{
    if (atomic_exchange_explicit(&lock->state, FREE, memory_order_release) == CONTENDED)
        futex_wake(&lock->state, 1);
}
