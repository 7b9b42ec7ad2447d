/* outcomes.h - what came of each test of one run, as Criterion's TAP file tells it. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_OUTCOMES_H
#define CONFORMANCE_OUTCOMES_H

#include <stdbool.h>
#include <stddef.h>

/* From good to bad: a test with parameters has the worst outcome among them. */
enum result {
    PASSED,
    SKIPPED,
    FAILED,
};

struct outcome {
    char *test; /* as "suite/test" */
    enum result result;
    const char *remark; /* why it was skipped; "" otherwise */
};

struct outcomes {
    struct outcome *all;
    size_t count;
    bool whole; /* as many as the run was to have; else it broke off */
};

/* Read a TAP file. One that cannot be read is one of a run that broke off. */
void outcomes_read(struct outcomes *outcomes, const char *path);

/* What came of the test, over all its parameters; false: it was not in the run. */
bool outcomes_find(const struct outcomes *outcomes, const char *test, struct outcome *found);

/* How many tests had that result, each parameter for itself. */
size_t outcomes_sum(const struct outcomes *outcomes, enum result result);

void outcomes_free(struct outcomes *outcomes);

#endif
