/* pattern.h - the bytes that all clients send, made once: each reads them from another place on. */
/* SPDX-License-Identifier: MIT */
/*
 * The period is a prime, so that no message size divides it: an echo of another message, or of
 * another client's, is seen to be one.
 */
#ifndef BENCH_PATTERN_H
#define BENCH_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_PERIOD 1048583
#define PATTERN_PIECE  131072 /* that many bytes stand in one piece from any position on */

/* Returns the pattern, to be freed; NULL: no memory. */
unsigned char *pattern_create(void);

/* The bytes of client `index` from a position in its stream on. */
const unsigned char *pattern_at(const unsigned char *pattern, size_t index, uint64_t position);

#endif
