/* conformance.c - which statement holds on which engine: runs all tests and prints the table. */
/* SPDX-License-Identifier: MIT */
/*
 * Use      build/dev/tests/conformance, without arguments. ctest runs it too, in place of the
 *          single suites. Exit status 0: nothing has failed. 1: something has. 2: it could not
 *          be tried.
 * Does     Runs unit_tests once for each engine with the suites that use one
 *          (IOCP_TEST_ENGINE tells them which), once with the suites that use none, and the
 *          simulation where it is built. Reads what came of every test, and judges by it each
 *          statement of tests/statements.txt on each engine.
 * Prints   "pass": its tests passed on that engine. "any": its tests passed, and none of them
 *          uses an engine. "n/a": it does not apply, or the kernel refuses the engine; the
 *          reason stands below the table. "FAIL": a test failed or did not run, or there is
 *          neither a test nor a reason, or there is a reason though the tests pass.
 * Leaves   In its directory conformance.txt, which is what it prints; and NAME.log and NAME.tap
 *          of each run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/port.h>

#include "outcomes.h"
#include "report.h"
#include "run.h"
#include "table.h"
#include "verdict.h"

#ifndef SIMULATION_PATH
#define SIMULATION_PATH NULL
#endif

#define RUNS_MAX (COLUMNS_MAX + 1)

/* All runs: first that of the tests which use no engine, then those of the columns. */
static struct run runs[RUNS_MAX];
static struct outcomes outcomes[RUNS_MAX];
static size_t run_count;
static const char *const simulation = SIMULATION_PATH;

static struct table table;
static struct report report = {.table = &table};

static struct run *add_run(const char *name)
{
    struct run *run = &runs[run_count++];

    if (run_count > RUNS_MAX)
        abort();
    run->name = name;
    (void)snprintf(run->log, sizeof run->log, "%s/%s.log", CONFORMANCE_DIRECTORY, name);
    return run;
}

static void tap_path(const struct run *run, char path[RUN_PATH_SIZE])
{
    (void)snprintf(path, RUN_PATH_SIZE, "%s/%s.tap", CONFORMANCE_DIRECTORY, run->name);
}

/* A run of the suites that match `filter`. -j1, as Criterion hangs when two tests of one run
 * time out. */
static void add_tests(const char *name, const char *engine, const char *filter)
{
    static char options[RUNS_MAX][RUN_PATH_SIZE + sizeof "--tap="];
    char *option = options[run_count];
    char path[RUN_PATH_SIZE];
    struct run *run = add_run(name);
    const char *const argv[] = {UNIT_TESTS_PATH, "-j1",  "--color=never",
                                "--filter",      filter, option};

    tap_path(run, path);
    (void)remove(path);
    (void)snprintf(option, sizeof options[0], "--tap=%s", path);
    memcpy(run->argv, argv, sizeof argv);
    run->engine = engine;
}

static void add_all(void)
{
    add_tests("any", NULL, SUITES_WITHOUT_ENGINE);
    for (size_t i = 0; iocp_engine_name(i); i++)
        add_tests(iocp_engine_name(i), iocp_engine_name(i), SUITES_WITH_ENGINE);
    if (simulation)
        add_run("sim")->argv[0] = simulation;
}

static bool is_simulation(const struct run *run)
{
    return run->argv[0] == simulation;
}

/* Show what a run has printed: Criterion's words on what failed, and its sum. */
static void show_log(const struct run *run)
{
    FILE *file = fopen(run->log, "re");
    int byte;

    (void)printf("\n%s\n", run->name);
    while (file && (byte = getc(file)) != EOF)
        (void)putchar(byte);
    if (file)
        (void)fclose(file);
}

static void read_all(void)
{
    char path[RUN_PATH_SIZE];

    for (size_t i = 0; i < run_count; i++) {
        show_log(&runs[i]);
        tap_path(&runs[i], path);
        if (!is_simulation(&runs[i]))
            outcomes_read(&outcomes[i], path);
    }
}

static void judge_all(void)
{
    report.column_count = run_count - 1;
    for (size_t column = 0; column < report.column_count; column++) {
        const struct run *run = &runs[column + 1];

        report.columns[column] = run->name;
        for (size_t i = 0; i < table.statement_count; i++) {
            struct verdict *verdicts = report.verdicts[i];
            const struct statement *statement = &table.statements[i];

            verdicts[column] =
                is_simulation(run)
                    ? judge_simulated(statement, run->status == 0, &verdicts[0])
                    : judge(statement, run->name, &outcomes[column + 1], &outcomes[0]);
        }
    }
}

/* A run is in order if it came to its end and nothing in it failed, whether a statement names
 * the test or not. */
static bool print_run(size_t index, FILE *file)
{
    const struct run *run = &runs[index];
    const bool whole = outcomes[index].whole;

    if (is_simulation(run)) {
        (void)fprintf(file, "run %-9s %s\n", run->name, run->status == 0 ? "passed" : "failed");
        return run->status == 0;
    }
    (void)fprintf(file, "run %-9s %zu passed, %zu skipped, %zu failed%s%s\n", run->name,
                  outcomes_sum(&outcomes[index], PASSED), outcomes_sum(&outcomes[index], SKIPPED),
                  outcomes_sum(&outcomes[index], FAILED), whole ? "" : "; it broke off",
                  run->status == 0 ? "" : "; it did not end well");
    for (size_t i = 0; i < outcomes[index].count; i++)
        if (outcomes[index].all[i].result == FAILED)
            (void)fprintf(file, "FAIL %s: %s\n", run->name, outcomes[index].all[i].test);
    return whole && run->status == 0;
}

static bool print_all(FILE *file)
{
    bool good = true;

    report_print_statements(&report, file);
    (void)fputs("\nTests\n", file);
    for (size_t i = 0; i < run_count; i++)
        good = print_run(i, file) && good;
    report_print_sums(&report, file);
    for (size_t column = 0; column < report.column_count; column++)
        good = good && report_sum(&report, column, FAIL) == 0;
    return good;
}

int main(void)
{
    FILE *file = fopen(CONFORMANCE_DIRECTORY "/conformance.txt", "we");

    if (file == NULL) {
        perror(CONFORMANCE_DIRECTORY "/conformance.txt");
        return 2;
    }
    if (!table_read(&table, CONFORMANCE_STATEMENTS))
        return 2;
    add_all();
    run_all(runs, run_count);
    read_all();
    judge_all();

    bool good = print_all(stdout);
    (void)print_all(file);
    (void)fclose(file);
    for (size_t i = 0; i < run_count; i++)
        outcomes_free(&outcomes[i]);
    return good ? 0 : 1;
}
