/* overload.c - more messages than the server can echo, on a schedule that does not wait for it. */
/* SPDX-License-Identifier: MIT */
/*
 * The knee is the highest rate that any subject reaches in a closed loop with one message in
 * flight on each connection; it is found in the first rounds, and is the same for all.
 */
#include <errno.h>

#include "scenario.h"
#include "trial.h"

/* For what is left over when the time is up: there may be many times as much as was answered. */
#define PATIENCE_NS INT64_C(1000000000)

static bool takes(const struct plan_case *plan, const struct subject *subject)
{
    (void)plan;
    return subject_serves(subject);
}

static size_t descriptors(const struct plan_case *plan)
{
    return plan->connections;
}

static int find_knee(struct trial *trial)
{
    struct trial_servers servers;
    double rate = 0;
    int error = trial_start(trial, (struct manner){0}, &servers);

    if (error < 0)
        return error;
    struct load_options load = trial_load(trial, &servers);
    load.depth = 1;
    error = trial_measure_rate(trial, &servers, &load, &rate);
    trial_stop(&servers);
    if (rate > *trial->knee)
        *trial->knee = rate;
    return error;
}

static int overload(struct trial *trial)
{
    struct trial_servers servers;
    int error;

    if (*trial->knee <= 0) /* without a rate the load would be a closed loop */
        return trial_fail(trial, -ENODATA, "no rate at the knee was found");
    error = trial_start(trial, (struct manner){0}, &servers);
    if (error < 0)
        return error;
    struct load_options load = trial_load(trial, &servers);
    load.rate = *trial->knee * trial->plan->factor;
    load.patience_ns = PATIENCE_NS;
    error = trial_measure(trial, &servers, &load);
    trial_stop(&servers);
    return error;
}

const struct scenario scenario_overload = {
    .name = "overload",
    .about = "a fixed schedule of messages, at a multiple of the rate at the knee",
    .takes = takes,
    .descriptors = descriptors,
    .prepare = find_knee,
    .round = overload,
    .leads = FIGURE_RATE,
    .overhead_s = 0.1,
};
