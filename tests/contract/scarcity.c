/* scarcity.c - stands in for the allocator, which it asks or not. */
/* SPDX-License-Identifier: MIT */
#include "scarcity.h"

#include <errno.h>
#include <stdlib.h>

static _Thread_local bool scarce;

void memory_make_scarce(bool from_now_on)
{
    scarce = from_now_on;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

bool memory_can_be_made_scarce(void)
{
    return false;
}

#else

#define VISIBLE __attribute__((visibility("default")))

/* The C library's own names of its allocator. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

bool memory_can_be_made_scarce(void)
{
    return true;
}

static bool refused(void)
{
    if (scarce)
        errno = ENOMEM;
    return scarce;
}

VISIBLE void *malloc(size_t size)
{
    return refused() ? NULL : __libc_malloc(size);
}

VISIBLE void *calloc(size_t count, size_t size)
{
    return refused() ? NULL : __libc_calloc(count, size);
}

VISIBLE void *realloc(void *memory, size_t size)
{
    return refused() ? NULL : __libc_realloc(memory, size);
}

#endif
