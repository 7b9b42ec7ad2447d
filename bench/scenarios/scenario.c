/* scenario.c - see scenario.h. */
/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include <string.h>

static const struct scenario *const scenarios[] = {
    &scenario_pingpong, &scenario_pipeline, &scenario_message, &scenario_churn, &scenario_idle,
    &scenario_blocked,  &scenario_overload, &scenario_soak,    &scenario_port,  &scenario_queue,
};

const struct scenario *scenario_at(size_t index)
{
    return index < sizeof scenarios / sizeof *scenarios ? scenarios[index] : NULL;
}

const struct scenario *scenario_find(const char *name)
{
    const struct scenario *scenario = NULL;

    for (size_t i = 0; (scenario = scenario_at(i)) && strcmp(scenario->name, name) != 0; i++)
        continue;
    return scenario;
}
