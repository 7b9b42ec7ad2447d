/* bench_port.c - post to callback: how many a second, how late, for how much processor time. */
/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <iocp/event.h>
#include <iocp/pool.h>

#include "bench.h"

/* A latency takes a wake-up, a thousand times as long as a post: fewer will do. */
#define LATENCY_SHARE 20

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

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int bench_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
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
    unsigned started = 0;
    int error = iocp_pool_create(producers->port, options->workers, &pool);

    if (error < 0)
        return error;
    for (; started < options->producers && error == 0; started += error == 0)
        error = -pthread_create(&producers[started].thread, NULL, phase->body, &producers[started]);
    phase->elapsed_us = -now_us();
    phase->cpu_us = -cpu_us();
    iocp_event_set(producers->start);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(producers[i].thread, NULL);
        error = producers[i].error < 0 ? producers[i].error : error;
    }
    if (iocp_pool_stop(pool, IOCP_DRAIN) < 0)
        error = -EBUSY;
    phase->elapsed_us += now_us();
    phase->cpu_us += cpu_us();
    iocp_event_reset(producers->start);
    assert(error < 0 || callbacks_run(pool) == phase->callbacks);
    iocp_pool_free(pool);
    return error;
}

static int measure(struct producer *producers, const struct bench_options *options,
                   double latencies_us[], struct bench_round *round)
{
    size_t latencies = producers->latency_count * options->producers;
    struct phase flood = {.body = post_all, .callbacks = options->count};
    struct phase trickle = {.body = post_one_by_one, .callbacks = latencies};
    int error = run_phase(&flood, producers, options);

    if (error == 0)
        error = run_phase(&trickle, producers, options);
    if (error < 0)
        return error;
    qsort(latencies_us, latencies, sizeof *latencies_us, bench_compare);
    round->rate = (double)options->count / flood.elapsed_us * 1e6;
    round->cpu_us = flood.cpu_us / (double)options->count;
    round->p50_us = latencies_us[latencies / 2];
    round->p99_us = latencies_us[latencies * 99 / 100];
    return 0;
}

int bench_port_run(const char *engine, const struct bench_options *options,
                   struct bench_round *round)
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
    for (unsigned i = 0; i < options->producers && error == 0; i++) {
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
