/* case_run.c - see case_run.h. */
/* SPDX-License-Identifier: MIT */
#include "case_run.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "connections.h"
#include "doubt.h"
#include "scenario.h"
#include "trial.h"

#define DESCRIPTORS 100 /* beside the connections */
#define NS_IN_US    1000.0
#define TICKS_MIN   20 /* by fewer the parting would be a guess */

/* A subject of the case while it is measured. */
struct entry {
    const struct subject *subject;
    size_t row; /* index */
    struct histogram latency, uncorrected;
    struct trial_ticks ticks;
};

struct entries {
    struct entry *each;
    size_t count;
    size_t which_case; /* index */
    double knee;
};

size_t case_subject_count(const struct plan_case *plan, const struct subjects *subjects)
{
    size_t count = 0;

    for (size_t i = 0; i < subjects->count; i++)
        count += plan->scenario->takes(plan, &subjects->all[i]) && !subjects->all[i].why[0];
    return count;
}

static bool is_stopped(const struct case_run *run)
{
    return atomic_load(run->stop);
}

static void leave_out(struct result_row *row, enum row_state state, const char *why)
{
    row->state = state;
    (void)snprintf(row->trouble, sizeof row->trouble, "%s", why);
}

/* Why nobody can be measured in this case here; empty: they can. */
static void find_obstacle(const struct plan_case *plan, char *why, size_t size)
{
    size_t wanted = plan->scenario->descriptors(plan) + DESCRIPTORS;
    struct rlimit limit = {0};
    cpu_set_t set;

    why[0] = '\0';
    if (connections_allow(wanted) < 0) {
        (void)getrlimit(RLIMIT_NOFILE, &limit);
        (void)snprintf(why, size, "needs %zu open files, the hard limit (ulimit -Hn) is %llu",
                       wanted, (unsigned long long)limit.rlim_max);
    }
    if (plan->placement == PLACE_APART && sched_getaffinity(0, sizeof set, &set) == 0 &&
        CPU_COUNT(&set) < 2)
        (void)snprintf(why, size, "needs two processors, one for the load generator");
}

/* A row for each subject, and an entry for each that can be measured. */
static int line_up(const struct case_run *run, struct results *results, struct entries *entries)
{
    const struct plan_case *plan = run->plan;
    char obstacle[SUBJECT_WHY_SIZE];

    find_obstacle(plan, obstacle, sizeof obstacle);
    for (size_t i = 0; i < run->subjects->count; i++) {
        const struct subject *subject = &run->subjects->all[i];
        struct result_row *row;

        if (!plan->scenario->takes(plan, subject))
            continue;
        row =
            results_add_row(results, entries->which_case, subject->name, subject_is_ours(subject));
        if (!row)
            return -ENOMEM;
        if (subject->why[0])
            leave_out(row, ROW_SKIPPED, subject->why);
        else if (obstacle[0])
            leave_out(row, ROW_FAILED, obstacle);
        if (row->state != ROW_MEASURED)
            continue;
        entries->each[entries->count].subject = subject;
        entries->each[entries->count++].row = results->row_count - 1;
    }
    return 0;
}

static void measure_one(const struct case_run *run, struct results *results,
                        struct entries *entries, struct entry *entry,
                        int (*round)(struct trial *trial), bool last)
{
    struct trial trial = {
        .plan = run->plan,
        .subject = entry->subject,
        .pace = run->pace,
        .stop = run->stop,
        .knee = &entries->knee,
        .counts = last && run->plan->counted,
        .row = &results->rows[entry->row],
        .latency = &entry->latency,
        .uncorrected = &entry->uncorrected,
        .ticks = &entry->ticks,
    };

    if (trial.row->state == ROW_MEASURED)
        (void)round(&trial); /* what went wrong stands in the row */
}

/* In turn, so that what else the machine does meets all alike; each round begins with another. */
static void measure_all(const struct case_run *run, struct results *results,
                        struct entries *entries)
{
    const struct scenario *scenario = run->plan->scenario;
    size_t all = run->pace.rounds * entries->count;

    for (size_t i = 0; scenario->prepare && i < entries->count && !is_stopped(run); i++)
        measure_one(run, results, entries, &entries->each[i], scenario->prepare, false);
    if (scenario->prepare)
        results->cases[entries->which_case].planned_rate = entries->knee * run->plan->factor;
    for (size_t i = 0; i < all && !is_stopped(run); i++) {
        size_t round = i / entries->count;
        struct entry *entry = &entries->each[(i + round) % entries->count];

        run->progress(run->context, round, entry->subject->name, (double)i / (double)all);
        measure_one(run, results, entries, entry, scenario->round, round + 1 == run->pace.rounds);
    }
}

/* In a file of its own, by the names of the case and the subject. Returns 0 or a negative errno,
 * which is told. */
static int write_hgrm(const struct case_run *run, const struct result_case *what,
                      const struct entry *entry)
{
    char name[SUBJECT_NAME_SIZE], path[PATH_MAX];
    FILE *file;

    (void)snprintf(name, sizeof name, "%s", entry->subject->name);
    for (char *at = name; *at; at++)
        if (strchr(" ,/", *at))
            *at = '-';
    (void)snprintf(path, sizeof path, "%s/latency/%s.%s.hgrm", run->out, what->id, name);
    file = fopen(path, "we");
    int error = file ? histogram_write_hgrm(&entry->latency, NS_IN_US, file) : -errno;
    if (file && fclose(file) != 0 && error == 0)
        error = -errno;
    if (error < 0)
        (void)fprintf(stderr, "iocp-bench: %s: %s\n", path, strerror(-error));
    return error;
}

/* The processor time of each round, in the proportion of all rounds together. */
static void part_cpu(struct result_row *row, const struct trial_ticks *ticks)
{
    const struct series *cpu = &row->figures[FIGURE_CPU_US];
    double all = ticks->user + ticks->kernel;

    for (size_t i = 0; all >= TICKS_MIN && i < cpu->count; i++) {
        series_add(&row->figures[FIGURE_CPU_USER_US], cpu->values[i] * ticks->user / all);
        series_add(&row->figures[FIGURE_CPU_SYS_US], cpu->values[i] * ticks->kernel / all);
    }
}

/* How many a server and the load generator have together. */
static size_t processors_of(enum placement placement, const struct results *results)
{
    if (placement == PLACE_SAME)
        return 1;
    return placement == PLACE_APART ? 2 : results->machine.cpus;
}

/* Returns 0 or a negative errno. */
static int finish(const struct case_run *run, struct results *results, struct entry *entry)
{
    struct result_row *row = &results->rows[entry->row];
    const struct result_case *what = &results->cases[row->which_case];
    int error = 0;

    part_cpu(row, &entry->ticks);
    doubt_row(row, what->workers, processors_of(run->plan->placement, results));
    row->latency_count = entry->latency.count;
    if (entry->latency.count > 0) {
        results_set_latency(row->latency_us, &entry->latency);
        error = write_hgrm(run, what, entry);
    }
    if (entry->uncorrected.count > 0)
        results_set_latency(row->uncorrected_us, &entry->uncorrected);
    if (is_stopped(run) && row->figures[FIGURE_RATE].count == 0 && row->state == ROW_MEASURED)
        leave_out(row, ROW_SKIPPED, "interrupted");
    return error;
}

int case_measure(const struct case_run *run, struct results *results)
{
    struct entries entries = {.which_case = results->case_count};
    struct result_case *what = results_add_case(results);
    int error = -ENOMEM;

    entries.each = calloc(run->subjects->count, sizeof *entries.each);
    if (what && entries.each) {
        plan_describe(run->plan, what);
        error = line_up(run, results, &entries);
    }
    if (error == 0 && entries.count > 0)
        measure_all(run, results, &entries);
    for (size_t i = 0; i < entries.count && error == 0; i++)
        error = finish(run, results, &entries.each[i]);
    free(entries.each);
    return error;
}
