/* bench.c - iocp-bench: rounds of every engine in turn, and a table of what they came to. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/port.h>

#include "bench.h"

#define ROUNDS      5
#define ENGINES_MAX 8

/* The rounds of one engine, figure by figure. */
struct series {
    const char *engine;
    int error;
    double rate[ROUNDS], cpu_us[ROUNDS], p50_us[ROUNDS], p99_us[ROUNDS];
};

static void run_round(struct series *series, const struct bench_options *options, int index)
{
    struct bench_round round = {0};

    if (series->error == 0)
        series->error = bench_port_run(series->engine, options, &round);
    if (series->error < 0 || index < 0)
        return;
    series->rate[index] = round.rate;
    series->cpu_us[index] = round.cpu_us;
    series->p50_us[index] = round.p50_us;
    series->p99_us[index] = round.p99_us;
}

static void print_spread(double values[ROUNDS], double unit, int decimals)
{
    char text[64];

    qsort(values, ROUNDS, sizeof *values, bench_compare);
    (void)snprintf(text, sizeof text, "%.*f (%.*f - %.*f)", decimals, values[ROUNDS / 2] / unit,
                   decimals, values[0] / unit, decimals, values[ROUNDS - 1] / unit);
    printf("  %22s", text);
}

static void print_series(struct series *series)
{
    printf("%-10s", series->engine);
    if (series->error < 0) {
        printf("  not measured: %s\n", strerror(-series->error));
        return;
    }
    print_spread(series->rate, 1e3, 0);
    print_spread(series->cpu_us, 1, 2);
    print_spread(series->p50_us, 1, 1);
    print_spread(series->p99_us, 1, 1);
    printf("\n");
}

int main(int argc, char *argv[])
{
    static struct series all[ENGINES_MAX];
    struct bench_options options;
    size_t engines = 0;
    int status = bench_options_read(argc, argv, &options);

    if (status >= 0)
        return status;
    for (; engines < ENGINES_MAX && iocp_engine_name(engines); engines++)
        all[engines].engine = iocp_engine_name(engines);

    /* In turn, so that what else the machine does meets all engines alike. */
    for (int round = -1; round < ROUNDS; round++)
        for (size_t i = 0; i < engines; i++)
            run_round(&all[i], &options, round);

    printf("%u workers, %u producers, %zu callbacks a round, median of %d rounds (min - max)\n",
           options.workers, options.producers, options.count, ROUNDS);
    printf("%-10s  %22s  %22s  %22s  %22s\n", "engine", "1000 posts/s", "CPU us/post", "p50 us",
           "p99 us");
    for (size_t i = 0; i < engines; i++) {
        print_series(&all[i]);
        if (all[i].error < 0 && all[i].error != -ENOTSUP)
            status = 1;
    }
    return status > 0 ? status : 0;
}
