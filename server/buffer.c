/* buffer.c - bytes received and not yet disposed of; grows while they fill it. */
/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "spares.h"

/* From here on it is mapped, and becomes a spare. */
#define MAPPED_MIN ((size_t)32 * 1024)

static bool is_mapped(const struct buffer *buffer)
{
    return buffer->capacity >= MAPPED_MIN;
}

static size_t next_capacity(const struct buffer *buffer, size_t capacity_max)
{
    size_t wanted = buffer->capacity < BUFFER_FIRST ? BUFFER_FIRST : buffer->capacity * 2;

    return wanted < capacity_max ? wanted : capacity_max;
}

static char *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    return memory;
}

/* A spare most often has what a message needs, so a larger one is looked for only once. (mremap
 * would save a copy then, but thread sanitizers do not know it.) */
static char *grow_mapped(const struct buffer *buffer, size_t *capacity, struct spares *spares)
{
    char *bytes = is_mapped(buffer) ? NULL : spares_take(spares, capacity);

    if (!bytes)
        bytes = map(*capacity);
    if (!bytes)
        return NULL;
    memcpy(bytes, buffer->bytes, buffer->size);
    if (is_mapped(buffer))
        munmap(buffer->bytes, buffer->capacity);
    else
        free(buffer->bytes);
    return bytes;
}

static int grow(struct buffer *buffer, size_t capacity_max, struct spares *spares)
{
    size_t capacity = next_capacity(buffer, capacity_max);
    char *bytes = capacity >= MAPPED_MIN ? grow_mapped(buffer, &capacity, spares)
                                         : realloc(buffer->bytes, capacity);

    if (!bytes)
        return -ENOMEM;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    buffer->filled = false;
    return 0;
}

int buffer_reserve(struct buffer *buffer, size_t capacity_max, struct spares *spares)
{
    bool wanted = buffer->filled || buffer->capacity == 0;

    if (wanted && buffer->capacity < capacity_max && grow(buffer, capacity_max, spares) < 0)
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

void buffer_release(struct buffer *buffer, struct spares *spares)
{
    if (is_mapped(buffer))
        spares_give(spares, buffer->bytes, buffer->capacity);
    else
        free(buffer->bytes);
    *buffer = (struct buffer){0};
}
