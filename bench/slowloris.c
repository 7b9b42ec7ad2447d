/* slowloris.c - what good clients notice of thousands of slow ones, and what becomes of these. */
/* SPDX-License-Identifier: MIT */
/*
 * usage: slowloris CLIENTS PAUSE SECONDS PATIENCE 'COMMAND ... {port} ...'
 *
 * Starts the server; measures good clients, each with a message and its echo, for SECONDS; lets
 * CLIENTS come that send a byte every PAUSE seconds of a message that never ends; measures the good
 * ones beside them; and waits, at most PATIENCE seconds from when the slow ones are all there,
 * until the server has ended these. Exit status 1: it has not, or a good client was not served.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "load.h"
#include "sample.h"
#include "slow_crowd.h"

#define GOOD_CLIENTS  20
#define GOOD_PAUSE_NS INT64_C(20000000) /* far from what would keep the machine busy */
#define MESSAGE_SIZE  1024
#define PATIENCE_NS   INT64_C(20000000000)
#define CLIENTS_MAX   100000
#define SECONDS_MAX   3600
#define SECOND_NS     1e9
#define MS_NS         1e6

struct wishes {
    size_t clients;
    double pause_s;
    double measured_s;
    double patience_s;
    const char *command;
};

static bool read_wishes(struct wishes *wishes, int argc, char *argv[])
{
    if (argc != 6)
        return false;
    *wishes = (struct wishes){
        .clients = strtoul(argv[1], NULL, 10),
        .pause_s = strtod(argv[2], NULL),
        .measured_s = strtod(argv[3], NULL),
        .patience_s = strtod(argv[4], NULL),
        .command = argv[5],
    };
    return wishes->clients > 0 && wishes->clients <= CLIENTS_MAX && wishes->pause_s > 0 &&
           wishes->pause_s <= SECONDS_MAX && wishes->measured_s > 0 &&
           wishes->measured_s <= SECONDS_MAX && wishes->patience_s > 0 &&
           wishes->patience_s <= SECONDS_MAX;
}

/* A row of the table; returns how many good clients were not served. */
static uint64_t tell(const struct load_result *result, size_t slow, double cpu_us)
{
    const uint64_t errors = load_error_count(result);

    printf("%12zu %9llu %9.2f %9.2f %9.2f %9llu %9.1f\n", slow,
           (unsigned long long)result->latency.count,
           (double)histogram_percentile(&result->latency, 50) / MS_NS,
           (double)histogram_percentile(&result->latency, 99) / MS_NS,
           (double)result->latency.max / MS_NS, (unsigned long long)errors,
           cpu_us / 1e4 / result->seconds);
    (void)fflush(stdout);
    return errors;
}

/* Returns the number of good clients that were not served, or a negative errno. */
static int64_t measure(const struct wishes *wishes, const struct echo_server *server, size_t slow)
{
    struct load_options load = {
        .kind = LOAD_MESSAGE,
        .server = server->address,
        .connections = GOOD_CLIENTS,
        .message_size = MESSAGE_SIZE,
        .depth = 1,
        .pause_ns = GOOD_PAUSE_NS,
        .measured_ns = (int64_t)(wishes->measured_s * SECOND_NS),
        .patience_ns = PATIENCE_NS,
    };
    struct load_result *result = calloc(1, sizeof *result);
    struct sample before = {0}, after = {0};
    int64_t error = -ENOMEM;

    if (result)
        error = sample_add_cpu(&before, server);
    if (error == 0)
        error = load_run(&load, result);
    if (error == 0)
        error = sample_add_cpu(&after, server);
    if (error == 0)
        error = (int64_t)tell(result, slow, after.cpu_us - before.cpu_us);
    free(result);
    return error;
}

static uint64_t tell_ends(const struct wishes *wishes, const struct histogram *ages)
{
    printf("%llu of %zu slow clients ended by the server", (unsigned long long)ages->count,
           wishes->clients);
    if (ages->count > 0)
        printf(", %.2f to %.2f s after their first byte (median %.2f)",
               (double)histogram_percentile(ages, 0) / SECOND_NS, (double)ages->max / SECOND_NS,
               (double)histogram_percentile(ages, 50) / SECOND_NS);
    printf("\n");
    return wishes->clients - ages->count;
}

/* Let the slow ones come, measure beside them, and see them off. Returns as measure, those that the
 * server bears counted, too. */
static int64_t measure_beside(const struct wishes *wishes, const struct echo_server *server)
{
    struct slow_crowd crowd = {
        .server = server->address,
        .count = wishes->clients,
        .pause_ns = (int64_t)(wishes->pause_s * SECOND_NS),
        .patience_ns = (int64_t)(wishes->patience_s * SECOND_NS),
    };
    struct histogram *ages = calloc(1, sizeof *ages);
    int64_t failed = 0;
    int error = ages ? slow_crowd_start(&crowd) : -ENOMEM;

    if (error < 0)
        goto free_ages;
    error = slow_crowd_await(&crowd);
    if (error == 0)
        failed = measure(wishes, server, wishes->clients);
    int ended = slow_crowd_end(&crowd, ages);
    if (error == 0)
        error = ended;
    if (error == 0 && failed >= 0)
        failed += (int64_t)tell_ends(wishes, ages);
free_ages:
    free(ages);
    return error < 0 ? error : failed;
}

int main(int argc, char *argv[])
{
    struct wishes wishes;
    struct echo_server server;

    if (!read_wishes(&wishes, argc, argv)) {
        (void)fprintf(stderr, "usage: slowloris CLIENTS PAUSE SECONDS PATIENCE "
                              "'COMMAND ... {port} ...'\n");
        return 2;
    }
    if (command_start("slowloris", wishes.command, &server) < 0)
        return 1;
    printf("slow clients  messages    p50 ms    p99 ms    max ms    errors   CPU %%\n");
    int64_t failed = measure(&wishes, &server, 0);
    int64_t beside = failed < 0 ? 0 : measure_beside(&wishes, &server);
    echo_server_stop(&server);
    if (beside < 0)
        failed = beside;
    if (failed < 0)
        (void)fprintf(stderr, "slowloris: %s\n", strerror((int)-failed));
    return failed == 0 && beside == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
