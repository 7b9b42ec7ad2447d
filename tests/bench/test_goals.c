/* test_goals.c - goals are held against what was measured in the same rounds. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <iocp/port.h>

#include "goals.h"
#include "goals_table.h"
#include "made_results.h"
#include "plan.h"
#include "subjects.h"
#include "wording.h"

static struct results results;
static struct goal_outcome outcome;
static char text[GOAL_TEXT_SIZE];

static void destroy(void)
{
    results_destroy(&results);
}

TestSuite(goals, .fini = destroy, .timeout = 60);

static const struct goal_peers libraries = {"best library", {"libuv", "asio"}};

static const struct goal cheap = {"pingpong", FIGURE_CPU_US, "epoll",
                                  &libraries, .bound = 0.80, .alone = false};

static void expect_near(double value, double due)
{
    cr_expect(epsilon_eq(dbl, value, due, 1e-9));
}

static const struct goal_outcome *judge(const struct goal *goal)
{
    cr_assert(goal_judge(goal, &results, &outcome));
    return &outcome;
}

static const char *state(void)
{
    goal_write_state(&outcome, text);
    return text;
}

static bool is_in_matrix(const char *id)
{
    struct result_case what;

    for (size_t i = 0; plan_case_at(i); i++) {
        plan_describe(plan_case_at(i), &what);
        if (strcmp(what.id, id) == 0 && plan_is_in(plan_case_at(i), MATRIX_GOALS, true))
            return true;
    }
    return false;
}

static bool is_engine(const char *engine)
{
    bool found = false;

    for (size_t i = 0; iocp_engine_name(i); i++)
        found |= strcmp(iocp_engine_name(i), engine) == 0;
    return found;
}

/* Its first word; what follows says how it is run. */
static bool is_peer(const char *name)
{
    const size_t length = strcspn(name, ",");
    bool found = false;

    for (size_t i = 0; subject_peer_name(i); i++)
        found |= strlen(subject_peer_name(i)) == length &&
                 strncmp(subject_peer_name(i), name, length) == 0;
    return found;
}

Test(goals, are_about_cases_of_their_matrix_and_peers_that_there_are)
{
    const struct goal *goal;

    for (size_t i = 0; (goal = goal_at(i)); i++) {
        cr_expect(is_in_matrix(goal->case_id), "%s", goal->case_id);
        cr_expect(goal->base == NULL || is_in_matrix(goal->base), "%s", goal->case_id);
        cr_expect(goal->engine == NULL || is_engine(goal->engine), "%s", goal->case_id);
        cr_expect(goal->alone || goal->peers->names[0] != NULL, "%s", goal->case_id);
        for (const char *const *name = goal->peers->names; *name; name++)
            cr_expect(is_peer(*name), "%s", *name);
        cr_expect(ne(int, (int)figure_kind(goal->figure)->better, (int)FIGURE_NEITHER));
    }
}

Test(goals, has_one_for_every_case_of_their_matrix)
{
    struct result_case what;

    for (size_t i = 0; plan_case_at(i); i++) {
        bool found = false;

        plan_describe(plan_case_at(i), &what);
        for (size_t j = 0; goal_at(j); j++)
            found |= strcmp(goal_at(j)->case_id, what.id) == 0;
        cr_expect(eq(int, found, plan_is_in(plan_case_at(i), MATRIX_GOALS, true)), "%s", what.id);
    }
}

Test(goals, are_judged_by_the_ratio_of_each_round)
{
    made_case(&results, "pingpong");
    made_row(&results, "iocp-server epoll", true, ROUNDS(8, 16, 4.5));
    made_row(&results, "iocp-server io_uring", true, ROUNDS(1, 1, 1));
    made_row(&results, "asio", false, ROUNDS(30, 30, 30));
    made_row(&results, "libuv", false, ROUNDS(10, 20, 5));
    made_row(&results, "libevent", false, ROUNDS(1, 1, 1)); /* does not count */

    expect_text(judge(&cheap)->peer, "libuv");
    cr_expect(eq(int, (int)outcome.state, (int)GOAL_MET));
    expect_near(outcome.ours, 8);
    expect_near(outcome.peers, 10);
    expect_near(outcome.reached.min, 0.8);
    expect_near(outcome.reached.median, 0.8);
    expect_near(outcome.reached.max, 0.9);
    expect_text(state(), "met");
    goal_write_reached(&cheap, &outcome, text);
    expect_text(text, "0.80 (0.80-0.90)");
    goal_write_peer(&cheap, &outcome, text);
    expect_text(text, "libuv 10.0");
    goal_write_demand(&cheap, text);
    expect_text(text, "<= 0.80 x best library");
}

Test(goals, are_missed_by_a_share_of_their_bound)
{
    made_case(&results, "pingpong");
    made_row(&results, "iocp-server epoll", true, ROUNDS(8.8, 8.8, 8.8));
    made_row(&results, "libuv", false, ROUNDS(10, 10, 10));
    made_row(&results, "asio", false, ROUNDS(11, 11, 11));

    cr_expect(eq(int, (int)judge(&cheap)->state, (int)GOAL_MISSED));
    expect_text(state(), "missed by 10.0 %");
}

Test(goals, of_figures_of_which_more_is_better_are_bounded_from_below)
{
    const struct goal fast = {"pingpong", FIGURE_MB_RATE, "epoll",
                              &libraries, .bound = 1.00,  .alone = false};

    made_case(&results, "pingpong");
    made_figure(made_row(&results, "iocp-server epoll", true, ROUNDS(1)), FIGURE_MB_RATE,
                ROUNDS(90, 90));
    made_figure(made_row(&results, "libuv", false, ROUNDS(1)), FIGURE_MB_RATE, ROUNDS(50, 50));
    made_figure(made_row(&results, "asio", false, ROUNDS(9)), FIGURE_MB_RATE, ROUNDS(100, 100));

    expect_text(judge(&fast)->peer, "asio");
    expect_text(state(), "missed by 10.0 %");
    goal_write_demand(&fast, text);
    expect_text(text, ">= 1.00 x best library");
    results.rows[0].figures[FIGURE_MB_RATE].values[0] = 120;
    (void)judge(&fast);
    expect_text(state(), "met");
}

Test(goals, alone_bound_the_figure_itself)
{
    const struct goal kept = {"idle",     FIGURE_KEPT,   "epoll",
                              &libraries, .bound = 0.95, .alone = true};

    made_case(&results, "idle");
    made_figure(made_row(&results, "iocp-server epoll", true, ROUNDS(1)), FIGURE_KEPT,
                ROUNDS(0.96, 0.97));
    made_figure(made_row(&results, "libuv", false, ROUNDS(1)), FIGURE_KEPT, ROUNDS(0.99, 0.99));

    (void)judge(&kept);
    expect_text(state(), "met; without asio");
    goal_write_demand(&kept, text);
    expect_text(text, ">= 95.0 %");
    goal_write_reached(&kept, &outcome, text);
    expect_text(text, "96.5 (96.0-97.0)");
    goal_write_peer(&kept, &outcome, text);
    expect_text(text, "libuv 99.0");
}

Test(goals, without_a_bound_are_reported)
{
    struct goal beside = cheap;

    beside.bound = 0;
    made_case(&results, "pingpong");
    made_row(&results, "iocp-server epoll", true, ROUNDS(8));
    made_row(&results, "libuv", false, ROUNDS(4));
    made_row(&results, "asio", false, ROUNDS(5));

    (void)judge(&beside);
    expect_text(state(), "does not count");
    goal_write_demand(&beside, text);
    expect_text(text, "best library");
    goal_write_reached(&beside, &outcome, text);
    expect_text(text, "2.00");
}

Test(goals, stay_open_where_a_side_is_missing)
{
    made_case(&results, "pingpong");
    made_row(&results, "iocp-server epoll", true, ROUNDS(8))->state = ROW_INVALID;
    made_row(&results, "libuv", false, ROUNDS(10));
    (void)judge(&cheap);
    expect_text(state(), "not measured; without asio");

    results.rows[0].state = ROW_MEASURED;
    results.rows[1].state = ROW_SKIPPED;
    (void)judge(&cheap);
    expect_text(state(), "not measured; without libuv, asio");
    cr_expect(outcome.peer == NULL);
    cr_expect(not(goal_judge(
        &(struct goal){"pong", FIGURE_CPU_US, NULL, &libraries, .bound = 1, .alone = false},
        &results, &outcome)));
}

Test(goals, for_the_best_engine_are_about_the_one_that_auto_chooses)
{
    const struct goal automatic = {"pingpong", FIGURE_CPU_US, NULL,
                                   &libraries, .bound = 1.00, .alone = false};

    made_machine(&results.machine);
    made_case(&results, "pingpong");
    made_row(&results, "iocp-server epoll", true, ROUNDS(7));
    made_row(&results, "iocp-server io_uring", true, ROUNDS(1));
    made_row(&results, "libuv", false, ROUNDS(10));
    made_row(&results, "asio", false, ROUNDS(10));
    expect_near(judge(&automatic)->ours, 7);
    (void)strcpy(results.machine.engine, "io_uring");
    expect_near(judge(&automatic)->ours, 1);
}

/* A server in the base and in the case with two workers. */
static void add_steps(size_t which_case, const char *subject, double rate, double generator)
{
    struct result_row *row = results_add_row(&results, which_case, subject, false);

    cr_assert(row != NULL);
    made_figure(row, FIGURE_RATE, ROUNDS(rate, rate, rate));
    made_figure(row, FIGURE_GENERATOR, ROUNDS(generator));
}

/* On two processors each may double its rate, but for the first: the generator, which had four
 * fifths of one already, can but give a quarter more. */
Test(goals, for_a_step_ask_for_what_is_possible)
{
    const struct goal step = {"two",      FIGURE_RATE,   "epoll",
                              &libraries, .bound = 1.00, .base = "one"};

    results.machine.cpus = 2;
    made_case(&results, "one");
    add_steps(0, "iocp-server epoll", 800, 0.8);
    add_steps(0, "libuv", 500, 0.2);
    add_steps(0, "asio", 500, 0.5);
    made_case(&results, "two")->workers = 2;
    add_steps(1, "iocp-server epoll", 900, 0.9);
    add_steps(1, "libuv", 800, 0.9);
    add_steps(1, "asio", 1000, 0.9);

    (void)judge(&step);
    expect_near(outcome.ours, 0.9);
    expect_near(outcome.peers, 0.9); /* between 0.8 and 1 */
    expect_text(outcome.peer, "median");
    expect_near(outcome.reached.median, 1);
    expect_text(state(), "met");
    goal_write_subject(&step, &outcome, text);
    expect_text(text, "two in words: rate, of what 1 worker makes possible, %");

    results.machine.cpus = 64; /* its workers are the second's bound now: 2 / (1 - 0.2) times */
    expect_near(judge(&step)->peers, (800 / (500 * 2.5) + 1) / 2);
}

static void fill_all(void)
{
    struct result_case what;
    struct result_row *row;

    made_machine(&results.machine);
    for (size_t i = 0; plan_case_at(i); i++) {
        plan_describe(plan_case_at(i), &what);
        *made_case(&results, "") = what;
        for (int subject = 0; subject < 4; subject++) {
            static const char *const names[] = {"iocp-server epoll", "libiocp epoll", "io_uring",
                                                "epoll, streaming"};

            row = made_row(&results, names[subject], subject < 2, ROUNDS(0));
            for (int figure = 0; figure < FIGURES; figure++)
                made_figure(row, (enum figure)figure, ROUNDS(0.71, 0.72, 0.7 + 0.1 * subject));
            row->latency_count = 1;
        }
    }
}

static void write_table(FILE *out, const void *written)
{
    goals_write_table(out, written);
}

static void write_markdown(FILE *out, const void *written)
{
    goals_write_markdown(out, written);
}

Test(goals, fit_on_a_terminal)
{
    char *table;

    fill_all();
    table = made_text(write_table, &results);
    for (const char *at = table; *at; at += strcspn(at, "\n") + 1)
        cr_expect(le(sz, strcspn(at, "\n"), WORDING_WIDTH), "%.*s", (int)strcspn(at, "\n"), at);
    expect_part(table, "\n  pingpong, 64 B, 50 connections, 1 worker: CPU per operation, us\n");
    expect_part(table, "<= 1.00 x io_uring");
    expect_part(table, "; not measured: ");
    free(table);
}

Test(goals, stand_in_the_readme_with_the_ground_they_were_measured_on)
{
    size_t lines = 0;
    char *section;

    fill_all();
    (void)strcpy(results.started, "2026-11-23T06:45:00Z");
    section = made_text(write_markdown, &results);
    expect_part(section, "Measured on 2026-11-23 at commit 0123456789ab with changes, 3 rounds: "
                         "Abacus 9, 7 processors, 15.5 GiB;");
    expect_part(section, "\n| case: figure | engine | ");
    for (const char *at = section; *at; at++)
        lines += *at == '\n';
    cr_expect(le(sz, lines, 60));
    free(section);
}

Test(goals, look_at_nothing_that_is_not_kept)
{
    char *before, *after;

    fill_all();
    before = made_text(write_markdown, &results);
    goals_keep_figures(&results);
    after = made_text(write_markdown, &results);
    expect_text(after, before);
    cr_expect(zero(sz, results.rows[0].figures[FIGURE_RSS_BYTES].count));
    cr_expect(zero(u64, results.rows[0].latency_count));
    free(after);
    free(before);
}
