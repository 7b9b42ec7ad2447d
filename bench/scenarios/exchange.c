/* exchange.c - clients that send messages and read the echoes: ping-pong, pipeline, message, churn.
 */
/* SPDX-License-Identifier: MIT */
#include "scenario.h"
#include "trial.h"

static bool takes_all(const struct plan_case *plan, const struct subject *subject)
{
    return subject_serves(subject) && subject_holds(subject, plan->connections);
}

/* The generator's; the servers have the other ends. */
static size_t descriptors(const struct plan_case *plan)
{
    return plan->connections;
}

static int exchange(struct trial *trial, enum load_kind kind, bool collect)
{
    struct manner manner = {.collect = collect};
    struct trial_servers servers;
    int error = trial_start(trial, manner, &servers);

    if (error < 0)
        return error;
    struct load_options load = trial_load(trial, &servers);
    load.kind = kind;
    error = trial_measure(trial, &servers, &load);
    if (error == 0 && trial->counts)
        error = trial_count_calls(trial, &servers, &load);
    trial_stop(&servers);
    return error;
}

static int stream(struct trial *trial)
{
    return exchange(trial, LOAD_STREAM, false);
}

static int churn(struct trial *trial)
{
    return exchange(trial, LOAD_CHURN, false);
}

/* Those that send back what has come before the message is whole stand beside those that do not,
 * where the plan asks for it. */
static bool takes_message(const struct plan_case *plan, const struct subject *subject)
{
    return subject_serves(subject) || (plan->streams && subject->streams);
}

static int message(struct trial *trial)
{
    return exchange(trial, LOAD_MESSAGE, !trial->subject->streams);
}

const struct scenario scenario_pingpong = {
    .name = "pingpong",
    .about = "connections that send a message, wait for its echo, and send the next",
    .takes = takes_all,
    .descriptors = descriptors,
    .round = stream,
    .leads = FIGURE_CPU_US,
    .overhead_s = 0.06,
};

const struct scenario scenario_pipeline = {
    .name = "pipeline",
    .about = "the same with several messages in flight on each connection",
    .takes = takes_all,
    .descriptors = descriptors,
    .round = stream,
    .leads = FIGURE_CPU_US,
    .overhead_s = 0.06,
};

const struct scenario scenario_message = {
    .name = "message",
    .about = "connect, send one message, half-close, read its echo to the end; again",
    .takes = takes_message,
    .descriptors = descriptors,
    .round = message,
    .leads = FIGURE_CPU_US,
    .overhead_s = 0.06,
};

const struct scenario scenario_churn = {
    .name = "churn",
    .about = "connect, one exchange, reset; again",
    .takes = takes_all,
    .descriptors = descriptors,
    .round = churn,
    .leads = FIGURE_CPU_US,
    .overhead_s = 0.06,
};
