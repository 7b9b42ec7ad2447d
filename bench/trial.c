/* trial.c - see trial.h. */
/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "processors.h"
#include "sample.h"

#define MS_NS          INT64_C(1000000)
#define PATIENCE_NS    (10000 * MS_NS)
#define LAST_BREATH_MS 200 /* a server whose connections have failed may be about to end */
#define LONGER         10  /* times, where nothing ended in the measured time */

static bool was_stopped(const struct trial *trial)
{
    return atomic_load(trial->stop);
}

int trial_fail(struct trial *trial, int error, const char *format, ...)
{
    va_list values;

    if (was_stopped(trial))
        return error;
    va_start(values, format);
    (void)vsnprintf(trial->row->trouble, sizeof trial->row->trouble, format, values);
    va_end(values);
    trial->row->state = ROW_FAILED;
    return error;
}

static int generator_processor(enum placement placement)
{
    int first, last;

    processors_find(&first, &last);
    return placement == PLACE_FREE ? PROCESSORS_ALL : placement == PLACE_SAME ? last : first;
}

struct load_options trial_load(const struct trial *trial, const struct trial_servers *servers)
{
    const struct plan_case *plan = trial->plan;

    return (struct load_options){
        .kind = LOAD_STREAM,
        .server = servers->each[0].address,
        .connections = plan->connections,
        .message_size = plan->message_size,
        .depth = plan->depth,
        .pause_ns = (int64_t)plan->pause_ms * MS_NS,
        .rate = plan->rate,
        .warm_up_ns = trial->pace.warm_up_ns,
        .measured_ns = trial->pace.measured_ns,
        .patience_ns = PATIENCE_NS,
        .stop = trial->stop,
    };
}

/* What the servers have used when the measuring began, and when it was over. */
struct watch {
    const struct trial_servers *servers;
    bool open; /* the load is an open loop */
    struct sample before, after;
    int error;
};

static int add_all(struct sample *sample, const struct trial_servers *servers,
                   int (*add)(struct sample *, const struct echo_server *))
{
    int error = 0;

    for (size_t i = 0; i < servers->count && error == 0; i++)
        error = add(sample, &servers->each[i]);
    return error;
}

/*
 * What takes longer comes before the measured time, and when all has been answered: else the last
 * ones would wait for it. But an open loop's lines are worked off after the measured time.
 */
static void look(enum load_moment moment, void *context)
{
    struct watch *watch = context;
    struct sample *sample = moment == LOAD_MEASURING ? &watch->before : &watch->after;

    if (moment == LOAD_MEASURING)
        watch->error = add_all(sample, watch->servers, sample_add_switches);
    if (watch->error == 0)
        watch->error = add_all(sample, watch->servers, sample_add_cpu);
    if (moment == LOAD_MEASURED && watch->open && watch->error == 0)
        watch->error = add_all(sample, watch->servers, sample_add_switches);
}

static bool have_children(const struct trial_servers *servers)
{
    bool found = false;

    for (size_t i = 0; i < servers->count; i++)
        found |= sample_has_children(&servers->each[i]);
    return found;
}

static void add_figure(struct trial *trial, enum figure figure, double value)
{
    if (isfinite(value))
        series_add(&trial->row->figures[figure], value);
}

static void note_cost(struct trial *trial, const struct watch *watch, double operations)
{
    double cpu_us = (watch->after.cpu_us - watch->before.cpu_us) / operations;

    add_figure(trial, FIGURE_CPU_US, cpu_us);
    trial->ticks->user += watch->after.ticks_user - watch->before.ticks_user;
    trial->ticks->kernel += watch->after.ticks_kernel - watch->before.ticks_kernel;
    /* The switches of threads that have ended cannot be read any more. */
    if (watch->before.threads == watch->after.threads)
        add_figure(trial, FIGURE_SWITCHES,
                   (double)(watch->after.switches - watch->before.switches) / operations);
    add_figure(trial, FIGURE_RSS_BYTES, (double)watch->after.resident);
}

/* Of all that was planned. */
static void note_lost(struct trial *trial, const struct load_options *load,
                      const struct load_result *result)
{
    double planned = (double)(result->latency.count + result->dropped);

    add_figure(trial, FIGURE_UNANSWERED, (double)result->unanswered / planned);
    if (load->drops)
        add_figure(trial, FIGURE_UNSENT, (double)result->dropped / planned);
}

static void note_load(struct trial *trial, const struct load_options *load,
                      const struct load_result *result)
{
    double rate = (double)result->completed / result->seconds;

    add_figure(trial, FIGURE_RATE, rate);
    add_figure(trial, FIGURE_MB_RATE, rate * (double)load->message_size / 1e6);
    if (result->latency.count > 0) {
        add_figure(trial, FIGURE_P50_US, (double)histogram_percentile(&result->latency, 50) / 1e3);
        add_figure(trial, FIGURE_P99_US, (double)histogram_percentile(&result->latency, 99) / 1e3);
    }
    add_figure(trial, FIGURE_GENERATOR, result->generator);
    if (result->slip.count > 0)
        add_figure(trial, FIGURE_SLIP_US, (double)histogram_percentile(&result->slip, 99) / 1e3);
    if (load->rate > 0)
        note_lost(trial, load, result);
    histogram_merge(trial->latency, &result->latency);
    histogram_merge(trial->uncorrected, &result->uncorrected);
}

static int note_errors(struct trial *trial, const struct load_result *result)
{
    char list[sizeof trial->row->trouble] = "";
    size_t length = 0;

    for (int kind = 0; kind < LOAD_ERRORS; kind++) {
        trial->row->errors[kind] += result->errors[kind];
        if (result->errors[kind] > 0 && length < sizeof list)
            length += (size_t)snprintf(list + length, sizeof list - length, ", %llu %s",
                                       (unsigned long long)result->errors[kind],
                                       load_error_name((enum load_error)kind));
    }
    return length > 0 ? trial_fail(trial, result->error, "connections with errors: %s", list + 2)
                      : 0;
}

int trial_judge_load(struct trial *trial, const struct trial_servers *servers, int error,
                     const struct load_result *result)
{
    int while_ms = load_error_count(result) > 0 ? LAST_BREATH_MS : 0;
    char trouble[sizeof trial->row->trouble];

    for (size_t i = 0; i < servers->count; i++)
        if (echo_server_has_ended(&servers->each[i], while_ms, trouble, sizeof trouble))
            return trial_fail(trial, -ECHILD, "%s", trouble);
    if (error < 0)
        return trial_fail(trial, error, "load generator: %s", strerror(-error));
    return note_errors(trial, result);
}

int trial_run_load(struct trial *trial, const struct trial_servers *servers,
                   const struct load_options *load, struct load_result *result)
{
    cpu_set_t before;
    int error;

    (void)sched_getaffinity(0, sizeof before, &before);
    processors_use(generator_processor(trial->plan->placement));
    error = load_run(load, result);
    (void)sched_setaffinity(0, sizeof before, &before);
    return trial_judge_load(trial, servers, error, result);
}

/* Was the machine busy with something else all the time? Then once more, for longer. */
static int run_load_long_enough(struct trial *trial, struct trial_servers *servers,
                                struct load_options *load, struct load_result *result)
{
    struct watch *watch = load->context;
    int error = trial_run_load(trial, servers, load, result);

    if (error < 0 || result->completed > 0 || was_stopped(trial))
        return error;
    *result = (struct load_result){0};
    *watch = (struct watch){.servers = servers, .open = watch->open};
    load->measured_ns *= LONGER;
    return trial_run_load(trial, servers, load, result);
}

int trial_measure_load(struct trial *trial, struct trial_servers *servers,
                       struct load_options *load, struct load_result *result)
{
    struct watch watch = {.servers = servers, .open = load->rate > 0};
    int error;

    load->at = look;
    load->context = &watch;
    error = run_load_long_enough(trial, servers, load, result);
    if (error == 0 && watch.error == 0 && !watch.open)
        watch.error = add_all(&watch.after, servers, sample_add_switches);
    if (error == 0 && watch.error == 0)
        watch.error = add_all(&watch.after, servers, sample_add_memory);
    if (error == 0 && watch.error < 0)
        error = trial_fail(trial, watch.error, "sampling: %s", strerror(-watch.error));
    if (error == 0 && have_children(servers))
        error = trial_fail(trial, -ENOTSUP,
                           "it has processes of its own, whose processor time would not count");
    if (error == 0 && result->completed > 0 && !was_stopped(trial)) {
        note_cost(trial, &watch, (double)result->completed);
        note_load(trial, load, result);
    } else if (error == 0 && !was_stopped(trial)) {
        error = trial_fail(trial, -ETIMEDOUT, "not one operation ended in the measured time");
    }
    return error;
}

int trial_measure(struct trial *trial, struct trial_servers *servers, struct load_options *load)
{
    struct load_result *result = calloc(1, sizeof *result);
    int error;

    if (!result)
        return trial_fail(trial, -ENOMEM, "%s", strerror(ENOMEM));
    error = trial_measure_load(trial, servers, load, result);
    free(result);
    return error;
}

int trial_note_peak(struct trial *trial, const struct trial_servers *servers)
{
    struct sample sample = {0};
    int error = add_all(&sample, servers, sample_add_memory);

    if (error < 0)
        return trial_fail(trial, error, "sampling: %s", strerror(-error));
    add_figure(trial, FIGURE_PEAK_BYTES, (double)sample.peak);
    return 0;
}

int trial_measure_rate(struct trial *trial, struct trial_servers *servers,
                       struct load_options *load, double *rate)
{
    struct load_result *result = calloc(1, sizeof *result);
    int error;

    if (!result)
        return trial_fail(trial, -ENOMEM, "%s", strerror(ENOMEM));
    error = trial_run_load(trial, servers, load, result);
    if (error == 0)
        *rate = result->seconds > 0 ? (double)result->completed / result->seconds : 0;
    free(result);
    return error;
}
