/* scenario.h - the kinds of measurement. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SCENARIOS_SCENARIO_H
#define BENCH_SCENARIOS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

#include "figures.h"

struct plan_case;
struct subject;
struct trial;

struct scenario {
    const char *name;
    const char *about; /* for --help, less than a line */

    /* Is this subject measured in this case? */
    bool (*takes)(const struct plan_case *plan, const struct subject *subject);

    /* How many descriptors one process needs for a case. */
    size_t (*descriptors)(const struct plan_case *plan);

    /* Before the first round of each subject; may be NULL. Returns as round. */
    int (*prepare)(struct trial *trial);

    /* One round of one subject. Returns 0, or a negative errno after trial_fail. */
    int (*round)(struct trial *trial);

    enum figure leads; /* by which it is judged first */
    double overhead_s; /* of a round, beside what is measured; for the estimate */
};

extern const struct scenario scenario_pingpong, scenario_pipeline, scenario_message, scenario_churn,
    scenario_idle, scenario_blocked, scenario_overload, scenario_soak, scenario_port,
    scenario_queue;

/* One of all scenarios; NULL past the last one. */
const struct scenario *scenario_at(size_t index);

/* NULL: there is none of that name. */
const struct scenario *scenario_find(const char *name);

#endif
