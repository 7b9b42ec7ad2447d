/* run.c - see run.h. */
/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "case_run.h"
#include "goals.h"
#include "goals_table.h"
#include "lineup.h"
#include "progress.h"
#include "report.h"
#include "results_json.h"
#include "scenario.h"
#include "table.h"

#define NS_IN_S 1e9

struct whole_run {
    const struct bench_options *options;
    const atomic_bool *stop;
    struct subjects subjects;
    struct pace pace;
    struct results results;
    struct progress progress;
    int64_t start_ns;
    size_t planned_cases;
    double planned_s, done_s; /* of all cases, of those that are behind */
    const struct plan_case *current;
};

static bool is_chosen(const struct plan_case *plan, const struct bench_options *options)
{
    bool named = false;

    for (size_t i = 0; i < options->scenario_count; i++)
        named |= options->scenarios[i] == plan->scenario;
    return (named || options->scenario_count == 0) && plan_is_in(plan, options->matrix, named);
}

static double planned_seconds(const struct whole_run *whole, const struct plan_case *plan)
{
    double round = (double)(whole->pace.warm_up_ns + whole->pace.measured_ns) / NS_IN_S +
                   plan->scenario->overhead_s;
    size_t rounds = whole->pace.rounds + (plan->counted ? 1 : 0);

    return (double)(rounds * case_subject_count(plan, &whole->subjects)) * round;
}

static void show_progress(void *context, size_t round, const char *subject, double done)
{
    struct whole_run *whole = context;
    double done_s = whole->done_s + done * planned_seconds(whole, whole->current);
    struct result_case what;
    char heading[96], detail[96];

    plan_describe(whole->current, &what);
    (void)snprintf(heading, sizeof heading, "case %zu of %zu: %s", whole->results.case_count,
                   whole->planned_cases, what.id);
    (void)snprintf(detail, sizeof detail, "round %zu of %zu, %s", round + 1, whole->pace.rounds,
                   subject);
    progress_at(&whole->progress, heading, detail, done_s / whole->planned_s);
}

static void name_file(const struct whole_run *whole, const char *name, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s", whole->options->out, name);
}

/* What there is so far, so that a run that is killed leaves something. Returns 0 or a negative
 * errno, which is told. */
static int write_files(struct whole_run *whole)
{
    char path[PATH_MAX];
    int error;

    whole->results.elapsed_s = (double)(measure_now_ns() - whole->start_ns) / NS_IN_S;
    whole->results.interrupted = atomic_load(whole->stop);
    name_file(whole, "results.json", path);
    error = results_json_write(&whole->results, path);
    if (error == 0) {
        name_file(whole, "report.html", path);
        error = report_write(&whole->results, path);
    }
    if (error < 0)
        (void)fprintf(stderr, "iocp-bench: %s: %s\n", path, strerror(-error));
    return error;
}

/* What there is to keep of the goals: the other figures of the results are lost. Returns as
 * write_files. */
static int write_kept(struct whole_run *whole)
{
    char path[PATH_MAX];
    int error;

    goals_keep_figures(&whole->results);
    name_file(whole, "performance.json", path);
    error = results_json_write(&whole->results, path);
    if (error < 0)
        (void)fprintf(stderr, "iocp-bench: %s: %s\n", path, strerror(-error));
    return error;
}

static void tell(const struct whole_run *whole)
{
    char json[PATH_MAX], html[PATH_MAX];

    table_write_verdicts(stdout, &whole->results);
    if (whole->options->matrix == MATRIX_GOALS)
        goals_write_table(stdout, &whole->results);
    name_file(whole, "results.json", json);
    name_file(whole, "report.html", html);
    printf("\nfigures: %s\nreport:  %s\n", json, html);
}

static int measure_case(struct whole_run *whole, const struct plan_case *plan)
{
    struct case_run run = {
        .plan = plan,
        .subjects = &whole->subjects,
        .pace = whole->pace,
        .stop = whole->stop,
        .out = whole->options->out,
        .progress = show_progress,
        .context = whole,
    };
    int error;

    whole->current = plan;
    error = case_measure(&run, &whole->results);
    progress_clear(&whole->progress);
    if (error < 0)
        (void)fprintf(stderr, "iocp-bench: %s\n", strerror(-error));
    else
        (void)table_write_case(stdout, &whole->results, whole->results.case_count - 1);
    (void)fflush(stdout);
    whole->done_s += planned_seconds(whole, plan);
    return error < 0 ? error : write_files(whole);
}

static int measure(struct whole_run *whole)
{
    const struct plan_case *plan;
    int error = 0;

    for (size_t i = 0; (plan = plan_case_at(i)); i++) {
        if (!is_chosen(plan, whole->options))
            continue;
        whole->planned_s += planned_seconds(whole, plan);
        whole->planned_cases++;
    }
    progress_start(&whole->progress, stderr, whole->planned_s);
    for (size_t i = 0; error == 0 && (plan = plan_case_at(i)) && !atomic_load(whole->stop); i++)
        if (is_chosen(plan, whole->options))
            error = measure_case(whole, plan);
    return error;
}

/* Was everything measured that was asked for? A peer that nobody named may be missing. */
static bool is_complete(const struct results *results, const struct bench_options *options)
{
    bool complete = true, measured = false;

    for (size_t i = 0; i < results->row_count; i++) {
        const struct result_row *row = &results->rows[i];
        bool named = row->ours ? options->engine != NULL : options->peers_named;

        if (row->state == ROW_FAILED || (row->state == ROW_SKIPPED && named))
            complete = false;
        measured |= row->state == ROW_MEASURED || row->state == ROW_INVALID;
    }
    return complete && measured;
}

/* Where the files go. */
static bool make_folders(const char *out)
{
    char latency[PATH_MAX];

    (void)snprintf(latency, sizeof latency, "%s/latency", out);
    return (mkdir(out, 0777) == 0 || errno == EEXIST) &&
           (mkdir(latency, 0777) == 0 || errno == EEXIST);
}

static void note_time(struct results *results)
{
    time_t now = time(NULL);
    struct tm utc;

    (void)strftime(results->started, sizeof results->started, "%Y-%m-%dT%H:%M:%SZ",
                   gmtime_r(&now, &utc));
}

int run(const struct bench_options *options, const char *command, const atomic_bool *stop)
{
    struct whole_run *whole = calloc(1, sizeof *whole);
    bool complete;
    int error;

    if (!whole || !make_folders(options->out)) {
        (void)fprintf(stderr, "iocp-bench: %s: %s\n", options->out, strerror(errno));
        free(whole);
        return 1;
    }
    whole->options = options;
    whole->stop = stop;
    whole->start_ns = measure_now_ns();
    whole->pace = plan_pace(options->matrix);
    if (options->rounds > 0)
        whole->pace.rounds = options->rounds;
    if (options->seconds > 0)
        whole->pace.measured_ns = (int64_t)(options->seconds * NS_IN_S);
    fingerprint_read(&whole->results.machine);
    (void)snprintf(whole->results.command, sizeof whole->results.command, "%s", command);
    note_time(&whole->results);
    lineup_fill(&whole->subjects, options);
    error = measure(whole);
    if (error == 0)
        tell(whole);
    complete = is_complete(&whole->results, options);
    if (error == 0 && options->matrix == MATRIX_GOALS)
        error = write_kept(whole);
    results_destroy(&whole->results);
    free(whole);
    return error == 0 && complete ? 0 : 1;
}
