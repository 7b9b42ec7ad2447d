/* wording.h - numbers and sentences as a terminal shows them. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_WORDING_H
#define BENCH_WORDING_H

#include <stdio.h>

#include "measure.h"

#define WORDING_WIDTH  120 /* of a line */
#define WORDING_NUMBER 32  /* room for a number */
#define WORDING_SPREAD 100 /* and for a range */

/* Three digits of a number, or all that stand before the point; with its sign if it is negative. */
void wording_number(double value, char text[WORDING_NUMBER]);

/* The median, and the range if there is one: 5.10 (4.97-5.23). */
void wording_spread(const struct spread *spread, double scale, char text[WORDING_SPREAD]);

/* Write a text that begins with `lead`, broken at its blanks; further lines are indented by
 * `indent`. */
void wording_write(FILE *out, size_t indent, const char *lead, const char *text);

/* A text that grows, and is cut off at the end of its room. */
struct sentence {
    char *text;
    size_t size, length;
};

void sentence_begin(struct sentence *sentence, char *text, size_t size);
void sentence_add(struct sentence *sentence, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
