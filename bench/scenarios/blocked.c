/* blocked.c - one message in a hundred is slept over: how long do the others take? */
/* SPDX-License-Identifier: MIT */
/*
 * Peers have as many threads as libiocp's concurrency value; libiocp has more workers than that,
 * which is what they are there for.
 *
 * Load  Best on a schedule, at a rate that all can carry: then a message's latency runs from its
 *       moment, whoever sleeps. A thread that sleeps for 10 ms over one message in 100 echoes less
 *       than 10,000 a second, so at 10,000 two of them have half of their time left. In a closed
 *       loop clients that wait send nothing, and one without pauses fills every server up: its
 *       latency is the connections divided by the rate, whoever serves them, and what it tells is
 *       that rate.
 */
#include "scenario.h"
#include "trial.h"

#define SLEEP_EVERY 100
#define SLEEP_MS    10

/* Only who can sleep: a server of its own has no such handler. */
static bool takes(const struct plan_case *plan, const struct subject *subject)
{
    (void)plan;
    return !subject->streams && (subject->kind == SUBJECT_LIBRARY || subject->kind == SUBJECT_PEER);
}

static size_t descriptors(const struct plan_case *plan)
{
    return plan->connections;
}

static int blocked(struct trial *trial)
{
    struct manner manner = {.sleep_every = SLEEP_EVERY, .sleep_ms = SLEEP_MS};
    struct trial_servers servers;
    int error;

    if (trial->subject->kind == SUBJECT_LIBRARY) {
        manner.concurrency = trial->plan->workers;
        manner.workers = trial->plan->libiocp_workers;
    }
    error = trial_start(trial, manner, &servers);
    if (error < 0)
        return error;
    struct load_options load = trial_load(trial, &servers);
    load.marked = true;
    error = trial_measure(trial, &servers, &load);
    trial_stop(&servers);
    return error;
}

const struct scenario scenario_blocked = {
    .name = "blocked",
    .about = "one message in 100 is slept over for 10 ms in its callback: the others' latency",
    .takes = takes,
    .descriptors = descriptors,
    .round = blocked,
    .leads = FIGURE_P99_US,
    .overhead_s = 0.1,
};
