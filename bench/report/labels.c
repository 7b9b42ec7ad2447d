/* labels.c - see labels.h. */
/* SPDX-License-Identifier: MIT */
#include "labels.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *left, const void *right)
{
    const struct label *a = left, *b = right;

    return (a->at > b->at) - (a->at < b->at);
}

void labels_spread(struct label labels[], size_t count, double pitch, double top, double bottom)
{
    double limit = top;

    qsort(labels, count, sizeof *labels, compare);
    for (size_t i = 0; i < count; i++) {
        labels[i].y = fmax(labels[i].at, limit);
        limit = labels[i].y + pitch;
    }
    limit = bottom;
    for (size_t i = count; i-- > 0;) {
        labels[i].y = fmin(labels[i].y, limit);
        limit = labels[i].y - pitch;
    }
}
