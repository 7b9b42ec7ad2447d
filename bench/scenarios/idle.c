/* idle.c - silent connections: the memory that one takes, and what the busy ones lose by them. */
/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "crowd.h"
#include "sample.h"
#include "scenario.h"
#include "trial.h"

#define CROWDS_MAX  16
#define CROWD_SIZE  15000 /* connections of one process */
#define FIRST_SHARE 10    /* one in so many comes before memory is looked at: a server's start */

/* What is measured in a round, at most: iocp-server ends who is silent for 60 s. */
#define MEASURED_NS_MAX INT64_C(20000000000)

/* The silent clients, in processes of their own. */
struct crowds {
    struct crowd each[CROWDS_MAX];
    size_t count;
};

static bool takes(const struct plan_case *plan, const struct subject *subject)
{
    return subject_serves(subject) && subject_holds(subject, plan->idle_connections);
}

static size_t crowd_count(const struct plan_case *plan)
{
    return (plan->idle_connections + CROWD_SIZE - 1) / CROWD_SIZE;
}

/* Of a server or a crowd, whichever has more; servers do not get quite equal shares. */
static size_t descriptors(const struct plan_case *plan)
{
    size_t servers = plan->servers > 0 ? plan->servers : 1;
    size_t of_server = plan->idle_connections / servers + plan->connections;
    size_t of_crowd = plan->idle_connections / crowd_count(plan);

    return of_server > of_crowd ? of_server : of_crowd;
}

static int start_crowds(struct crowds *crowds, const struct plan_case *plan,
                        const struct sockaddr_in *server)
{
    size_t wanted = crowd_count(plan);
    int error = 0;

    crowds->count = 0;
    while (crowds->count < wanted && error == 0) {
        struct crowd *crowd = &crowds->each[crowds->count];

        *crowd = (struct crowd){.server = *server, .message_size = plan->message_size};
        crowd->capacity = plan->idle_connections / wanted;
        error = crowd_start(crowd);
        crowds->count += error == 0;
    }
    return error;
}

/* The last one first: a crowd has inherited the wires of those before it, and keeps them open. */
static void end_crowds(struct crowds *crowds)
{
    while (crowds->count > 0)
        (void)crowd_end(&crowds->each[--crowds->count]);
}

/* What went wrong with any of them, after all have answered. */
static int await_all(struct crowds *crowds)
{
    int answer, error = 0;

    for (size_t i = 0; i < crowds->count; i++)
        if ((answer = crowd_answer(&crowds->each[i])) < 0)
            error = answer;
    return error;
}

/* Every member says something once, and is heard: so the server knows it, and it is alive. */
static int speak(struct crowds *crowds)
{
    int error = 0;

    for (size_t i = 0; i < crowds->count && error == 0; i++)
        error = crowd_speak(&crowds->each[i]);
    return error < 0 ? error : await_all(crowds);
}

static int grow(struct crowds *crowds, size_t share)
{
    int error = 0;

    for (size_t i = 0; i < crowds->count && error == 0; i++)
        error = crowd_grow(&crowds->each[i], crowds->each[i].capacity / share);
    if (error == 0)
        error = await_all(crowds);
    return error < 0 ? error : speak(crowds);
}

static int read_memory(const struct trial_servers *servers, double *bytes)
{
    struct sample sample = {0};
    int error = 0;

    for (size_t i = 0; i < servers->count && error == 0; i++)
        error = sample_add_memory(&sample, &servers->each[i]);
    *bytes = (double)sample.anonymous;
    return error;
}

/* Let all members come, and see how the memory grows with the most of them. */
static int gather(struct trial *trial, const struct trial_servers *servers, struct crowds *crowds)
{
    size_t all = 0, first = 0;
    double before = 0, after = 0;
    int error = start_crowds(crowds, trial->plan, &servers->each[0].address);

    for (size_t i = 0; i < crowds->count; i++) {
        all += crowds->each[i].capacity;
        first += crowds->each[i].capacity / FIRST_SHARE;
    }
    if (error == 0)
        error = grow(crowds, FIRST_SHARE);
    if (error == 0)
        error = read_memory(servers, &before);
    if (error == 0)
        error = grow(crowds, 1);
    if (error == 0)
        error = read_memory(servers, &after);
    if (error < 0)
        return trial_fail(trial, error, "silent connections: %s", strerror(-error));
    series_add(&trial->row->figures[FIGURE_IDLE_BYTES], (after - before) / (double)(all - first));
    return 0;
}

static int measure_beside(struct trial *trial, struct trial_servers *servers,
                          struct load_options *load, struct crowds *crowds)
{
    const struct series *rates = &trial->row->figures[FIGURE_RATE];
    const size_t before = rates->count;
    double alone;
    int error;

    /* A server that has just started is slower: what it does first does not count. */
    load->warm_up_ns += load->measured_ns;
    error = trial_measure_rate(trial, servers, load, &alone);
    load->warm_up_ns -= load->measured_ns;
    if (error == 0)
        error = gather(trial, servers, crowds);
    if (error == 0)
        error = trial_measure(trial, servers, load);
    if (error < 0)
        return error;
    if (rates->count > before && alone > 0) /* a round that was stopped has no rate */
        series_add(&trial->row->figures[FIGURE_KEPT], rates->values[before] / alone);
    error = speak(crowds);
    return error < 0
               ? trial_fail(trial, error, "silent connections at the end: %s", strerror(-error))
               : 0;
}

static int idle(struct trial *trial)
{
    struct crowds crowds = {.count = 0};
    struct trial_servers servers;
    int error = trial_start(trial, (struct manner){0}, &servers);

    if (error < 0)
        return error;
    struct load_options load = trial_load(trial, &servers);
    if (load.measured_ns > MEASURED_NS_MAX)
        load.measured_ns = MEASURED_NS_MAX;
    error = measure_beside(trial, &servers, &load, &crowds);
    end_crowds(&crowds);
    trial_stop(&servers);
    return error;
}

const struct scenario scenario_idle = {
    .name = "idle",
    .about = "silent connections beside busy ones: memory for each, and the rate that is kept",
    .takes = takes,
    .descriptors = descriptors,
    .round = idle,
    .leads = FIGURE_CPU_US,
    .overhead_s = 0.6,
};
