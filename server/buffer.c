/* buffer.c - bytes received and not yet disposed of; grows while they fill it. */
/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* From here on it is mapped, counted, and becomes a spare. */
#define MAPPED_MIN ((size_t)32 * 1024)

static bool is_mapped(const struct buffer *buffer)
{
    return buffer->capacity >= MAPPED_MIN;
}

static size_t next_capacity(const struct buffer *buffer, size_t capacity_max)
{
    size_t wanted = buffer->capacity < BUFFER_FIRST ? BUFFER_FIRST : buffer->capacity * 2;

    /* For a few bytes more, everything would be copied once more. */
    return wanted + BUFFER_FIRST < capacity_max ? wanted : capacity_max;
}

/* A spare most often has what a message needs, so a larger one is looked for only once. (mremap
 * would save a copy then, but thread sanitizers do not know it.) */
static char *grow_mapped(const struct buffer *buffer, size_t *capacity, struct memory *memory)
{
    char *bytes = is_mapped(buffer) ? NULL : memory_take(memory, capacity);

    if (!bytes)
        bytes = memory_map(memory, *capacity);
    if (!bytes)
        return NULL;
    memcpy(bytes, buffer->bytes, buffer->size);
    if (is_mapped(buffer))
        memory_unmap(memory, buffer->bytes, buffer->capacity);
    else
        free(buffer->bytes);
    return bytes;
}

static int grow(struct buffer *buffer, size_t capacity_max, struct memory *memory)
{
    size_t capacity = next_capacity(buffer, capacity_max);
    char *bytes = capacity >= MAPPED_MIN ? grow_mapped(buffer, &capacity, memory)
                                         : realloc(buffer->bytes, capacity);

    if (!bytes)
        return -ENOMEM;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    buffer->filled = false;
    return 0;
}

int buffer_reserve(struct buffer *buffer, size_t capacity_max, struct memory *memory)
{
    bool wanted = buffer->filled || buffer->capacity == 0;

    if (wanted && buffer->capacity < capacity_max && grow(buffer, capacity_max, memory) < 0)
        return buffer->size < buffer->capacity ? 0 : -ENOMEM;
    return buffer->size < buffer->capacity ? 0 : -ENOBUFS;
}

int buffer_reserve_first(struct buffer *buffer, size_t size)
{
    buffer->bytes = malloc(size);
    if (!buffer->bytes)
        return -ENOMEM;
    buffer->capacity = size;
    return 0;
}

void buffer_add(struct buffer *buffer, size_t size)
{
    buffer->size += size;
    buffer->filled = buffer->size == buffer->capacity;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
}

void buffer_release(struct buffer *buffer, struct memory *memory)
{
    if (is_mapped(buffer))
        memory_give(memory, buffer->bytes, buffer->capacity);
    else
        free(buffer->bytes);
    *buffer = (struct buffer){0};
}
