/* spares.h - memory of large messages, kept for the next ones. */
/* SPDX-License-Identifier: MIT */
/*
 * To have fresh pages from the kernel costs more than to receive into them. So what a large
 * message has given back is kept for the next one: SPARES_MAX pieces and SPARES_SIZE_MAX bytes at
 * most, and only as long as they are taken now and then.
 *
 * Threads  Any.
 */
#ifndef SERVER_SPARES_H
#define SERVER_SPARES_H

#include <stdatomic.h>
#include <stddef.h>

#define SPARES_MAX      64
#define SPARES_SIZE_MAX ((size_t)128 << 20)

struct spare;

/* Zeroed, it is good and empty. */
struct spares {
    atomic_size_t size; /* of all that is kept, and of what is just being given */
    _Atomic(struct spare *) places[SPARES_MAX];
};

/* Mapped memory, and its size; NULL: there is none. */
void *spares_take(struct spares *spares, size_t *size);

/* Keep mapped memory, or unmap it if it is too much. */
void spares_give(struct spares *spares, void *memory, size_t size);

/* To be called now and then: unmap what nobody has taken since the last time. */
void spares_age(struct spares *spares);

/* Unmap everything. */
void spares_destroy(struct spares *spares);

#endif
