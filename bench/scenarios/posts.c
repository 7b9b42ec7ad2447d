/* posts.c - from a post to its arrival at a worker: how many a second, how late, at what cost. */
/* SPDX-License-Identifier: MIT */
/*
 * They run in this process: the processor time is that of producers and workers together. First
 * all producers post as fast as they can; then each has one in flight.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/event.h>

#include "crew.h"
#include "posts.h"
#include "scenario.h"
#include "trial.h"

#define COUNT_MAX 200000
#define POST_NS   1000 /* roughly: by which the count follows from the time to measure */

/* A latency takes a wake-up, many times as long as a post: fewer will do. */
#define LATENCY_SHARE 20

struct producers;

struct producer {
    struct producers *all;
    struct posted *posted; /* `count` of them, each posted once */
    struct iocp_event arrived;
    struct histogram latency;
    int64_t posted_ns;
    int error;
};

struct producers {
    const struct post_ops *ops;
    struct post_line *line;
    struct producer *each;
    size_t count;       /* of producers */
    size_t posts;       /* of each, to measure the rate */
    atomic_size_t next; /* the producer that a thread becomes */
    struct iocp_event start;
};

static struct producer *become_producer(struct producers *all)
{
    struct producer *producer = &all->each[atomic_fetch_add(&all->next, 1)];

    producer->error = iocp_event_wait(&all->start, IOCP_INFINITE);
    return producer;
}

static void *post_all(void *argument)
{
    struct producer *producer = become_producer(argument);
    struct producers *all = producer->all;

    for (size_t i = 0; i < all->posts && producer->error == 0; i++)
        producer->error = all->ops->post(all->line, &producer->posted[i]);
    return NULL;
}

static void on_arrival(void *context)
{
    struct producer *producer = context;

    histogram_add(&producer->latency, (uint64_t)(measure_now_ns() - producer->posted_ns));
    iocp_event_set(&producer->arrived);
}

static void *post_one_by_one(void *argument)
{
    struct producer *producer = become_producer(argument);
    struct producers *all = producer->all;
    struct posted *posted = &producer->posted[0];

    posted->arrived = on_arrival;
    posted->context = producer;
    for (size_t i = 0; i < all->posts / LATENCY_SHARE && producer->error == 0; i++) {
        producer->posted_ns = measure_now_ns();
        producer->error = all->ops->post(all->line, posted);
        if (producer->error == 0)
            producer->error = iocp_event_wait(&producer->arrived, IOCP_INFINITE);
    }
    return NULL;
}

struct cost {
    double seconds;
    double cpu_us;
};

/* Let all producers go at once; returns when all that they posted has arrived. */
static int run_phase(struct producers *all, void *(*body)(void *), const struct trial *trial,
                     struct cost *cost)
{
    struct crew crew;
    int64_t start_ns;
    int stop_error,
        error = all->ops->start(trial->subject->engine, trial->plan->workers, &all->line);

    if (error < 0)
        return error;
    atomic_store(&all->next, 0);
    error = crew_start(&crew, all->count, body, all);
    start_ns = measure_now_ns();
    cost->cpu_us = -measure_cpu_us();
    iocp_event_set(&all->start);
    crew_join(&crew);
    stop_error = all->ops->stop(all->line);
    cost->cpu_us += measure_cpu_us();
    cost->seconds = (double)(measure_now_ns() - start_ns) / 1e9;
    iocp_event_reset(&all->start);
    for (size_t i = 0; i < all->count && error == 0; i++)
        error = all->each[i].error;
    return error < 0 ? error : stop_error;
}

static void note(struct trial *trial, const struct producers *all, const struct cost *flood)
{
    struct series *figures = trial->row->figures;
    double posts = (double)(all->posts * all->count);

    series_add(&figures[FIGURE_RATE], posts / flood->seconds);
    series_add(&figures[FIGURE_CPU_US], flood->cpu_us / posts);
    for (size_t i = 1; i < all->count; i++)
        histogram_merge(&all->each[0].latency, &all->each[i].latency);
    series_add(&figures[FIGURE_P50_US],
               (double)histogram_percentile(&all->each[0].latency, 50) / 1e3);
    series_add(&figures[FIGURE_P99_US],
               (double)histogram_percentile(&all->each[0].latency, 99) / 1e3);
    histogram_merge(trial->latency, &all->each[0].latency);
}

static int measure(struct trial *trial, struct producers *all)
{
    struct cost flood, trickle;
    int error = run_phase(all, post_all, trial, &flood);

    if (error == 0)
        error = run_phase(all, post_one_by_one, trial, &trickle);
    if (error < 0)
        return trial_fail(trial, error, "%s", strerror(-error));
    note(trial, all, &flood);
    return 0;
}

static size_t posts_of_each(const struct trial *trial)
{
    size_t count = (size_t)(trial->pace.measured_ns / POST_NS);

    return (count < COUNT_MAX ? count : COUNT_MAX) / trial->plan->connections;
}

static int post(struct trial *trial, const struct post_ops *ops)
{
    struct producers all = {.ops = ops, .count = trial->plan->connections};
    size_t size;
    int error;

    all.posts = posts_of_each(trial);
    all.each = calloc(all.count, sizeof *all.each);
    size = all.count * all.posts * sizeof(struct posted);
    struct posted *posted = malloc(size);
    if (!all.each || !posted) {
        error = trial_fail(trial, -ENOMEM, "%s", strerror(ENOMEM));
        goto free_memory;
    }
    memset(posted, 0, size); /* so that its pages are there before the clock runs */
    iocp_event_init(&all.start, IOCP_MANUAL_RESET, false);
    for (size_t i = 0; i < all.count; i++) {
        all.each[i].all = &all;
        all.each[i].posted = posted + i * all.posts;
        iocp_event_init(&all.each[i].arrived, IOCP_AUTO_RESET, false);
    }
    error = measure(trial, &all);
    for (size_t i = 0; i < all.count; i++)
        iocp_event_destroy(&all.each[i].arrived);
    iocp_event_destroy(&all.start);

free_memory:
    free(posted);
    free(all.each);
    return error;
}

static bool takes(const struct plan_case *plan, const struct subject *subject)
{
    (void)plan;
    return subject->kind == SUBJECT_PLAIN_QUEUE ||
           (subject->kind == SUBJECT_LIBRARY && !subject->brackets);
}

static size_t descriptors(const struct plan_case *plan)
{
    return plan->workers;
}

static int to_pool(struct trial *trial)
{
    bool plain = trial->subject->kind == SUBJECT_PLAIN_QUEUE;

    return post(trial, plain ? &posts_plain : &posts_pool);
}

static int to_port(struct trial *trial)
{
    bool plain = trial->subject->kind == SUBJECT_PLAIN_QUEUE;

    return post(trial, plain ? &posts_plain : &posts_port);
}

const struct scenario scenario_port = {
    .name = "port",
    .about = "from a post to the callback on a worker of the pool",
    .takes = takes,
    .descriptors = descriptors,
    .round = to_pool,
    .leads = FIGURE_CPU_US,
    .overhead_s = 0.3,
};

const struct scenario scenario_queue = {
    .name = "queue",
    .about = "from a post to a thread that waits on the port itself",
    .takes = takes,
    .descriptors = descriptors,
    .round = to_port,
    .leads = FIGURE_CPU_US,
    .overhead_s = 0.3,
};
