/* soak.c - a mixed load for as long as it is asked for: is the server afterwards what it was? */
/* SPDX-License-Identifier: MIT */
/*
 * Load   Several loads at once, each in a thread of its own: connections that stay, and such as
 *        come and go; messages of several sizes. First all in a closed loop, which tells what
 *        server and clients carry together; then each on a schedule, with a share of the rate that
 *        it had. For minutes on end a machine may have less to give than in the first seconds: what
 *        the connections then have no room for is not sent, and is told.
 * Fails  A message that was sent and has no answer; descriptors or threads other than before; an
 *        end that is not clean.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rest.h"
#include "sample.h"
#include "scenario.h"
#include "trial.h"

#define LOAD_SHARE 0.7

/* Before what is measured: in a closed loop, then on the schedule; at most so much of its time. */
#define PEAK_NS_MAX   INT64_C(5000000000)
#define WARM_UP_SHARE 10

/* Memory is looked at so often while it is measured; the first tenth is held against the last. */
#define LOOKS 600
#define TENTH (LOOKS / 10)

/* A stop is looked for so often in between. */
#define SLICE_NS INT64_C(50000000)

#define LEGS 5

/* One of the loads: shares of the plan's connections, and of its largest message. */
struct kind {
    enum load_kind kind;
    size_t one_of_connections, one_of_size, depth;
};

static const struct kind kinds[LEGS] = {
    {LOAD_STREAM, 2, 16384, 1}, /* half of all, and small ones */
    {LOAD_STREAM, 5, 256, 4},
    {LOAD_STREAM, 20, 1, 1}, /* a few, and large ones: such are sent in pieces */
    {LOAD_CHURN, 5, 1024, 1},
    {LOAD_MESSAGE, 20, 64, 1},
};

struct leg {
    struct load_options options;
    struct load_result result;
    pthread_t thread;
    int error;
};

struct soak {
    struct trial *trial;
    struct trial_servers *servers;
    struct leg *legs;
    double resident[LOOKS]; /* bytes */
    double processors;      /* that the server used */
};

static bool takes(const struct plan_case *plan, const struct subject *subject)
{
    (void)plan;
    return subject->kind == SUBJECT_SERVER;
}

static size_t descriptors(const struct plan_case *plan)
{
    return plan->connections;
}

static void *run_leg(void *argument)
{
    struct leg *leg = argument;

    leg->error = load_run(&leg->options, &leg->result);
    return NULL;
}

/* How many legs there are now; the rest of them has an error. */
static size_t start_legs(struct leg *legs)
{
    size_t count = 0;

    while (count < LEGS) {
        int error = pthread_create(&legs[count].thread, NULL, run_leg, &legs[count]);

        if (error != 0) {
            legs[count].error = -error;
            break;
        }
        count++;
    }
    return count;
}

/* All legs at once; meanwhile `watch` looks at the server, if it is not NULL. */
static int run_legs(struct soak *soak, int (*watch)(struct soak *))
{
    size_t count = start_legs(soak->legs);
    int seen = watch && count == LEGS ? watch(soak) : 0, error = 0;

    for (size_t i = 0; i < count; i++)
        (void)pthread_join(soak->legs[i].thread, NULL);
    for (size_t i = 0; i < LEGS && error == 0; i++)
        error = trial_judge_load(soak->trial, soak->servers, soak->legs[i].error,
                                 &soak->legs[i].result);
    if (error == 0 && seen < 0)
        error = trial_fail(soak->trial, seen, "sampling: %s", strerror(-seen));
    return error;
}

static void plan_legs(struct soak *soak)
{
    const struct plan_case *plan = soak->trial->plan;

    for (size_t i = 0; i < LEGS; i++) {
        struct load_options *options = &soak->legs[i].options;

        *options = trial_load(soak->trial, soak->servers);
        options->kind = kinds[i].kind;
        options->connections = plan->connections / kinds[i].one_of_connections;
        options->message_size = plan->message_size / kinds[i].one_of_size;
        options->depth = kinds[i].depth;
        if (options->measured_ns > PEAK_NS_MAX)
            options->measured_ns = PEAK_NS_MAX;
    }
}

/* From the closed loop to the schedules. */
static int schedule_legs(struct soak *soak)
{
    struct pace pace = soak->trial->pace;

    for (size_t i = 0; i < LEGS; i++) {
        struct leg *leg = &soak->legs[i];

        leg->options.rate = LOAD_SHARE * (double)leg->result.completed / leg->result.seconds;
        if (!(leg->options.rate > 0) && !atomic_load(soak->trial->stop))
            return trial_fail(soak->trial, -ENODATA, "no rate was found of messages of %zu bytes",
                              leg->options.message_size);
        leg->options.drops = true;
        leg->options.warm_up_ns = pace.warm_up_ns + pace.measured_ns / WARM_UP_SHARE;
        leg->options.measured_ns = pace.measured_ns;
        leg->result = (struct load_result){0};
    }
    return 0;
}

/* Or until the stop. */
static void wait_until(const struct soak *soak, int64_t moment_ns)
{
    int64_t left_ns;

    while ((left_ns = moment_ns - measure_now_ns()) > 0 && !atomic_load(soak->trial->stop))
        measure_sleep_ns(left_ns < SLICE_NS ? left_ns : SLICE_NS);
}

static int look_at_memory(struct soak *soak, size_t look)
{
    struct sample sample = {0};
    int error = sample_add_memory(&sample, &soak->servers->each[0]);

    soak->resident[look] = (double)sample.resident;
    return error;
}

/* Till the measured time is over, or there is no more to see. */
static int watch_memory(struct soak *soak)
{
    const struct echo_server *server = &soak->servers->each[0];
    const struct load_options *load = &soak->legs[0].options;
    int64_t start_ns = measure_now_ns() + load->warm_up_ns;
    struct sample before = {0}, after = {0};
    int error;

    wait_until(soak, start_ns);
    error = sample_add_cpu(&before, server);
    for (int64_t i = 0; i < LOOKS && error == 0 && !atomic_load(soak->trial->stop); i++) {
        wait_until(soak, start_ns + load->measured_ns * (i + 1) / LOOKS);
        error = look_at_memory(soak, (size_t)i);
    }
    if (error == 0)
        error = sample_add_cpu(&after, server);
    soak->processors = (after.cpu_us - before.cpu_us) * 1e3 / (double)(measure_now_ns() - start_ns);
    return error;
}

static double mean(const double values[], size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

static void note_memory(const struct soak *soak)
{
    struct series *figures = soak->trial->row->figures;
    double first = mean(soak->resident, TENTH);

    series_add(&figures[FIGURE_RSS_BYTES], soak->resident[LOOKS - 1]);
    series_add(&figures[FIGURE_DRIFT], mean(soak->resident + LOOKS - TENTH, TENTH) / first - 1);
}

static void note_latency(const struct soak *soak)
{
    struct series *figures = soak->trial->row->figures;
    struct histogram *all = &soak->legs[0].result.latency;

    for (size_t i = 1; i < LEGS; i++)
        histogram_merge(all, &soak->legs[i].result.latency);
    series_add(&figures[FIGURE_P50_US], (double)histogram_percentile(all, 50) / 1e3);
    series_add(&figures[FIGURE_P99_US], (double)histogram_percentile(all, 99) / 1e3);
    histogram_merge(soak->trial->latency, all);
}

/* A message is one operation, whatever its size. */
static int note(const struct soak *soak)
{
    struct series *figures = soak->trial->row->figures;
    double rate = 0, bytes = 0, planned = 0, dropped = 0, unanswered = 0;

    for (size_t i = 0; i < LEGS; i++) {
        const struct leg *leg = &soak->legs[i];
        double of_leg = (double)leg->result.completed / leg->result.seconds;

        rate += of_leg;
        bytes += of_leg * (double)leg->options.message_size;
        unanswered += (double)leg->result.unanswered;
        dropped += (double)leg->result.dropped;
        planned += (double)(leg->result.latency.count + leg->result.dropped);
    }
    series_add(&figures[FIGURE_UNANSWERED], unanswered / planned);
    if (unanswered > 0)
        return trial_fail(soak->trial, -ETIMEDOUT, "%.0f messages without an answer", unanswered);
    series_add(&figures[FIGURE_RATE], rate);
    series_add(&figures[FIGURE_MB_RATE], bytes / 1e6);
    series_add(&figures[FIGURE_CPU_US], soak->processors * 1e6 / rate);
    series_add(&figures[FIGURE_UNSENT], dropped / planned);
    note_memory(soak);
    note_latency(soak);
    return trial_note_peak(soak->trial, soak->servers);
}

/* What the server holds after its first clients. */
static int find_rest(struct soak *soak, struct rest *rest)
{
    int error = rest_find(&soak->servers->each[0], rest);

    return error < 0 ? trial_fail(soak->trial, error, "sampling: %s", strerror(-error)) : 0;
}

static int expect_rest(struct soak *soak, const struct rest *due)
{
    struct rest now;
    int error = rest_await(&soak->servers->each[0], due, &now);

    if (error == -EBADF)
        return trial_fail(soak->trial, error, "%zu descriptors are left open, %zu before",
                          now.descriptors, due->descriptors);
    if (error == -ESRCH)
        return trial_fail(soak->trial, error, "other threads than before");
    return error < 0 ? trial_fail(soak->trial, error, "sampling: %s", strerror(-error)) : 0;
}

static int put_load_on(struct soak *soak)
{
    struct rest rest = {0};
    int error;

    plan_legs(soak);
    error = run_legs(soak, NULL);
    if (error == 0)
        error = schedule_legs(soak);
    if (error == 0)
        error = find_rest(soak, &rest);
    if (error < 0 || atomic_load(soak->trial->stop))
        return error;
    error = run_legs(soak, watch_memory);
    if (error == 0)
        error = expect_rest(soak, &rest);
    return error < 0 || atomic_load(soak->trial->stop) ? error : note(soak);
}

static int play(struct trial *trial, struct soak *course, struct leg *legs)
{
    struct trial_servers servers;
    int error = trial_start(trial, (struct manner){0}, &servers);

    if (error < 0)
        return error;
    *course = (struct soak){.trial = trial, .servers = &servers, .legs = legs};
    error = put_load_on(course);
    if (error == 0)
        return trial_end(trial, &servers);
    trial_stop(&servers);
    return error;
}

static int soak(struct trial *trial)
{
    struct soak *course = calloc(1, sizeof *course);
    struct leg *legs = calloc(LEGS, sizeof *legs);
    int error = course && legs ? play(trial, course, legs)
                               : trial_fail(trial, -ENOMEM, "%s", strerror(ENOMEM));

    free(legs);
    free(course);
    return error;
}

const struct scenario scenario_soak = {
    .name = "soak",
    .about = "clients of several kinds, coming and going; only by this name, see --seconds",
    .takes = takes,
    .descriptors = descriptors,
    .round = soak,
    .leads = FIGURE_DRIFT,
    .overhead_s = 0.5,
};
