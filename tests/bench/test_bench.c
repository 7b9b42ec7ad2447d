/* test_bench.c - iocp-bench as a user starts it: what it measures, leaves, and says of mistakes. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <iocp/port.h>

#include "deadline.h"
#include "made_results.h"
#include "results_json.h"
#include "scenario.h"
#include "server_process.h"

TestSuite(bench, .timeout = 280);

#define WORDS     ARGUMENTS
#define PATH_SIZE 256

/* A folder of its own for each test, with what was run in it. */
struct place {
    char out[PATH_SIZE];
    char json[PATH_SIZE + 32];
    char option[PATH_SIZE + 32];
};

static struct place place;

static void make_place(void)
{
    (void)snprintf(place.out, sizeof place.out, "/tmp/iocp-bench-test-XXXXXX");
    cr_assert(mkdtemp(place.out) != NULL, "mkdtemp: %s", strerror(errno));
    (void)snprintf(place.json, sizeof place.json, "%s/results.json", place.out);
    (void)snprintf(place.option, sizeof place.option, "--out=%s", place.out);
}

static void clear_place(void)
{
    char command[PATH_SIZE + 32];

    (void)snprintf(command, sizeof command, "rm -r '%s'", place.out);
    cr_expect(zero(int, system(command)));
}

/* All of `words`, up to a NULL, stand in what it has said. */
static void expect_words(int output, const char *const words[])
{
    char *said = read_output(output);

    for (; *words; words++)
        cr_expect(strstr(said, *words) != NULL, "'%s' is not in: %s", *words, said);
    free(said);
}

static void run_bench(struct server_process *bench, rlim_t descriptors,
                      const char *const arguments[], int status)
{
    int ended;

    process_start(bench, IOCP_BENCH_PATH, descriptors, arguments);
    ended = process_wait(bench);
    if (ended != status)
        show_errors(bench);
    cr_expect(eq(int, ended, status));
}

static void read_results(struct results *results)
{
    char mistake[RESULTS_JSON_MISTAKE] = "";
    int error = results_json_read(place.json, results, mistake, sizeof mistake);

    cr_assert(eq(int, error, 0), "%s: %s", place.json, mistake);
}

static const struct result_row *find_row(const struct results *results, const char *scenario,
                                         const char *subject)
{
    for (size_t i = 0; i < results->row_count; i++) {
        const struct result_row *row = &results->rows[i];

        if (strcmp(results->cases[row->which_case].scenario, scenario) == 0 &&
            strcmp(row->subject, subject) == 0)
            return row;
    }
    cr_assert(false, "no row for %s in %s", subject, scenario);
    return NULL;
}

/* Played in so many rounds, whether or not the machine was quiet enough to believe it. */
static void expect_rounds(const struct result_row *row, size_t rounds)
{
    cr_expect(row->state == ROW_MEASURED || row->state == ROW_INVALID, "%s: %s", row->subject,
              row->trouble);
    cr_expect(eq(sz, row->figures[FIGURE_RATE].count, rounds), "%s", row->subject);
    cr_expect(eq(sz, row->figures[FIGURE_CPU_US].count, rounds), "%s", row->subject);
    for (size_t i = 0; i < rounds; i++)
        cr_expect(lt(dbl, 0, row->figures[FIGURE_RATE].values[i]), "%s", row->subject);
    cr_expect(lt(u64, 0, row->latency_count), "%s", row->subject);
}

/* In how many of them the server had the processor. */
static size_t busy_rounds(const struct result_row *row)
{
    const struct series *cpu_us = &row->figures[FIGURE_CPU_US];
    size_t busy = 0;

    for (size_t i = 0; i < cpu_us->count; i++)
        busy += cpu_us->values[i] > 0;
    return busy;
}

static void expect_measured(const struct result_row *row, size_t rounds)
{
    expect_rounds(row, rounds);
    cr_expect(eq(sz, busy_rounds(row), rounds), "%s", row->subject);
}

static void expect_file(const char *name, const char *beginning)
{
    char path[2 * PATH_SIZE], line[64] = "";

    (void)snprintf(path, sizeof path, "%s/%s", place.out, name);
    FILE *file = fopen(path, "re");
    cr_assert(file != NULL, "%s: %s", path, strerror(errno));
    cr_expect(fgets(line, sizeof line, file) != NULL);
    (void)fclose(file);
    cr_expect(eq(int, strncmp(line, beginning, strlen(beginning)), 0), "%s: %s", path, line);
}

Test(bench, measures_ours_beside_a_peer_and_leaves_its_files, .init = make_place,
     .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;

    run_bench(&bench, 0,
              ARGUMENTS("--quick", "--scenario", "pingpong", "--peers", "epoll", "--engine",
                        "epoll", "--rounds", "3", place.option),
              0);

    expect_words(bench.out, WORDS("pingpong-64B-50c-1w", "iocp-server epoll", "CPU us/op",
                                  "results.json", "report.html"));
    read_results(&results);
    cr_expect(eq(sz, results.case_count, 1));
    cr_expect(eq(sz, results.row_count, 2));
    expect_measured(find_row(&results, "pingpong", "iocp-server epoll"), 3);
    expect_measured(find_row(&results, "pingpong", "epoll"), 3);
    cr_expect(not(results.interrupted));
    results_destroy(&results);
    expect_file("report.html", "<!DOCTYPE html>");
    expect_file("latency/pingpong-64B-50c-1w.epoll.hgrm", "       Value");
}

/* The smoke test of the whole: every scenario, every peer that is built, each thing once, and for
 * so short a time that on a busy machine one or the other server does not get the processor at all.
 */
Test(bench, measures_every_scenario_of_the_quick_matrix, .init = make_place, .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;
    size_t measured = 0, busy = 0;

    run_bench(&bench, 0, ARGUMENTS("--quick", "--rounds", "1", "--seconds", "0.1", place.option),
              0);

    read_results(&results);
    for (size_t i = 0; i < results.row_count; i++) {
        if (results.rows[i].state == ROW_SKIPPED)
            continue;
        expect_rounds(&results.rows[i], 1);
        measured++;
        busy += busy_rounds(&results.rows[i]);
    }
    cr_expect(lt(sz, measured / 2, busy), "%zu of %zu", busy, measured);
    for (size_t i = 0; scenario_at(i); i++)
        if (scenario_at(i) != &scenario_soak) /* only by its name */
            (void)find_row(&results, scenario_at(i)->name,
                           scenario_at(i) == &scenario_blocked ||
                                   scenario_at(i) == &scenario_port ||
                                   scenario_at(i) == &scenario_queue
                               ? "libiocp epoll"
                               : "iocp-server epoll");
    cr_expect(
        lt(dbl, 0,
           find_row(&results, "idle", "iocp-server epoll")->figures[FIGURE_IDLE_BYTES].values[0]));
    results_destroy(&results);
}

static double only_value(const struct result_row *row, enum figure figure)
{
    cr_assert(eq(sz, row->figures[figure].count, 1), "%s", figure_kind(figure)->key);
    return row->figures[figure].values[0];
}

/* What was sent has an answer; what was not, is told. */
static void expect_overloaded(const struct result_row *row)
{
    double unsent = only_value(row, FIGURE_UNSENT);

    expect_measured(row, 1);
    cr_expect(lt(dbl, 0, unsent));
    cr_expect(lt(dbl, unsent, 1));
    cr_expect(zero(dbl, only_value(row, FIGURE_UNANSWERED)));
    cr_expect(ge(dbl, only_value(row, FIGURE_GOODPUT), 0));
    cr_expect(lt(dbl, 0, only_value(row, FIGURE_BACK_S)));
    cr_expect(ge(dbl, only_value(row, FIGURE_PEAK_BYTES), 1024 * 1024));
}

Test(bench, overloads_a_server_tenfold_and_looks_at_it_afterwards, .init = make_place,
     .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;

    run_bench(&bench, 0,
              ARGUMENTS("--goals", "--scenario", "overload", "--peers", "epoll", "--rounds", "1",
                        "--seconds", "0.2", place.option),
              0);

    expect_words(bench.out, WORDS("overload-10x-64B-500c-1w", "unsent", "until latency is back"));
    read_results(&results);
    cr_expect(eq(sz, results.case_count, 1));
    expect_overloaded(find_row(&results, "overload", "iocp-server epoll"));
    expect_overloaded(find_row(&results, "overload", "epoll"));
    results_destroy(&results);
}

/* Exit status 0: no answer was lost, descriptors and threads were what they had been, and the
 * server ended as it should. */
Test(bench, soaks_a_server_with_clients_of_several_kinds, .init = make_place, .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;

    run_bench(
        &bench, 0,
        ARGUMENTS("--goals", "--scenario", "soak", "--rounds", "1", "--seconds", "2", place.option),
        0);

    expect_words(bench.out, WORDS("soak-1MiB-40c-2w", "drift", "growth of resident memory"));
    read_results(&results);
    for (size_t i = 0; i < results.row_count; i++) {
        const struct result_row *row = &results.rows[i];

        if (row->state == ROW_SKIPPED)
            continue;
        expect_measured(row, 1);
        cr_expect(zero(dbl, only_value(row, FIGURE_UNANSWERED)));
        cr_expect(lt(dbl, -1, only_value(row, FIGURE_DRIFT)));
        cr_expect(ge(dbl, only_value(row, FIGURE_PEAK_BYTES), 1024 * 1024));
        cr_expect(ge(dbl, only_value(row, FIGURE_P99_US), only_value(row, FIGURE_P50_US)));
    }
    (void)find_row(&results, "soak", "iocp-server epoll");
    results_destroy(&results);
}

Test(bench, measures_any_echo_server, .init = make_place, .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;

    run_bench(&bench, 0,
              ARGUMENTS("--quick", "--scenario", "pingpong", "churn", "--peers", "none", "--engine",
                        "epoll", "--server",
                        IOCP_PEERS_DIRECTORY "/peer-threads --port {port} --workers {workers}",
                        place.option),
              0);

    read_results(&results);
    expect_measured(find_row(&results, "pingpong", "peer-threads"), 2);
    expect_measured(find_row(&results, "churn", "peer-threads"), 2);
    results_destroy(&results);
}

Test(bench, goes_on_when_a_server_ends_in_the_middle, .init = make_place, .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;

    run_bench(&bench, 0,
              ARGUMENTS("--quick", "--scenario", "pingpong", "pipeline", "--peers", "epoll",
                        "--engine", "epoll", "--seconds", "1", "--rounds", "1", "--server",
                        "timeout -s KILL 0.3 " IOCP_PEERS_DIRECTORY
                        "/peer-epoll --port {port} --workers {workers}",
                        place.option),
              1);

    read_results(&results);
    cr_expect(eq(int, (int)find_row(&results, "pingpong", "timeout")->state, (int)ROW_FAILED));
    expect_part(find_row(&results, "pingpong", "timeout")->trouble, "ended by itself");
    expect_measured(find_row(&results, "pingpong", "epoll"), 1);
    expect_measured(find_row(&results, "pipeline", "epoll"), 1);
    results_destroy(&results);
}

/* Its processor time is that of one process. */
Test(bench, does_not_measure_a_server_of_several_processes, .init = make_place, .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;
    const struct result_row *row;

    run_bench(&bench, 0,
              ARGUMENTS("--quick", "--scenario", "pingpong", "--peers", "none", "--engine", "epoll",
                        "--rounds", "1", "--server",
                        "timeout 100 " IOCP_PEERS_DIRECTORY "/peer-epoll --port {port}",
                        place.option),
              1);

    read_results(&results);
    row = find_row(&results, "pingpong", "timeout");
    cr_expect(eq(int, (int)row->state, (int)ROW_FAILED));
    expect_part(row->trouble, "processes of its own");
    cr_expect(zero(sz, row->figures[FIGURE_CPU_US].count));
    results_destroy(&results);
}

Test(bench, says_why_a_server_is_not_there, .init = make_place, .fini = clear_place)
{
    struct server_process bench;

    run_bench(&bench, 0,
              ARGUMENTS("--quick", "--scenario", "pingpong", "--peers", "none", "--server",
                        "sh -c 'echo no such port {port} >&2; exit 7'", place.option),
              1);
    expect_words(bench.out, WORDS("ended by itself, status 7: no such port"));
}

Test(bench, keeps_its_command_line_as_a_shell_reads_it, .init = make_place, .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;

    run_bench(&bench, 0,
              ARGUMENTS("--quick", "--scenario=queue", "--rounds=1", "--peers", "none", "--server",
                        "sh -c 'exit {port}'", place.option),
              0);

    read_results(&results);
    cr_expect(zero(int, strncmp(results.command, "iocp-bench ", strlen("iocp-bench "))));
    expect_part(results.command, "--peers none --server 'sh -c '\\''exit {port}'\\''' --out=/tmp/");
    results_destroy(&results);
}

Test(bench, says_which_peer_is_missing_and_goes_on, .init = make_place, .fini = clear_place)
{
    char command[2048], path[2 * PATH_SIZE];
    struct server_process bench;
    int ended;

    /* Where no peer stands beside it. */
    (void)snprintf(command, sizeof command,
                   "mkdir -p %s/build/bench %s/build/server && cp " IOCP_BENCH_PATH
                   " %s/build/bench && cp " IOCP_SERVER_PATH " %s/build/server",
                   place.out, place.out, place.out, place.out);
    cr_assert(zero(int, system(command)));
    (void)snprintf(path, sizeof path, "%s/build/bench/iocp-bench", place.out);
    process_start(&bench, path, 0,
                  ARGUMENTS("--quick", "--scenario", "pingpong", "--rounds", "1", "--peers",
                            "libuv", place.option));
    ended = process_wait(&bench);
    cr_expect(eq(int, ended, 1)); /* it was asked for */
    expect_words(bench.out, WORDS("iocp-server epoll", "libuv", "install libuv1-dev"));
}

Test(bench, says_when_there_are_not_enough_descriptors, .init = make_place, .fini = clear_place)
{
    struct server_process bench;

    run_bench(&bench, 140, ARGUMENTS("--quick", "--scenario", "pingpong", place.option), 1);
    expect_words(bench.out, WORDS("ulimit -Hn", "140"));
}

static void expect_mistake(const char *const arguments[], const char *const words[])
{
    struct server_process bench;

    run_bench(&bench, 0, arguments, 2);
    expect_words(bench.err, words);
}

Test(bench, names_a_mistake_and_what_is_allowed)
{
    expect_mistake(ARGUMENTS("--scenario", "pingpomg"), WORDS("pingpomg", "pingpong", "queue"));
    expect_mistake(ARGUMENTS("--scenario", "idle", "bizzy"), WORDS("bizzy", "pingpong"));
    expect_mistake(ARGUMENTS("idle"), WORDS("--scenario idle"));
    expect_mistake(ARGUMENTS("--engine", "quantum"), WORDS("quantum", iocp_engine_name(0)));
    expect_mistake(ARGUMENTS("--peers", "epoll,nginx"), WORDS("nginx", "libuv"));
    expect_mistake(ARGUMENTS("--server", "echod 7"), WORDS("{port}", "echod 7"));
    expect_mistake(ARGUMENTS("--rounds", "0"), WORDS("--rounds", "1 to 99", "'0'"));
    expect_mistake(ARGUMENTS("--seconds", "-1"), WORDS("--seconds", "0.05 to 3600", "'-1'"));
    expect_mistake(ARGUMENTS("--seconds", "1e9"), WORDS("--seconds", "'1e9'"));
    expect_mistake(ARGUMENTS("--seconds"), WORDS("--seconds", "missing"));
    expect_mistake(ARGUMENTS("--compare", "one.json"), WORDS("--compare", "two files"));
    expect_mistake(ARGUMENTS("--goals", "--scenario", "churn", "queue"), WORDS("'queue'"));
    expect_mistake(ARGUMENTS("--wrong"), WORDS("--wrong"));
    expect_mistake(ARGUMENTS("-quick"), WORDS("no such option: -q"));
}

Test(bench, says_when_it_cannot_write)
{
    struct server_process bench;
    int status = system(IOCP_BENCH_PATH " --help >/dev/full 2>/dev/null");

    cr_expect(eq(int, WEXITSTATUS(status), 1));
    run_bench(&bench, 0, ARGUMENTS("--scenario", "pingpong", "--out", "/proc/none"), 1);
    expect_words(bench.err, WORDS("/proc/none"));
}

Test(bench, compares_two_files, .init = make_place, .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;

    made_machine(&results.machine);
    cr_assert(made_case(&results, "pingpong-64B-50c-1w") != NULL);
    cr_assert(made_row(&results, "libuv", false, ROUNDS(5, 6, 7)) != NULL);
    cr_assert(zero(int, results_json_write(&results, place.json)));
    results_destroy(&results);

    run_bench(&bench, 0, ARGUMENTS("--compare", place.json, place.json), 0);
    expect_words(bench.out, WORDS("pingpong-64B-50c-1w", "libuv"));
}

/* What it prints of a file's goals; to be freed. */
static char *markdown_of(const char *path)
{
    struct server_process bench;

    run_bench(&bench, 0, ARGUMENTS("--markdown", path), 0);
    return read_output(bench.out);
}

Test(bench, tells_what_became_of_the_goals_and_keeps_it, .init = make_place, .fini = clear_place)
{
    char kept[PATH_SIZE + 32];
    struct server_process bench;
    char *whole, *part;

    run_bench(&bench, 0,
              ARGUMENTS("--goals", "--scenario", "churn", "--peers", "epoll", "--rounds", "2",
                        "--seconds", "0.05", place.option),
              0);
    expect_words(bench.out, WORDS("churn-64B-50c-1w", "Goals", "<= 0.95 x best peer", "asio"));

    (void)snprintf(kept, sizeof kept, "%s/performance.json", place.out);
    whole = markdown_of(place.json);
    part = markdown_of(kept);
    expect_text(part, whole);
    expect_part(whole, "without threads, io_uring, libuv, libevent, asio"); /* not wrapped */
    expect_part(part, "\n| churn, 64 B, 50 connections, 1 worker: CPU per operation, us | ");
    free(part);
    free(whole);
}

Test(bench, says_what_is_wrong_with_a_file, .init = make_place, .fini = clear_place)
{
    struct server_process bench;
    FILE *file = fopen(place.json, "we");

    cr_assert(file != NULL);
    (void)fputs("{\"schema\": 1,\n \"command\" }", file);
    (void)fclose(file);

    run_bench(&bench, 0, ARGUMENTS("--compare", place.json, place.json), 1);
    expect_words(bench.err, WORDS(place.json, "line 2"));
    run_bench(&bench, 0, ARGUMENTS("--markdown", place.json), 1);
    expect_words(bench.err, WORDS(place.json, "line 2"));
    run_bench(&bench, 0, ARGUMENTS("--compare", "/nowhere.json", place.json), 1);
    expect_words(bench.err, WORDS("/nowhere.json"));
}

/* Run the program that does nothing but have a server echo; returns what it says, to be freed. */
static char *count_echoes(const char *seconds, const char *command, int status)
{
    struct server_process echoes;
    int ended;

    process_start(&echoes, IOCP_ECHOES_PATH, 0, ARGUMENTS(seconds, command));
    ended = process_wait(&echoes);
    cr_expect(eq(int, ended, status), "%s", command);
    return read_output(echoes.out);
}

Test(bench, has_a_program_that_counts_the_echoes_of_a_server)
{
    char *said =
        count_echoes("0.1", IOCP_PEERS_DIRECTORY "/peer-epoll --port={port} --workers=1", 0);

    cr_expect(lt(int, 0, atoi(said)), "%s", said);
    free(said);
    free(count_echoes("0.1", "sh -c 'exit 3'", 1));
    said = count_echoes(
        "5", "timeout -s KILL 0.3 " IOCP_PEERS_DIRECTORY "/peer-epoll --port={port} --workers=1",
        1);
    expect_text(said, "0\n"); /* it ended in between */
    free(said);
    free(count_echoes("never", "sh -c 'exit 3'", 2));
}

static bool has_a_child(void *argument)
{
    const struct server_process *process = argument;
    char path[64];
    bool found;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)process->pid,
                   (int)process->pid);
    FILE *children = fopen(path, "re");
    cr_assert(children != NULL, "%s: %s", path, strerror(errno));
    found = fgetc(children) != EOF;
    (void)fclose(children);
    return found;
}

/* What the program has started comes to this test when the program is gone. */
static void start_long_run(struct server_process *bench)
{
    cr_assert(zero(int, prctl(PR_SET_CHILD_SUBREAPER, 1)));
    process_start(bench, IOCP_BENCH_PATH, 0,
                  ARGUMENTS("--scenario", "pingpong", "--seconds", "1000", place.option));
    cr_assert(wait_until(has_a_child, bench));
}

Test(bench, ends_with_what_it_has_when_it_is_interrupted, .init = make_place, .fini = clear_place)
{
    struct results results = {0};
    struct server_process bench;

    start_long_run(&bench);
    cr_assert(zero(int, kill(bench.pid, SIGINT)));

    cr_expect(eq(int, process_wait(&bench), 130));
    cr_expect(lt(int, (int)wait(NULL), 0)); /* none was left behind */
    cr_expect(eq(int, errno, ECHILD));
    read_results(&results);
    cr_expect(results.interrupted);
    for (size_t i = 0; i < results.row_count; i++)
        cr_expect(ne(int, (int)results.rows[i].state, (int)ROW_FAILED), "%s",
                  results.rows[i].trouble);
    results_destroy(&results);
}

Test(bench, leaves_no_process_behind_when_it_is_killed, .init = make_place, .fini = clear_place)
{
    struct server_process bench;
    int orphans = 0;

    start_long_run(&bench);
    cr_assert(zero(int, kill(bench.pid, SIGKILL)));

    cr_expect(eq(int, process_wait(&bench), -SIGKILL));
    while (wait(NULL) > 0)
        orphans++;
    cr_expect(eq(int, errno, ECHILD));
    cr_expect(lt(int, 0, orphans));
}
