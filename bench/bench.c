/* bench.c - iocp-bench: one scenario after the other. */
/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "connections.h"

#define DESCRIPTORS 100 /* beside the connections */

static const struct bench_scenario *const scenarios[] = {&bench_port, &bench_blocked, &bench_idle};

const struct bench_scenario *bench_scenario(size_t index)
{
    return index < sizeof scenarios / sizeof *scenarios ? scenarios[index] : NULL;
}

const struct bench_scenario *bench_find_scenario(const char *name)
{
    const struct bench_scenario *scenario;

    for (size_t i = 0; (scenario = bench_scenario(i)); i++)
        if (strcmp(scenario->name, name) == 0)
            return scenario;
    return NULL;
}

static int run(const struct bench_scenario *scenario, const struct bench_options *given,
               const struct bench_options *defaults)
{
    struct bench_options options = bench_options_or(given, defaults);
    int error = connections_allow(options.connections + DESCRIPTORS);

    if (error < 0) {
        (void)fprintf(stderr,
                      "iocp-bench: %s: %zu connections need as many open files, and %d more; "
                      "the hard limit (ulimit -Hn) is lower\n",
                      scenario->name, options.connections, DESCRIPTORS);
        return 1;
    }
    error = scenario->run(&options);
    if (error < 0)
        (void)fprintf(stderr, "iocp-bench: %s: %s\n", scenario->name, strerror(-error));
    return error < 0 ? 1 : 0;
}

int main(int argc, char *argv[])
{
    struct bench_options options = {0};
    int status = bench_options_read(argc, argv, &options);

    if (status >= 0)
        return status;
    status = 0;
    for (size_t i = 0; i < options.scenario_count; i++) {
        const struct bench_scenario *scenario = bench_find_scenario(options.scenarios[i]);

        status |= run(scenario, &options, &scenario->defaults);
    }
    for (size_t i = 0; options.scenario_count == 0 && bench_scenario(i); i++)
        status |= run(bench_scenario(i), &options, &bench_scenario(i)->brief);
    return status;
}
