/* goals_judge.c - whether a goal is reached, by the figures of a run. */
/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "goals.h"
#include "wording.h"

static bool is_less_better(const struct goal *goal)
{
    return figure_kind(goal->figure)->better == FIGURE_LESS;
}

static const struct result_case *find_case(const struct results *results, const char *id)
{
    for (size_t i = 0; i < results->case_count; i++)
        if (strcmp(results->cases[i].id, id) == 0)
            return &results->cases[i];
    return NULL;
}

static const struct result_row *find_row(const struct results *results, const char *id,
                                         const char *subject)
{
    for (size_t i = 0; i < results->row_count; i++) {
        const struct result_row *row = &results->rows[i];

        if (strcmp(results->cases[row->which_case].id, id) == 0 &&
            strcmp(row->subject, subject) == 0)
            return row;
    }
    return NULL;
}

/* The rate that is possible for whom the row tells of, by that in the base; false: that was not
 * measured. */
static bool find_possible(const struct goal *goal, const struct results *results,
                          const struct result_row *row, double *possible)
{
    const struct result_row *base = find_row(results, goal->base, row->subject);
    const double workers = (double)results->cases[row->which_case].workers;
    double rate, generator;

    if (!base || !results_median(base, FIGURE_RATE, &rate) ||
        !results_median(base, FIGURE_GENERATOR, &generator) || generator <= 0 || generator >= 1)
        return false;
    *possible = rate * fmin(results->machine.cpus, fmin(workers / (1 - generator), 1 / generator));
    return true;
}

/* What is compared, of each round; false: it was not measured. */
static bool find_values(const struct goal *goal, const struct results *results, const char *subject,
                        struct series *values)
{
    const struct result_row *row = find_row(results, goal->case_id, subject);
    double possible = 1, median;

    if (!row || !results_median(row, goal->figure, &median) ||
        (goal->base && !find_possible(goal, results, row, &possible)))
        return false;
    *values = row->figures[goal->figure];
    for (size_t i = 0; i < values->count; i++)
        values->values[i] /= possible;
    return true;
}

static bool is_better(const struct goal *goal, const struct series *left,
                      const struct series *right)
{
    double a = series_spread(left).median, b = series_spread(right).median;

    return is_less_better(goal) ? a < b : a > b;
}

static size_t find_best(const struct goal *goal, const struct series peers[], size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++)
        if (is_better(goal, &peers[i], &peers[best]))
            best = i;
    return best;
}

/* In each round, of all that have measured it. */
static struct series find_middle(const struct series peers[], size_t count)
{
    struct series middle = {.count = 0};

    for (size_t round = 0; round < ROUNDS_MAX; round++) {
        struct series of_round = {.count = 0};

        for (size_t i = 0; i < count; i++)
            if (round < peers[i].count)
                series_add(&of_round, peers[i].values[round]);
        if (of_round.count == 0)
            break;
        series_add(&middle, series_spread(&of_round).median);
    }
    return middle;
}

/* With what ours is compared; names of peers that have not been measured are noted. */
static struct series find_peers(const struct goal *goal, const struct results *results,
                                struct goal_outcome *outcome)
{
    struct series peers[GOAL_PEERS_MAX] = {{.count = 0}};
    const char *names[GOAL_PEERS_MAX];
    struct sentence without;
    size_t count = 0, best;

    sentence_begin(&without, outcome->without, sizeof outcome->without);
    for (const char *const *name = goal->peers->names; *name; name++) {
        if (find_values(goal, results, *name, &peers[count]))
            names[count++] = *name;
        else
            sentence_add(&without, "%s%s", without.length > 0 ? ", " : "", *name);
    }
    if (count == 0)
        return peers[0];
    best = find_best(goal, peers, count);
    outcome->peer = goal->base ? "median" : names[best];
    return goal->base ? find_middle(peers, count) : peers[best];
}

static struct series find_ratios(const struct series *ours, const struct series *peers)
{
    struct series ratios = {.count = 0};

    for (size_t i = 0; i < ours->count && i < peers->count; i++)
        if (peers->values[i] > 0)
            series_add(&ratios, ours->values[i] / peers->values[i]);
    return ratios;
}

static void decide(const struct goal *goal, struct goal_outcome *outcome)
{
    double share;

    if (goal->bound <= 0) {
        outcome->state = GOAL_BESIDE;
        return;
    }
    share = outcome->reached.median / goal->bound;
    outcome->state = (is_less_better(goal) ? share > 1 : share < 1) ? GOAL_MISSED : GOAL_MET;
    outcome->by = fabs(share - 1);
}

bool goal_judge(const struct goal *goal, const struct results *results,
                struct goal_outcome *outcome)
{
    struct series ours, peers, reached;
    char subject[sizeof results->rows->subject];

    *outcome =
        (struct goal_outcome){.state = GOAL_OPEN,
                              .where = find_case(results, goal->case_id),
                              .engine = goal->engine ? goal->engine : results->machine.engine};
    if (!outcome->where)
        return false;
    peers = find_peers(goal, results, outcome);
    outcome->peers = series_spread(&peers).median;
    /* A server of its own does not sleep: there the library's least program is ours. */
    (void)snprintf(subject, sizeof subject, "%s %s",
                   strcmp(outcome->where->scenario, "blocked") == 0 ? "libiocp" : "iocp-server",
                   outcome->engine);
    if (!find_values(goal, results, subject, &ours))
        return true;
    outcome->ours = series_spread(&ours).median;
    reached = goal->alone ? ours : find_ratios(&ours, &peers);
    outcome->reached = series_spread(&reached);
    if (reached.count > 0)
        decide(goal, outcome);
    return true;
}
