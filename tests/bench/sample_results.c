/* sample_results.c - see sample_results.h. */
/* SPDX-License-Identifier: MIT */
#include "sample_results.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 5

struct maker {
    const char *subject;
    bool ours;
    double cost; /* processor time beside the first one's */
    double user; /* share of it in user space */
};

static const struct maker makers[] = {
    {"iocp-server io_uring", true, 1.0, 0.24},
    {"iocp-server epoll", true, 1.18, 0.27},
    {"threads", false, 1.52, 0.15},
    {"epoll", false, 1.12, 0.17},
    {"io_uring", false, 0.97, 0.2},
    {"libuv", false, 1.31, 0.35},
    {"libevent", false, 1.42, 0.38},
    {"asio", false, 1.25, 0.41},
};

#define MAKERS (sizeof makers / sizeof *makers)

static const struct result_case cases[] = {
    {.id = "pingpong-64B-1c-1w",
     .title = "64 B ping-pong, 1 connection, 1 worker",
     .scenario = "pingpong",
     .placement = "same",
     .connections = 1,
     .message_size = 64,
     .depth = 1,
     .workers = 1},
    {.id = "pingpong-64B-50c-1w",
     .title = "64 B ping-pong, 50 connections, 1 worker",
     .scenario = "pingpong",
     .placement = "same",
     .connections = 50,
     .message_size = 64,
     .depth = 1,
     .workers = 1},
    {.id = "pingpong-64B-500c-1w",
     .title = "64 B ping-pong, 500 connections, 1 worker",
     .scenario = "pingpong",
     .placement = "same",
     .connections = 500,
     .message_size = 64,
     .depth = 1,
     .workers = 1},
    {.id = "pingpong-64B-5000c-1w",
     .title = "64 B ping-pong, 5000 connections, 1 worker",
     .scenario = "pingpong",
     .placement = "same",
     .connections = 5000,
     .message_size = 64,
     .depth = 1,
     .workers = 1},
    {.id = "planned-64B-50c-1w",
     .title = "64 B at 20000 a second, 50 connections, 1 worker",
     .scenario = "planned",
     .placement = "apart",
     .connections = 50,
     .message_size = 64,
     .depth = 1,
     .workers = 1,
     .planned_rate = 20000},
    {.id = "idle-64B-50c-1w",
     .title = "64 B ping-pong beside 10000 idle, 50 connections, 1 worker",
     .scenario = "idle",
     .placement = "same",
     .connections = 50,
     .idle_connections = 10000,
     .message_size = 64,
     .depth = 1,
     .workers = 1},
};

#define CASES (sizeof cases / sizeof *cases)

/* A little to this side and that, the same in every run. */
static double wobble(size_t a, size_t b)
{
    return 1 + 0.04 * sin((double)(a * 7 + b * 13));
}

static void fill_figures(struct result_row *row, const struct maker *maker, size_t connections)
{
    double crowd = 1 + 0.12 * log10((double)connections);

    for (size_t round = 0; round < ROUNDS; round++) {
        double cpu = 4.6 * maker->cost * crowd * wobble(row->which_case, round);
        double rate = connections == 1 ? 31e3 / cpu * 4 : 520e3 / cpu;

        series_add(&row->figures[FIGURE_CPU_US], cpu);
        series_add(&row->figures[FIGURE_CPU_USER_US], cpu * maker->user);
        series_add(&row->figures[FIGURE_CPU_SYS_US], cpu * (1 - maker->user));
        series_add(&row->figures[FIGURE_RATE], rate);
        series_add(&row->figures[FIGURE_MB_RATE], rate * 64 / 1e6);
        series_add(&row->figures[FIGURE_P50_US], cpu * (double)connections * 1.8);
        series_add(&row->figures[FIGURE_P99_US], cpu * (double)connections * 3.1);
        series_add(&row->figures[FIGURE_SWITCHES], 0.021 * maker->cost);
        series_add(&row->figures[FIGURE_RSS_BYTES], 4.1e6 * maker->cost);
        series_add(&row->figures[FIGURE_GENERATOR], 0.47 * wobble(round, 1));
    }
    series_add(&row->figures[FIGURE_SYSCALLS], 2.04 * maker->cost);
}

static void fill_latencies(struct result_row *row, const struct maker *maker,
                           const struct result_case *of)
{
    double middle = 8.3 * maker->cost * (double)of->connections;

    row->latency_count = of->connections == 1 ? 80000 : 900000;
    for (size_t i = 0; i < RESULTS_PERCENTILES; i++) {
        double slower = fmax(100 - results_percentiles[i], 1e-4) / 100;
        double tail = 1 + pow(0.02 / slower, 0.5) * maker->cost * maker->user;

        row->latency_us[i] = middle * (0.75 + 0.4 * (1 - slower)) * tail;
        if (of->planned_rate > 0)
            row->uncorrected_us[i] = row->latency_us[i] / (1 + 0.35 * log10(1 / slower));
    }
}

static void fill_idle(struct result_row *row, const struct maker *maker)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        series_add(&row->figures[FIGURE_IDLE_BYTES], 497 * pow(maker->cost, 5) * wobble(round, 3));
        series_add(&row->figures[FIGURE_KEPT], 0.985 / sqrt(maker->cost) * wobble(round, 5));
    }
}

static void trouble(struct result_row *row, enum row_state state, const char *why)
{
    row->state = state;
    (void)snprintf(row->trouble, sizeof row->trouble, "%s", why);
}

/* One row of each state there is. */
static void spoil(struct result_row *row, const char *case_id)
{
    bool crowded = strcmp(case_id, "pingpong-64B-5000c-1w") == 0;

    if (crowded && strcmp(row->subject, "threads") == 0) {
        trouble(row, ROW_SKIPPED, "one thread for each connection: 5000 are too many");
        memset(row->figures, 0, sizeof row->figures);
        row->latency_count = 0;
    } else if (crowded && strcmp(row->subject, "libevent") == 0) {
        trouble(row, ROW_FAILED, "round 4: <connection reset> & 3 \"others\"");
        row->errors[LOAD_RESET] = 4;
        row->errors[LOAD_LATE] = 17;
    } else if (crowded && strcmp(row->subject, "asio") == 0) {
        trouble(row, ROW_INVALID, "the load generator used 99 % of its processor");
    }
}

static void fill_machine(struct results *results)
{
    results->machine = (struct fingerprint){.cpu = "Imaginary Processor 3000",
                                            .cpus = 2,
                                            .memory_gib = 7.75,
                                            .kernel = "6.1.0-sample x86_64",
                                            .os = "Sample GNU/Linux 12",
                                            .descriptors = 1048576,
                                            .engine = "io_uring",
                                            .compiler = "gcc 12.2.0",
                                            .flags = "RelWithDebInfo -O2 -g",
                                            .version = "0.1.0",
                                            .commit = "0123456789abcdef",
                                            .dirty = true};
    (void)snprintf(results->command, sizeof results->command,
                   "iocp-bench --rounds %d --peers 'all' --report report.html", ROUNDS);
    (void)snprintf(results->started, sizeof results->started, "2000-01-01T00:00:00Z");
    results->elapsed_s = 512;
}

int sample_results(struct results *results)
{
    fill_machine(results);
    for (size_t i = 0; i < CASES; i++) {
        struct result_case *new_case = results_add_case(results);

        if (!new_case)
            return -ENOMEM;
        *new_case = cases[i];
        (void)snprintf(new_case->leads, sizeof new_case->leads, "%s",
                       figure_kind(FIGURE_CPU_US)->key);
        for (size_t m = 0; m < MAKERS; m++) {
            struct result_row *row = results_add_row(results, i, makers[m].subject, makers[m].ours);

            if (!row)
                return -ENOMEM;
            fill_figures(row, &makers[m], cases[i].connections);
            fill_latencies(row, &makers[m], &cases[i]);
            if (cases[i].idle_connections > 0)
                fill_idle(row, &makers[m]);
            spoil(row, cases[i].id);
        }
    }
    return 0;
}
