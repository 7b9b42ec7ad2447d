/* scenario_port.c - post to callback: how many a second, how late, for how much processor time. */
/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/event.h>
#include <iocp/pool.h>

#include "bench.h"
#include "measure.h"

/* A latency takes a wake-up, a thousand times as long as a post: fewer will do. */
#define LATENCY_SHARE 20

#define ENGINES_MAX 8

struct producer {
    pthread_t thread;
    struct iocp_port *port;
    struct iocp_event *start;
    struct iocp_op *ops; /* for the rate: `count` of them, each posted once */
    size_t count;
    double *latencies_us; /* one for each time the one operation is posted */
    size_t latency_count;
    double posted_us;
    double *next;
    struct iocp_event arrived;
    int error;
};

/* What one round has come to. */
struct round {
    double rate;   /* callbacks a second, while producers post as fast as they can */
    double cpu_us; /* processor time of the whole process for one of these */
    double p50_us; /* from post to the start of the callback, one in flight per producer */
    double p99_us;
};

/* The rounds of one engine, figure by figure. */
struct row {
    const char *engine;
    int error;
    struct series rate, cpu_us, p50_us, p99_us;
};

static double now_us(void)
{
    return (double)measure_now_ns() / 1e3;
}

static void *post_all(void *self)
{
    struct producer *producer = self;

    producer->error = iocp_event_wait(producer->start, IOCP_INFINITE);
    for (size_t i = 0; i < producer->count && producer->error == 0; i++)
        producer->error =
            iocp_port_post_callback(producer->port, &producer->ops[i], 0, iocp_no_callback, NULL);
    return NULL;
}

static void on_arrival(struct iocp_op *op, void *context)
{
    struct producer *producer = context;

    (void)op;
    *producer->next++ = now_us() - producer->posted_us;
    iocp_event_set(&producer->arrived);
}

static void *post_one_by_one(void *self)
{
    struct producer *producer = self;

    producer->error = iocp_event_wait(producer->start, IOCP_INFINITE);
    producer->next = producer->latencies_us;
    for (size_t i = 0; i < producer->latency_count && producer->error == 0; i++) {
        producer->posted_us = now_us();
        producer->error =
            iocp_port_post_callback(producer->port, &producer->ops[0], 0, on_arrival, producer);
        if (producer->error == 0)
            producer->error = iocp_event_wait(&producer->arrived, IOCP_INFINITE);
    }
    return NULL;
}

static uint64_t callbacks_run(const struct iocp_pool *pool)
{
    struct iocp_worker_statistics worker;
    uint64_t sum = 0;

    for (unsigned i = 0; iocp_pool_read_statistics(pool, i, &worker) == 0; i++)
        sum += worker.callbacks;
    return sum;
}

struct phase {
    void *(*body)(void *producer);
    uint64_t callbacks; /* that have to be run */
    double elapsed_us;
    double cpu_us;
};

/* Let all producers go at once; returns when all that they posted has been run. */
static int run_phase(struct phase *phase, struct producer *producers,
                     const struct bench_options *options)
{
    struct iocp_pool *pool;
    size_t started = 0;
    int error = iocp_pool_create(producers->port, (unsigned)options->workers, &pool);

    if (error < 0)
        return error;
    for (; started < options->producers && error == 0; started += error == 0)
        error = -pthread_create(&producers[started].thread, NULL, phase->body, &producers[started]);
    phase->elapsed_us = -now_us();
    phase->cpu_us = -measure_cpu_us();
    iocp_event_set(producers->start);
    for (size_t i = 0; i < started; i++) {
        pthread_join(producers[i].thread, NULL);
        error = producers[i].error < 0 ? producers[i].error : error;
    }
    if (iocp_pool_stop(pool, IOCP_DRAIN) < 0)
        error = -EBUSY;
    phase->elapsed_us += now_us();
    phase->cpu_us += measure_cpu_us();
    iocp_event_reset(producers->start);
    assert(error < 0 || callbacks_run(pool) == phase->callbacks);
    iocp_pool_free(pool);
    return error;
}

static int measure(struct producer *producers, const struct bench_options *options,
                   double latencies_us[], struct round *round)
{
    size_t latencies = producers->latency_count * options->producers;
    struct phase flood = {.body = post_all, .callbacks = options->count};
    struct phase trickle = {.body = post_one_by_one, .callbacks = latencies};
    int error = run_phase(&flood, producers, options);

    if (error == 0)
        error = run_phase(&trickle, producers, options);
    if (error < 0)
        return error;
    qsort(latencies_us, latencies, sizeof *latencies_us, measure_compare);
    round->rate = (double)options->count / flood.elapsed_us * 1e6;
    round->cpu_us = flood.cpu_us / (double)options->count;
    round->p50_us = latencies_us[latencies / 2];
    round->p99_us = latencies_us[latencies * 99 / 100];
    return 0;
}

static int run_round(const char *engine, const struct bench_options *options, struct round *round)
{
    size_t share = options->count / options->producers;
    size_t latency_share = share / LATENCY_SHARE + 1;
    struct iocp_op *ops = calloc(options->count, sizeof *ops);
    struct producer *producers = calloc(options->producers, sizeof *producers);
    double *latencies_us = calloc(latency_share * options->producers, sizeof *latencies_us);
    struct iocp_event start;
    struct iocp_port *port = NULL;
    int error = ops && producers && latencies_us ? iocp_port_create(engine, 0, &port) : -ENOMEM;

    iocp_event_init(&start, IOCP_MANUAL_RESET, false);
    for (size_t i = 0; i < options->count && error == 0; i++)
        iocp_op_set_timeout(&ops[i], 0); /* its page is there before the clock runs */
    for (size_t i = 0; i < options->producers && error == 0; i++) {
        producers[i] = (struct producer){.port = port, .start = &start, .count = share};
        producers[i].ops = ops + i * share;
        producers[i].latencies_us = latencies_us + i * latency_share;
        producers[i].latency_count = latency_share;
        iocp_event_init(&producers[i].arrived, IOCP_AUTO_RESET, false);
    }
    if (error == 0)
        error = measure(producers, options, latencies_us, round);
    iocp_port_free(port);
    iocp_event_destroy(&start);
    free(latencies_us);
    free(producers);
    free(ops);
    return error;
}

static void add_round(struct row *row, const struct bench_options *options, bool counts)
{
    struct round round = {0};

    if (row->error == 0)
        row->error = run_round(row->engine, options, &round);
    if (row->error < 0 || !counts)
        return;
    series_add(&row->rate, round.rate);
    series_add(&row->cpu_us, round.cpu_us);
    series_add(&row->p50_us, round.p50_us);
    series_add(&row->p99_us, round.p99_us);
}

static void print_spread(struct series *series, double unit, int decimals)
{
    struct spread spread = series_spread(series);
    char text[64];

    (void)snprintf(text, sizeof text, "%.*f (%.*f - %.*f)", decimals, spread.median / unit,
                   decimals, spread.min / unit, decimals, spread.max / unit);
    printf("  %22s", text);
}

static void print_row(struct row *row)
{
    printf("%-10s", row->engine);
    if (row->error < 0) {
        printf("  not measured: %s\n", strerror(-row->error));
        return;
    }
    print_spread(&row->rate, 1e3, 0);
    print_spread(&row->cpu_us, 1, 2);
    print_spread(&row->p50_us, 1, 1);
    print_spread(&row->p99_us, 1, 1);
    printf("\n");
}

static int run(const struct bench_options *given)
{
    static struct row rows[ENGINES_MAX];
    struct bench_options options = *given;
    size_t engines = 0;
    int error = 0;

    options.count -= options.count % options.producers;
    for (size_t i = 0; engines < ENGINES_MAX && iocp_engine_name(i); i++)
        if (bench_engine_chosen(&options, iocp_engine_name(i)))
            rows[engines++] = (struct row){.engine = iocp_engine_name(i)};

    /* In turn, so that what else the machine does meets all engines alike; once to warm up. */
    for (size_t round = 0; round <= options.rounds; round++)
        for (size_t i = 0; i < engines; i++)
            add_round(&rows[i], &options, round > 0);

    printf("port: %zu workers, %zu producers, %zu callbacks a round, median of %zu rounds"
           " (min - max)\n",
           options.workers, options.producers, options.count, options.rounds);
    printf("%-10s  %22s  %22s  %22s  %22s\n", "engine", "1000 posts/s", "CPU us/post", "p50 us",
           "p99 us");
    for (size_t i = 0; i < engines; i++) {
        print_row(&rows[i]);
        if (rows[i].error < 0 && rows[i].error != -ENOTSUP)
            error = rows[i].error;
    }
    return error;
}

const struct bench_scenario bench_port = {
    .name = "port",
    .run = run,
    .defaults = {.rounds = 5, .workers = 2, .producers = 1, .count = 200000},
    .brief = {.rounds = 3, .workers = 2, .producers = 1, .count = 50000},
};
