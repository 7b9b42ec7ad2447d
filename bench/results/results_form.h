/* results_form.h - the members of results as they are called in results.json. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RESULTS_FORM_H
#define BENCH_RESULTS_FORM_H

#include "json_fields.h"
#include "results.h"

struct form {
    const struct json_field *fields;
    size_t count;
};

extern const struct form form_run, form_machine, form_case, form_row;

#define ROW_STATES (ROW_SKIPPED + 1)
extern const char *const form_states[ROW_STATES];

#endif
