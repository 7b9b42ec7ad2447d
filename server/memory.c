/* memory.c - memory of large messages: no more than a limit, and kept for the next ones. */
/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

/* At the beginning of what is kept. */
struct spare {
    size_t size;
    bool old;
};

typedef _Atomic(struct spare *) spare_place;

void memory_init(struct memory *memory, size_t max)
{
    const size_t quarter = max / 4;

    *memory = (struct memory){
        .max = max,
        .kept_max = quarter < MEMORY_KEPT_MAX ? quarter : MEMORY_KEPT_MAX,
    };
}

/* What the kernel takes for `size` bytes. */
static size_t whole_pages(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (size + page - 1) / page * page;
}

/* To add first and take back what is too much would cost less, but for that moment others would
 * find less left than there is, and be refused: so it is added only if it is within the limit. */
static bool charge(struct memory *memory, size_t size)
{
    size_t mapped = atomic_load_explicit(&memory->mapped, memory_order_relaxed);

    do {
        if (size > memory->max - mapped)
            return false;
        /* acquire: pairs with the release in memory_unmap, so that what is left is left indeed */
    } while (!atomic_compare_exchange_weak_explicit(&memory->mapped, &mapped, mapped + size,
                                                    memory_order_acquire, memory_order_relaxed));
    return true;
}

static void discharge(struct memory *memory, size_t size)
{
    atomic_fetch_sub_explicit(&memory->mapped, size, memory_order_release);
}

static void *map_if_allowed(struct memory *memory, size_t size)
{
    if (!charge(memory, size))
        return NULL;
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes != MAP_FAILED)
        return bytes;
    discharge(memory, size);
    return NULL;
}

void memory_unmap(struct memory *memory, void *bytes, size_t size)
{
    munmap(bytes, size);
    discharge(memory, whole_pages(size));
}

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

static void keep_or_unmap(struct memory *memory, struct spare *spare)
{
    const size_t size = spare->size;

    if (atomic_fetch_add_explicit(&memory->kept, size, memory_order_relaxed) + size <=
        memory->kept_max) {
        for (size_t i = 0; i < MEMORY_SPARES_MAX; i++)
            if (put_into(&memory->spares[i], spare))
                return;
    }
    atomic_fetch_sub_explicit(&memory->kept, size, memory_order_relaxed);
    memory_unmap(memory, spare, size);
}

static struct spare *take_any(struct memory *memory)
{
    struct spare *spare = NULL;

    for (size_t i = 0; i < MEMORY_SPARES_MAX && !spare; i++)
        spare = take_from(&memory->spares[i]);
    if (spare)
        atomic_fetch_sub_explicit(&memory->kept, spare->size, memory_order_relaxed);
    return spare;
}

static bool give_up_a_spare(struct memory *memory)
{
    struct spare *spare = take_any(memory);

    if (!spare)
        return false;
    memory_unmap(memory, spare, spare->size);
    return true;
}

void *memory_map(struct memory *memory, size_t size)
{
    void *bytes;

    do
        bytes = map_if_allowed(memory, whole_pages(size));
    while (!bytes && give_up_a_spare(memory));
    return bytes;
}

void *memory_take(struct memory *memory, size_t *size)
{
    if (atomic_load_explicit(&memory->mapped, memory_order_relaxed) > memory->max / 2)
        return NULL;
    struct spare *spare = take_any(memory);
    if (spare)
        *size = spare->size;
    return spare;
}

void memory_give(struct memory *memory, void *bytes, size_t size)
{
    struct spare *spare = bytes;

    *spare = (struct spare){.size = size};
    keep_or_unmap(memory, spare);
}

void memory_age(struct memory *memory)
{
    for (size_t i = 0; i < MEMORY_SPARES_MAX; i++) {
        struct spare *spare = take_from(&memory->spares[i]);

        if (!spare)
            continue;
        atomic_fetch_sub_explicit(&memory->kept, spare->size, memory_order_relaxed);
        if (spare->old) {
            memory_unmap(memory, spare, spare->size);
        } else {
            spare->old = true;
            keep_or_unmap(memory, spare);
        }
    }
}

void memory_warn(struct memory *memory)
{
    if (atomic_exchange_explicit(&memory->told, true, memory_order_relaxed))
        return;
    log_line("warning: a message is refused for want of memory, and more may be: %zu bytes are in "
             "use, --max-memory is %zu",
             atomic_load_explicit(&memory->mapped, memory_order_relaxed), memory->max);
}

void memory_destroy(struct memory *memory)
{
    while (give_up_a_spare(memory))
        continue;
}
