/* verdict.h - what the runs say about a statement on an engine. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_VERDICT_H
#define CONFORMANCE_VERDICT_H

#include <stdbool.h>

#include "outcomes.h"
#include "table.h"

enum mark {
    PASS,           /* its tests passed on this engine */
    ANY,            /* its tests passed, and none of them uses an engine */
    NOT_APPLICABLE, /* there is a reason */
    FAIL,
    MARKS
};

struct verdict {
    enum mark mark;
    const char *why;  /* the reason, or what is wrong; "" if it passed */
    const char *test; /* that failed, or was skipped; "" if there is none to name */
};

/*
 * Judge a statement on `engine` by the run with that engine, and by the run of the tests that
 * use none. One test that failed makes it fail. One that was skipped makes it not applicable,
 * for that reason or, if there is one, for the table's. A reason in the table although all tests
 * ran and passed is stale, and a failure.
 */
struct verdict judge(const struct statement *statement, const char *engine,
                     const struct outcomes *with_engine, const struct outcomes *without);

/* Judge a statement on the simulation, which passed or not. A statement whose tests use no
 * engine (its verdict `elsewhere`) is what it is there. */
struct verdict judge_simulated(const struct statement *statement, bool passed,
                               const struct verdict *elsewhere);

#endif
