/* memory.h - memory of large messages: no more than a limit, and kept for the next ones. */
/* SPDX-License-Identifier: MIT */
/*
 * Strangers decide how long their messages are. So all memory that is mapped for them is counted
 * against one limit, in use or kept. Who needs more than is left gets none, and the message is
 * refused. The two other ways were thought of, and both let few clients harm all: to stop reading
 * at the limit may leave every message unfinished, and none of these ever gives anything back; to
 * set aside all that a message may come to need, before it has said anything, lets some slow
 * clients take everything with a few bytes each. A refused message gives back what it has, so
 * those that remain can go on.
 *
 * To have fresh pages from the kernel costs more than to receive into them. So what a large
 * message has given back is kept for the next one, as a spare: MEMORY_SPARES_MAX pieces, and
 * MEMORY_KEPT_MAX bytes or a quarter of the limit, and only as long as they are taken now and then.
 * They are given up before anybody gets none (but for a message that asks while the last one is
 * just being given up). A spare may be far more than its taker needs; so that short messages cannot
 * occupy everything, none is taken while more than half of the limit is mapped.
 *
 * Threads  Any.
 */
#ifndef SERVER_MEMORY_H
#define SERVER_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define MEMORY_SPARES_MAX 64
#define MEMORY_KEPT_MAX   ((size_t)128 << 20)

struct spare;

struct memory {
    size_t max;
    size_t kept_max;
    atomic_size_t mapped; /* whole pages; at no time more than max */
    atomic_size_t kept;   /* bytes of all spares, and of what is just being given */
    atomic_bool told;     /* that a message was refused: one line on stderr is enough */
    _Atomic(struct spare *) spares[MEMORY_SPARES_MAX];
};

/* `max` bytes may be mapped. */
void memory_init(struct memory *memory, size_t max);

/* Fresh memory; NULL: without any spare there would be too little left, or the kernel has none. */
void *memory_map(struct memory *memory, size_t size);
void memory_unmap(struct memory *memory, void *bytes, size_t size);

/* A spare, and its size; NULL: there is none, or too much is mapped. */
void *memory_take(struct memory *memory, size_t *size);

/* Keep what was mapped or taken as a spare, or unmap it if it is too much. */
void memory_give(struct memory *memory, void *bytes, size_t size);

/* To be called now and then: unmap the spares that nobody has taken since the last time. */
void memory_age(struct memory *memory);

/* A message is refused: say so on stderr, the first time. */
void memory_warn(struct memory *memory);

/* Unmap all spares; nothing else is mapped any more. */
void memory_destroy(struct memory *memory);

#endif
