/* test_pattern.c - the bytes that clients send: whole pieces from anywhere, and none alike. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pattern.h"

TestSuite(pattern, .timeout = 60);

Test(pattern, is_whole_from_every_position)
{
    unsigned char *pattern = pattern_create();

    cr_assert(ne(ptr, pattern, NULL));
    for (uint64_t position = 0; position < 3 * (uint64_t)PATTERN_PERIOD; position += 65537) {
        const unsigned char *piece = pattern_at(pattern, 3, position);
        const unsigned char *last = pattern_at(pattern, 3, position + PATTERN_PIECE - 1);

        cr_expect(eq(uint, piece[PATTERN_PIECE - 1], *last));
    }
    free(pattern);
}

Test(pattern, is_other_for_other_clients_and_other_messages)
{
    unsigned char *pattern = pattern_create();

    cr_assert(ne(ptr, pattern, NULL));
    for (size_t i = 1; i < 1000; i++) {
        const unsigned char *first = pattern_at(pattern, 0, 0);

        cr_expect(ne(int, memcmp(first, pattern_at(pattern, i, 0), 8), 0));
        cr_expect(ne(int, memcmp(first, pattern_at(pattern, 0, 64 * i), 8), 0));
    }
    free(pattern);
}
