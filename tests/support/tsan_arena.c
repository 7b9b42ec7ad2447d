/* tsan_arena.c - lets Criterion run under the thread sanitizer. */
/* SPDX-License-Identifier: MIT */
/*
 * Criterion starts each test in a process of its own, which inherits memory at an address that
 * is drawn by rand_r. The sanitizer has most addresses for itself, and the test then dies
 * at its start. This rand_r, visible to Criterion, draws from where both leave room.
 */
#include <stdlib.h>

int rand_r(unsigned *seed);

__attribute__((visibility("default"))) int rand_r(unsigned *seed)
{
    *seed = *seed * 1103515245U + 12345U;
    return (int)(0x354000U + ((*seed >> 8) & 0x3fffU)); /* becomes 0x5540... to 0x5580... */
}
