/* overload.c - more messages than the server can echo, on a schedule that does not wait for it. */
/* SPDX-License-Identifier: MIT */
/*
 * Load   The knee is the highest rate that any subject reaches in a closed loop with one message in
 *        flight on each connection; it is found in the first rounds, and is the same for all. What
 *        the connections have no room for is dropped, or else each round would end in lines whose
 *        latency is the length of the round.
 * Round  One server has a closed loop, which tells its own peak; a calm load below that; the
 *        overload; the calm load again, and again, until latency is back; and the closed loop
 *        again. The overload is over when its measured time is: that its connections then end, and
 *        those of the calm load come, is a part of getting back.
 * Peak   A machine that does other things, too, has seconds of one speed and seconds of another:
 *        what the overload is compared with is the mean of the peaks on both sides of it.
 * Back   It is looked for longer than the goal allows. A figure of just that time says that latency
 *        was not back: without a figure the other rounds would speak for this one.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "trial.h"

#define IN_TIME_NS INT64_C(100000000)

/* The calm load: so much of the server's own peak, for at most so long. */
#define CALM_SHARE  0.5
#define CALM_NS_MAX INT64_C(6000000000)

/* After the overload it is looked so long whether latency is back. */
#define BACK_S_MAX 6.0

/* A server's own peak: in less time a machine that does other things, too, may show none. */
#define PEAK_NS_MIN INT64_C(1000000000)

/* Of the calm load: latency is back in the first part whose p99 is no worse than the worst of any
 * part was before. */
#define PARTS 20

struct course {
    struct trial *trial;
    struct trial_servers *servers;
    struct load_result *result; /* of the last load */
    struct histogram *parts;
    double peak;        /* before the overload */
    double in_time;     /* of the overload, a second */
    uint64_t before_ns; /* the worst p99 */
};

static bool takes(const struct plan_case *plan, const struct subject *subject)
{
    return subject_serves(subject) && subject_holds(subject, plan->connections);
}

static size_t descriptors(const struct plan_case *plan)
{
    return plan->connections;
}

static struct load_options short_load(const struct trial *trial,
                                      const struct trial_servers *servers)
{
    struct load_options load = trial_load(trial, servers);

    if (load.measured_ns > CALM_NS_MAX)
        load.measured_ns = CALM_NS_MAX;
    return load;
}

static int measure_peak(struct trial *trial, struct trial_servers *servers, double *rate)
{
    struct load_options load = short_load(trial, servers);

    load.depth = 1;
    if (load.measured_ns < PEAK_NS_MIN)
        load.measured_ns = PEAK_NS_MIN;
    *rate = 0;
    return trial_measure_rate(trial, servers, &load, rate);
}

static int find_knee(struct trial *trial)
{
    struct trial_servers servers;
    double rate;
    int error = trial_start(trial, (struct manner){0}, &servers);

    if (error < 0)
        return error;
    error = measure_peak(trial, &servers, &rate);
    trial_stop(&servers);
    if (rate > *trial->knee)
        *trial->knee = rate;
    return error;
}

static int be_calm(struct course *course)
{
    struct load_options load = short_load(course->trial, course->servers);

    load.rate = course->peak * CALM_SHARE;
    load.warm_up_ns = 0;
    load.parts = course->parts;
    load.part_count = PARTS;
    *course->result = (struct load_result){0};
    memset(course->parts, 0, PARTS * sizeof *course->parts);
    return trial_run_load(course->trial, course->servers, &load, course->result);
}

static uint64_t worst_p99(const struct course *course)
{
    uint64_t worst_ns = 0;

    for (size_t i = 0; i < PARTS; i++) {
        uint64_t p99_ns = histogram_percentile(&course->parts[i], 99);

        if (p99_ns > worst_ns)
            worst_ns = p99_ns;
    }
    return worst_ns;
}

/* When, after the calm load began: at the end of the first part that is as before; or never. */
static double seconds_until_back(const struct course *course)
{
    for (size_t i = 0; i < PARTS; i++)
        if (course->parts[i].count > 0 &&
            histogram_percentile(&course->parts[i], 99) <= course->before_ns)
            return course->result->seconds * (double)(i + 1) / PARTS;
    return INFINITY;
}

/* After the overload, which was over at that moment; BACK_S_MAX: not before. */
static int await_calm(struct course *course, int64_t over_ns, double *back_s)
{
    double end_s = 0, found_s = INFINITY;
    int error = 0;

    while (error == 0 && isinf(found_s) && end_s < BACK_S_MAX &&
           !atomic_load(course->trial->stop)) {
        error = be_calm(course);
        end_s = (double)(course->result->over_ns - over_ns) / 1e9;
        found_s = end_s - course->result->seconds + seconds_until_back(course);
    }
    *back_s = fmin(found_s, BACK_S_MAX);
    return error;
}

static int put_overload_on(struct course *course)
{
    struct trial *trial = course->trial;
    struct load_options load = trial_load(trial, course->servers);
    int error;

    load.rate = *trial->knee * trial->plan->factor;
    load.drops = true;
    load.in_time_ns = IN_TIME_NS;
    *course->result = (struct load_result){0};
    error = trial_measure_load(trial, course->servers, &load, course->result);
    if (error == 0)
        error = trial_note_peak(trial, course->servers);
    course->in_time = (double)course->result->in_time / course->result->seconds;
    return error;
}

/* Of what is possible: no more than the peak, and no more than was planned. */
static int note_goodput(struct course *course)
{
    struct trial *trial = course->trial;
    double planned = *trial->knee * trial->plan->factor, after, possible;
    int error = measure_peak(trial, course->servers, &after);

    possible = fmin(planned, (course->peak + after) / 2);
    if (error == 0 && !atomic_load(trial->stop))
        series_add(&trial->row->figures[FIGURE_GOODPUT], course->in_time / possible);
    return error;
}

static int run_course(struct course *course)
{
    struct trial *trial = course->trial;
    double back_s;
    int error = measure_peak(trial, course->servers, &course->peak);

    if (error == 0 && course->peak <= 0) /* without a rate the calm would be a closed loop */
        error = trial_fail(trial, -ENODATA, "no peak rate was found");
    if (error == 0)
        error = be_calm(course);
    if (error < 0)
        return error;
    course->before_ns = worst_p99(course);
    error = put_overload_on(course);
    if (error == 0)
        error = await_calm(course, course->result->over_ns, &back_s);
    if (error == 0 && !atomic_load(trial->stop))
        series_add(&trial->row->figures[FIGURE_BACK_S], back_s);
    return error == 0 ? note_goodput(course) : error;
}

static int overload(struct trial *trial)
{
    struct trial_servers servers;
    struct course course = {.trial = trial, .servers = &servers};
    int error;

    if (*trial->knee <= 0) /* without a rate the load would be a closed loop */
        return trial_fail(trial, -ENODATA, "no rate at the knee was found");
    course.result = calloc(1, sizeof *course.result);
    course.parts = calloc(PARTS, sizeof *course.parts);
    if (course.result && course.parts)
        error = trial_start(trial, (struct manner){0}, &servers);
    else
        error = trial_fail(trial, -ENOMEM, "%s", strerror(ENOMEM));
    if (error == 0) {
        error = run_course(&course);
        trial_stop(&servers);
    }
    free(course.parts);
    free(course.result);
    return error;
}

const struct scenario scenario_overload = {
    .name = "overload",
    .about = "a fixed schedule of messages, at a multiple of the rate at the knee; and after it",
    .takes = takes,
    .descriptors = descriptors,
    .prepare = find_knee,
    .round = overload,
    .leads = FIGURE_RATE,
    .overhead_s = 0.4,
};
