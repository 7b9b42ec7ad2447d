/* fuzz.h - what a fuzz target is, and how it says that something does not hold. */
/* SPDX-License-Identifier: MIT */
/*
 * A target is a file fuzz_WHAT.c. Built by the preset `fuzz` libFuzzer drives it; in all other
 * builds replay.c gives it the files of corpus/WHAT.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name and the type are libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* End the process if it does not hold. */
void require(bool holds, const char *what);

/* The bytes, cut at the first zero, as a string with no room behind it; freed by the caller. */
char *text_of(const uint8_t *bytes, size_t size);

#endif
