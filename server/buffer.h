/* buffer.h - bytes received and not yet disposed of; grows while they fill it. */
/* SPDX-License-Identifier: MIT */
/*
 * A zeroed buffer is a good empty one and holds no memory. It begins with BUFFER_FIRST bytes, or
 * with as few as are known to come, and doubles after each receive that filled it, up to the limit
 * that the caller names. A large one's memory is mapped: it is a spare or fresh, and counts. While
 * such a one grows there are two, so it needs at most twice that limit.
 */
#ifndef SERVER_BUFFER_H
#define SERVER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#define BUFFER_FIRST 4096

struct memory;

struct buffer {
    char *bytes;
    size_t size; /* bytes that are in it */
    size_t capacity;
    bool filled; /* the latest addition left no room */
};

/* Make room for at least one byte more, in at most `capacity_max` bytes altogether or a spare.
 * Returns 0, -ENOMEM; -ENOBUFS: it holds capacity_max bytes already. */
int buffer_reserve(struct buffer *buffer, size_t capacity_max, struct memory *memory);

/* Make room for `size` bytes, up to BUFFER_FIRST, in one that holds no memory. Returns 0, -ENOMEM.
 */
int buffer_reserve_first(struct buffer *buffer, size_t size);

/* `size` bytes have been written behind those in it, into reserved room. */
void buffer_add(struct buffer *buffer, size_t size);

/* Forget the bytes, keep the memory. */
void buffer_clear(struct buffer *buffer);

/* Forget the bytes and give the memory back. */
void buffer_release(struct buffer *buffer, struct memory *memory);

#endif
