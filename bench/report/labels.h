/* labels.h - names at the ends of lines, moved apart until each can be read. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_LABELS_H
#define BENCH_LABELS_H

#include <stddef.h>

struct label {
    double at; /* where its line ends */
    double y;  /* where it stands */
    size_t of; /* the caller's number */
};

/* Order the labels by `at`, and set each one's `y` near it: at least `pitch` from the next, none
 * below `bottom`, and none above `top` as long as all have room between them. */
void labels_spread(struct label labels[], size_t count, double pitch, double top, double bottom);

#endif
