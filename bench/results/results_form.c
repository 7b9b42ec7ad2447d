/* results_form.c - see results_form.h. */
/* SPDX-License-Identifier: MIT */
#include "results_form.h"

#define RUN(kind, member)     JSON_FIELD(kind, results, member)
#define MACHINE(kind, member) JSON_FIELD(kind, fingerprint, member)
#define CASE(kind, member)    JSON_FIELD(kind, result_case, member)
#define ROW(kind, member)     JSON_FIELD(kind, result_row, member)
#define FORM(fields)                              \
    {                                             \
        fields, sizeof(fields) / sizeof *(fields) \
    }

static const struct json_field run_fields[] = {
    RUN(TEXT, command),
    RUN(TEXT, started),
    RUN(REAL, elapsed_s),
    RUN(FLAG, interrupted),
};

static const struct json_field machine_fields[] = {
    MACHINE(TEXT, cpu),        MACHINE(COUNT, cpus),    MACHINE(REAL, memory_gib),
    MACHINE(TEXT, kernel),     MACHINE(TEXT, os),       MACHINE(COUNT, descriptors),
    MACHINE(TEXT, engine),     MACHINE(TEXT, compiler), MACHINE(TEXT, flags),
    MACHINE(TEXT, version),    MACHINE(TEXT, commit),   MACHINE(FLAG, dirty),
    MACHINE(TEXT, congestion),
};

static const struct json_field case_fields[] = {
    CASE(TEXT, id),
    CASE(TEXT, title),
    CASE(TEXT, scenario),
    CASE(TEXT, placement),
    CASE(COUNT, connections),
    CASE(COUNT, idle_connections),
    CASE(COUNT, message_size),
    CASE(COUNT, depth),
    CASE(COUNT, workers),
    CASE(REAL, planned_rate),
    CASE(TEXT, leads),
};

static const struct json_field row_fields[] = {
    ROW(TEXT, subject),
    ROW(FLAG, ours),
    ROW(TEXT, trouble),
    ROW(COUNT, latency_count),
};

const struct form form_run = FORM(run_fields);
const struct form form_machine = FORM(machine_fields);
const struct form form_case = FORM(case_fields);
const struct form form_row = FORM(row_fields);

const char *const form_states[ROW_STATES] = {[ROW_MEASURED] = "measured",
                                             [ROW_INVALID] = "invalid",
                                             [ROW_FAILED] = "failed",
                                             [ROW_SKIPPED] = "skipped"};
