/* looks.h - who was measured, and the look that each keeps in all charts. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_REPORT_LOOKS_H
#define BENCH_REPORT_LOOKS_H

#include "results.h"

#define LOOKS_MAX 24 /* what charts show; tables show all */

struct look {
    const char *name;
    bool ours;
    unsigned rank; /* among ours, or among the peers */
};

struct looks {
    struct look all[LOOKS_MAX]; /* ours first, else as they were measured */
    size_t count;
};

/* They point into the results. */
void looks_read(const struct results *results, struct looks *looks);

/* The classes of its colour: "series ours o0", "series peer p3". */
const char *look_class(const struct look *subject, char text[24]);

/* What came of it in a case; NULL: it has no row there. */
const struct result_row *look_row(const struct results *results, size_t which_case,
                                  const struct look *subject);

#endif
