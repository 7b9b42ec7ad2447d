/* pattern.c - see pattern.h. */
/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(0x9e3779b97f4a7c15)

/* Clients beside each other read far from each other. */
#define STRIDE UINT64_C(647039)

/* xorshift64 */
static uint64_t next(uint64_t random)
{
    random ^= random << 13;
    random ^= random >> 7;
    return random ^ random << 17;
}

unsigned char *pattern_create(void)
{
    unsigned char *pattern = malloc(PATTERN_PERIOD + PATTERN_PIECE);
    uint64_t random = SEED;

    if (!pattern)
        return NULL;
    for (size_t i = 0; i < PATTERN_PERIOD; i++) {
        random = next(random);
        pattern[i] = (unsigned char)(random >> 32);
    }
    memcpy(pattern + PATTERN_PERIOD, pattern, PATTERN_PIECE);
    return pattern;
}

const unsigned char *pattern_at(const unsigned char *pattern, size_t index, uint64_t position)
{
    return pattern + (index * STRIDE + position) % PATTERN_PERIOD;
}
