/* scenario_blocked.c - how long the others wait while some callbacks sleep. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iocp/port.h>

#include "bench.h"
#include "child.h"
#include "connections.h"
#include "load.h"
#include "measure.h"
#include "peers/peer.h"

#define CONCURRENCY 2
#define SLEEP_EVERY 100
#define SLEEP_MS    10
#define WARM_UP_NS  INT64_C(200000000)
#define MS_NS       INT64_C(1000000)
#define PATIENCE_NS (CONNECTIONS_PATIENCE_MS * MS_NS)
#define ROWS_MAX    17

/* One server, and its figures round by round: those of the others, and one of the sleepers. */
struct row {
    char name[40];
    int (*start)(const struct peer_options *options, struct peer **peer);
    struct peer_options peer;
    int error;
    uint64_t errors[LOAD_ERRORS];
    struct series rate, p50, p90, p99, p999, max, sleepers;
};

/* In memory that the load's process shares. */
struct shared {
    struct load_options options;
    struct load_result result;
    int error;
};

static void run_load(int wire, void *argument)
{
    struct shared *shared = argument;

    (void)wire;
    shared->error = load_run(&shared->options, &shared->result);
}

static int accept_all(int listener, struct peer *peer, size_t count)
{
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++) {
        int descriptor = connections_accept(listener);

        error = descriptor < 0 ? descriptor : peer_add(peer, descriptor);
    }
    return error;
}

/* The load is started first, as long as there is one thread, and connects meanwhile. */
static int put_load_on(const struct row *row, int listener, struct shared *shared)
{
    struct child child;
    struct peer *peer;
    int stop_error, error = child_start(&child, run_load, shared);

    if (error < 0)
        return error;
    error = row->start(&row->peer, &peer);
    if (error < 0) {
        child_kill(&child);
        return error;
    }
    error = accept_all(listener, peer, shared->options.connections);
    if (error < 0)
        child_kill(&child);
    else
        error = child_wait(&child);
    stop_error = peer_stop(peer);
    error = error < 0 ? error : shared->error;
    return error < 0 ? error : stop_error;
}

static void add_figures(struct row *row, const struct load_result *result)
{
    series_add(&row->rate, result->rate);
    series_add(&row->p50, (double)histogram_percentile(&result->others, 50));
    series_add(&row->p90, (double)histogram_percentile(&result->others, 90));
    series_add(&row->p99, (double)histogram_percentile(&result->others, 99));
    series_add(&row->p999, (double)histogram_percentile(&result->others, 99.9));
    series_add(&row->max, (double)result->others.max);
    series_add(&row->sleepers, (double)histogram_percentile(&result->slept, 50));
    for (int i = 0; i < LOAD_ERRORS; i++)
        row->errors[i] += result->errors[i];
}

static int run_round(struct row *row, const struct bench_options *options, struct shared *shared)
{
    int error, listener;

    memset(shared, 0, sizeof *shared);
    listener = connections_listen(&shared->options.server);
    if (listener < 0)
        return listener;
    shared->options.connections = options->connections;
    shared->options.message_size = PEER_MESSAGE_SIZE;
    shared->options.warm_up_ns = WARM_UP_NS;
    shared->options.measured_ns = (int64_t)(options->seconds * 1e9);
    shared->options.pause_ns = (int64_t)options->pause_ms * MS_NS;
    shared->options.patience_ns = PATIENCE_NS;
    error = put_load_on(row, listener, shared);
    close(listener);
    if (error == 0)
        add_figures(row, &shared->result);
    return error;
}

static size_t make_rows(const struct bench_options *options, struct row rows[ROWS_MAX])
{
    const char *engine;
    size_t count = 1;
    struct peer_options peer = {.workers = (unsigned)options->workers,
                                .concurrency = CONCURRENCY,
                                .sleep_every = SLEEP_EVERY,
                                .sleep_ns = SLEEP_MS * MS_NS};

    rows[0] = (struct row){
        .name = "event loop, one thread", .start = peer_start_epoll_loop, .peer = peer};
    for (size_t i = 0; (engine = iocp_engine_name(i)) && count + 2 <= ROWS_MAX; i++) {
        if (!bench_engine_chosen(options, engine))
            continue;
        for (int bracketed = 0; bracketed < 2; bracketed++, count++) {
            peer.engine = engine;
            peer.bracketed = bracketed;
            rows[count] = (struct row){.start = peer_start_library, .peer = peer};
            (void)snprintf(rows[count].name, sizeof rows[count].name, "%s%s", engine,
                           bracketed ? ", in brackets" : "");
        }
    }
    return count;
}

static void print_errors(const struct row *row)
{
    for (int i = 0; i < LOAD_ERRORS; i++)
        if (row->errors[i] > 0)
            printf("%-22s  ERRORS: %llu %s\n", row->name, (unsigned long long)row->errors[i],
                   load_error_name((enum load_error)i));
}

static void print_row(struct row *row, double loop_p99)
{
    double p99 = series_median(&row->p99);

    if (row->error < 0) {
        printf("%-22s  not measured: %s\n", row->name, strerror(-row->error));
        return;
    }
    printf("%-22s  %8.0f  %8.2f  %8.2f  %8.2f  %8.2f  %8.2f  %12.2f", row->name,
           series_median(&row->rate), series_median(&row->p50) / 1e6,
           series_median(&row->p90) / 1e6, p99 / 1e6, series_median(&row->p999) / 1e6,
           series_median(&row->max) / 1e6, series_median(&row->sleepers) / 1e6);
    if (p99 > 0)
        printf("  %12.2f", loop_p99 / p99);
    printf("\n");
    print_errors(row);
}

static int print_table(const struct bench_options *options, struct row rows[], size_t count)
{
    double loop_p99 = series_median(&rows[0].p99);
    int error = 0;

    printf("blocked: %zu connections, %d bytes to and fro, pause %zu ms; 1 callback in %d sleeps "
           "%d ms;\n%zu workers, concurrency %d; the others' round trips in ms, median of %zu "
           "rounds of %g s\n",
           options->connections, PEER_MESSAGE_SIZE, options->pause_ms, SLEEP_EVERY, SLEEP_MS,
           options->workers, CONCURRENCY, options->rounds, options->seconds);
    printf("%-22s  %8s  %8s  %8s  %8s  %8s  %8s  %12s  %12s\n", "server", "echoes/s", "p50", "p90",
           "p99", "p99.9", "max", "sleepers p50", "loop's p99 x");
    for (size_t i = 0; i < count; i++) {
        print_row(&rows[i], loop_p99);
        if (rows[i].error < 0 && rows[i].error != -ENOTSUP)
            error = rows[i].error;
        for (int j = 0; j < LOAD_ERRORS; j++)
            error = rows[i].errors[j] > 0 ? -EIO : error;
    }
    return error;
}

static int run(const struct bench_options *options)
{
    static struct row rows[ROWS_MAX];
    size_t count = make_rows(options, rows);
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return -errno;
    /* In turn, so that what else the machine does meets all servers alike. */
    for (size_t round = 0; round < options->rounds; round++)
        for (size_t i = 0; i < count; i++)
            if (rows[i].error == 0)
                rows[i].error = run_round(&rows[i], options, shared);
    munmap(shared, sizeof *shared);
    return print_table(options, rows, count);
}

const struct bench_scenario bench_blocked = {
    .name = "blocked",
    .run = run,
    .defaults = {.rounds = 3, .seconds = 2, .connections = 500, .workers = 8},
    .brief = {.rounds = 1, .seconds = 0.5, .connections = 500, .workers = 8},
};
