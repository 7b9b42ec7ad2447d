/* scenario_idle.c - what connections cost on which nothing happens. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iocp/port.h>

#include "bench.h"
#include "child.h"
#include "connections.h"
#include "crowd.h"
#include "gauge.h"
#include "measure.h"
#include "peers/peer.h"

#define CONCURRENCY   2
#define FIRST_MEMBERS 1000               /* at most; from there on the slope of memory is taken */
#define REST_NS       INT64_C(300000000) /* after the last connection, not measured */

/* One engine, figure by figure. */
struct row {
    const char *engine;
    int error;
    struct series switches;  /* of all workers */
    struct series worst;     /* of one worker */
    struct series cpu_us;    /* of the whole process */
    struct series allocated; /* bytes for each connection */
    struct series resident;
};

/* Have the crowd grow to `count`, of which `*served` are served already. */
static int grow(struct crowd *crowd, int listener, struct peer *peer, size_t *served, size_t count)
{
    int error = crowd_grow(crowd, count);

    for (; *served < count && error == 0; *served += error == 0) {
        int descriptor = connections_accept(listener);

        error = descriptor < 0 ? descriptor : peer_add(peer, descriptor);
    }
    return error < 0 ? error : crowd_answer(crowd);
}

/* Grow in two steps; what the second one takes in memory is what its connections take. */
static int grow_and_weigh(struct row *row, struct crowd *crowd, int listener, struct peer *peer)
{
    size_t all = crowd->capacity, served = 0;
    size_t first = all / 2 < FIRST_MEMBERS ? all / 2 : FIRST_MEMBERS;
    struct gauge_memory before, after;
    int error = first > 0 ? grow(crowd, listener, peer, &served, first) : 0;

    if (error == 0)
        error = gauge_read_memory(&before);
    if (error == 0)
        error = grow(crowd, listener, peer, &served, all);
    if (error == 0)
        error = gauge_read_memory(&after);
    if (error != 0)
        return error;
    series_add(&row->allocated,
               ((double)after.allocated - (double)before.allocated) / (double)(all - first));
    series_add(&row->resident,
               ((double)after.resident - (double)before.resident) / (double)(all - first));
    return 0;
}

static int watch(struct row *row, double seconds)
{
    struct gauge_switches before, after;
    double cpu_us, sum = 0, worst = 0;
    int error;

    measure_sleep_ns(REST_NS);
    error = gauge_read_switches(&before);
    if (error < 0)
        return error;
    cpu_us = -measure_cpu_us();
    measure_sleep_ns((int64_t)(seconds * 1e9));
    cpu_us += measure_cpu_us();
    error = gauge_read_switches(&after);
    if (error < 0)
        return error;
    if (after.workers == 0 || after.workers != before.workers)
        return -ESRCH;
    for (size_t i = 0; i < GAUGE_WORKERS_MAX; i++) {
        double switches = (double)(after.by_worker[i] - before.by_worker[i]);

        sum += switches;
        worst = switches > worst ? switches : worst;
    }
    series_add(&row->switches, sum);
    series_add(&row->worst, worst);
    series_add(&row->cpu_us, cpu_us);
    return 0;
}

/* At the end everybody speaks: the connections were idle, not dead. */
static int measure(struct row *row, const struct bench_options *options, struct crowd *crowd,
                   int listener)
{
    struct peer_options settings = {
        .engine = row->engine, .workers = (unsigned)options->workers, .concurrency = CONCURRENCY};
    struct peer *peer;
    int stop_error, error = peer_start_library(&settings, &peer);

    if (error < 0)
        return error;
    error = grow_and_weigh(row, crowd, listener, peer);
    if (error == 0)
        error = watch(row, options->seconds);
    if (error == 0 && peer_live(peer) != options->connections)
        error = -ECONNRESET;
    if (error == 0)
        error = crowd_speak(crowd);
    if (error == 0)
        error = crowd_answer(crowd);
    stop_error = peer_stop(peer);
    return error < 0 ? error : stop_error;
}

static int run_round(struct row *row, const struct bench_options *options)
{
    struct crowd crowd = {.capacity = options->connections, .message_size = PEER_MESSAGE_SIZE};
    int end_error, error, listener = connections_listen(&crowd.server);

    if (listener < 0)
        return listener;
    error = crowd_start(&crowd);
    if (error == 0) {
        error = measure(row, options, &crowd, listener);
        end_error = crowd_end(&crowd);
        error = error < 0 ? error : end_error;
    }
    close(listener);
    return error;
}

/* In memory that both processes see. */
struct shared {
    struct row row;
    const struct bench_options *options;
};

static void run_in_child(int wire, void *argument)
{
    struct shared *shared = argument;

    (void)wire;
    shared->row.error = run_round(&shared->row, shared->options);
}

/* Each round has a process of its own, in whose memory nothing was used and freed before. */
static int run_alone(struct shared *shared)
{
    struct child child;
    int error = child_start(&child, run_in_child, shared);

    if (error == 0)
        error = child_wait(&child);
    return error < 0 ? error : shared->row.error;
}

static void print_row(struct row *row)
{
    if (row->error < 0)
        printf("%-10s  not measured: %s\n", row->engine, strerror(-row->error));
    else
        printf("%-10s  %10.0f  %12.0f  %8.1f  %16.0f  %15.0f\n", row->engine,
               series_median(&row->switches), series_median(&row->worst),
               series_median(&row->cpu_us) / 1e3, series_median(&row->allocated),
               series_median(&row->resident));
}

static void print_heading(const struct bench_options *options)
{
    printf("idle: %zu connections, nothing said for %g s; %zu workers, concurrency %d; median of "
           "%zu rounds;\nof the bytes for each connection, %zu are the echo server's own\n",
           options->connections, options->seconds, options->workers, CONCURRENCY, options->rounds,
           peer_library_connection_size());
    printf("%-10s  %10s  %12s  %8s  %16s  %15s\n", "engine", "switches", "worst worker", "CPU ms",
           "malloc bytes/con", "RSS bytes/con");
    (void)fflush(stdout);
}

static int run(const struct bench_options *options)
{
    const char *engine;
    int error = 0;
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return -errno;
    print_heading(options);
    for (size_t i = 0; (engine = iocp_engine_name(i)); i++) {
        if (!bench_engine_chosen(options, engine))
            continue;
        *shared = (struct shared){.row.engine = engine, .options = options};
        for (size_t round = 0; round < options->rounds && shared->row.error == 0; round++)
            shared->row.error = run_alone(shared);
        print_row(&shared->row);
        if (shared->row.error < 0 && shared->row.error != -ENOTSUP)
            error = shared->row.error;
    }
    munmap(shared, sizeof *shared);
    return error;
}

const struct bench_scenario bench_idle = {
    .name = "idle",
    .run = run,
    .defaults = {.rounds = 1, .seconds = 10, .connections = 10000, .workers = 8},
    .brief = {.rounds = 1, .seconds = 1, .connections = 1000, .workers = 8},
};
