/* case_run.h - one case: all rounds of all its subjects, in turn. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CASE_RUN_H
#define BENCH_CASE_RUN_H

#include <stdatomic.h>

#include "plan.h"
#include "results.h"
#include "subjects.h"

struct case_run {
    const struct plan_case *plan;
    const struct subjects *subjects;
    struct pace pace;
    const atomic_bool *stop;
    const char *out; /* where the .hgrm files go */
    /* Told before each round, counted from 0: of which subject, and how much of the case is done,
     * from 0 to 1. */
    void (*progress)(void *context, size_t round, const char *subject, double done);
    void *context;
};

/*
 * Measure a case: it is added to the results, with a row for each of its subjects. What goes wrong
 * with one of them stands in its row, the others go on.
 *
 * Returns  0, or a negative errno of this program's own: no memory, a file that cannot be written.
 */
int case_measure(const struct case_run *run, struct results *results);

/* How many subjects a case has, those that are not there left out. */
size_t case_subject_count(const struct plan_case *plan, const struct subjects *subjects);

#endif
