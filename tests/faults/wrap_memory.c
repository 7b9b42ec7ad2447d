/* wrap_memory.c - the allocator, and a count of what it has given out. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <sys/mman.h>

#include "shim.h"

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *block, size_t size);
void *REAL(reallocarray)(void *block, size_t count, size_t size);
void *REAL(aligned_alloc)(size_t alignment, size_t size);
void REAL(free)(void *block);
void *REAL(mmap)(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int REAL(munmap)(void *address, size_t size);
void *WRAP(malloc)(size_t size);
void *WRAP(calloc)(size_t count, size_t size);
void *WRAP(realloc)(void *block, size_t size);
void *WRAP(reallocarray)(void *block, size_t count, size_t size);
void *WRAP(aligned_alloc)(size_t alignment, size_t size);
void WRAP(free)(void *block);
void *WRAP(mmap)(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int WRAP(munmap)(void *address, size_t size);

static void *count_block(void *block)
{
    if (block != NULL)
        atomic_fetch_add(&shim_blocks, 1);
    return block;
}

void *WRAP(malloc)(size_t size)
{
    return shim_fails(CALL_MALLOC) ? NULL : count_block(REAL(malloc)(size));
}

void *WRAP(calloc)(size_t count, size_t size)
{
    return shim_fails(CALL_CALLOC) ? NULL : count_block(REAL(calloc)(count, size));
}

void *WRAP(realloc)(void *block, size_t size)
{
    bool had_none = block == NULL;
    void *grown = shim_fails(CALL_REALLOC) ? NULL : REAL(realloc)(block, size);

    return had_none ? count_block(grown) : grown;
}

void *WRAP(reallocarray)(void *block, size_t count, size_t size)
{
    bool had_none = block == NULL;
    void *grown = shim_fails(CALL_REALLOCARRAY) ? NULL : REAL(reallocarray)(block, count, size);

    return had_none ? count_block(grown) : grown;
}

void *WRAP(aligned_alloc)(size_t alignment, size_t size)
{
    return shim_fails(CALL_ALIGNED_ALLOC) ? NULL
                                          : count_block(REAL(aligned_alloc)(alignment, size));
}

void WRAP(free)(void *block)
{
    if (block != NULL)
        atomic_fetch_sub(&shim_blocks, 1);
    REAL(free)(block);
}

void *WRAP(mmap)(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *mapping = shim_fails(CALL_MMAP)
                        ? MAP_FAILED
                        : REAL(mmap)(address, size, protection, flags, fd, offset);

    if (mapping != MAP_FAILED)
        atomic_fetch_add(&shim_blocks, 1);
    return mapping;
}

int WRAP(munmap)(void *address, size_t size)
{
    atomic_fetch_sub(&shim_blocks, 1);
    return REAL(munmap)(address, size);
}
