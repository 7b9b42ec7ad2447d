/* spares.c - memory of large messages, kept for the next ones. */
/* SPDX-License-Identifier: MIT */
#include "spares.h"

#include <stdbool.h>
#include <sys/mman.h>

/* At the beginning of what is kept. */
struct spare {
    size_t size;
    bool old;
};

typedef _Atomic(struct spare *) spare_place;

static struct spare *take_from(spare_place *place)
{
    /* Only to look costs less than to exchange. */
    if (atomic_load_explicit(place, memory_order_relaxed) == NULL)
        return NULL;
    /* acquire: pairs with the release in put_into */
    return atomic_exchange_explicit(place, NULL, memory_order_acquire);
}

static bool put_into(spare_place *place, struct spare *spare)
{
    struct spare *none = NULL;

    return atomic_load_explicit(place, memory_order_relaxed) == NULL &&
           atomic_compare_exchange_strong_explicit(place, &none, spare, memory_order_release,
                                                   memory_order_relaxed);
}

static void keep_or_unmap(struct spares *spares, struct spare *spare)
{
    const size_t size = spare->size;

    if (atomic_fetch_add_explicit(&spares->size, size, memory_order_relaxed) + size <=
        SPARES_SIZE_MAX) {
        for (size_t i = 0; i < SPARES_MAX; i++)
            if (put_into(&spares->places[i], spare))
                return;
    }
    atomic_fetch_sub_explicit(&spares->size, size, memory_order_relaxed);
    munmap(spare, size);
}

void *spares_take(struct spares *spares, size_t *size)
{
    struct spare *spare = NULL;

    for (size_t i = 0; i < SPARES_MAX && !spare; i++)
        spare = take_from(&spares->places[i]);
    if (spare) {
        *size = spare->size;
        atomic_fetch_sub_explicit(&spares->size, spare->size, memory_order_relaxed);
    }
    return spare;
}

void spares_give(struct spares *spares, void *memory, size_t size)
{
    struct spare *spare = memory;

    *spare = (struct spare){.size = size};
    keep_or_unmap(spares, spare);
}

void spares_age(struct spares *spares)
{
    for (size_t i = 0; i < SPARES_MAX; i++) {
        struct spare *spare = take_from(&spares->places[i]);

        if (!spare)
            continue;
        atomic_fetch_sub_explicit(&spares->size, spare->size, memory_order_relaxed);
        if (spare->old) {
            munmap(spare, spare->size);
        } else {
            spare->old = true;
            keep_or_unmap(spares, spare);
        }
    }
}

void spares_destroy(struct spares *spares)
{
    void *memory;
    size_t size;

    while ((memory = spares_take(spares, &size)))
        munmap(memory, size);
}
