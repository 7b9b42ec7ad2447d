/* utf8.h - what may stand in a line for a terminal. */
/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_UTF8_H
#define FUZZ_UTF8_H

#include <stdbool.h>

/* Is it valid UTF-8 without anything that controls a terminal, breaks a line, or turns the
 * direction of writing? */
bool utf8_is_harmless(const char *text);

#endif
