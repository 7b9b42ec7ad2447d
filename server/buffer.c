/* buffer.c - bytes received and not yet disposed of; grows while they fill it. */
/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <errno.h>
#include <stdlib.h>

static size_t next_capacity(const struct buffer *buffer, size_t capacity_max)
{
    size_t wanted = buffer->capacity ? buffer->capacity * 2 : BUFFER_FIRST;

    return wanted < capacity_max ? wanted : capacity_max;
}

int buffer_reserve(struct buffer *buffer, size_t capacity_max)
{
    bool grow = buffer->filled || buffer->capacity == 0;

    if (grow && buffer->capacity < capacity_max) {
        size_t capacity = next_capacity(buffer, capacity_max);
        char *bytes = realloc(buffer->bytes, capacity);

        if (!bytes)
            return buffer->size < buffer->capacity ? 0 : -ENOMEM;
        buffer->bytes = bytes;
        buffer->capacity = capacity;
        buffer->filled = false;
    }
    return buffer->size < buffer->capacity ? 0 : -ENOBUFS;
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

void buffer_release(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
