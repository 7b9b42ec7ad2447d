/* test_plan.c - the matrix: its cases have names of their own, and it holds every scenario. */
/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "made_results.h"
#include "plan.h"
#include "scenario.h"

TestSuite(plan, .timeout = 60);

Test(plan, names_every_case_differently_and_in_full)
{
    struct result_case left, right;

    for (size_t i = 0; plan_case_at(i); i++) {
        plan_describe(plan_case_at(i), &left);
        cr_expect(lt(sz, strlen(left.id), sizeof left.id - 1), "%s", left.id);
        cr_expect(lt(sz, strlen(left.title), sizeof left.title - 1), "%s", left.title);
        cr_expect(zero(ptr, strpbrk(left.id, "/ ")), "%s is no name for a file", left.id);
        for (size_t j = 0; j < i; j++) {
            plan_describe(plan_case_at(j), &right);
            cr_expect(ne(int, strcmp(left.id, right.id), 0), "%s", left.id);
            cr_expect(ne(int, strcmp(left.title, right.title), 0), "%s", left.title);
        }
    }
}

Test(plan, tells_sizes_in_their_units)
{
    static const struct scenario made = {.name = "made"};
    struct plan_case plan = {
        .scenario = &made, .connections = 1, .message_size = 1024, .workers = 2, .depth = 16};
    struct result_case what;

    plan_describe(&plan, &what);
    expect_text(what.id, "made-1KiB-1c-2w");
    expect_text(what.title, "made, 1 KiB, 1 connection, 2 workers, depth 16");

    plan.message_size = 3 << 20;
    plan.idle_connections = 7;
    plan.factor = 0.5;
    plan_describe(&plan, &what);
    expect_text(what.id, "made-0.5x-3MiB-1c-2w-7idle");
}

Test(plan, tells_the_rate_of_a_schedule_and_who_has_more_workers)
{
    static const struct scenario made = {.name = "made"};
    struct plan_case plan = {.scenario = &made,
                             .connections = 5,
                             .message_size = 64,
                             .workers = 2,
                             .libiocp_workers = 8,
                             .rate = 10000};
    struct result_case what;

    plan_describe(&plan, &what);
    expect_text(what.id, "made-64B-5c-2w-10000-a-second");
    expect_text(what.title, "made, 64 B, 5 connections, 2 workers (libiocp: 8, 2 at once), "
                            "10000 messages a second");
    cr_expect(eq(dbl, what.planned_rate, 10000));
}

Test(plan, has_every_scenario_in_every_matrix)
{
    for (size_t i = 0; scenario_at(i); i++) {
        cr_expect(plan_has(MATRIX_QUICK, scenario_at(i)), "%s", scenario_at(i)->name);
        cr_expect(plan_has(MATRIX_STANDARD, scenario_at(i)), "%s", scenario_at(i)->name);
        cr_expect(plan_has(MATRIX_FULL, scenario_at(i)), "%s", scenario_at(i)->name);
    }
}

static bool has_unnamed(enum matrix matrix, const struct scenario *scenario)
{
    bool found = false;

    for (size_t i = 0; plan_case_at(i); i++)
        found |=
            plan_case_at(i)->scenario == scenario && plan_is_in(plan_case_at(i), matrix, false);
    return found;
}

Test(plan, has_a_soak_only_where_it_is_named)
{
    for (enum matrix matrix = MATRIX_QUICK; matrix < MATRIX_NAMED; matrix *= 2) {
        cr_expect(plan_has(matrix, &scenario_soak));
        cr_expect(not(has_unnamed(matrix, &scenario_soak)));
    }
    cr_expect(plan_has(MATRIX_GOALS, &scenario_overload));
    cr_expect(not(has_unnamed(MATRIX_GOALS, &scenario_overload)));
    cr_expect(has_unnamed(MATRIX_QUICK, &scenario_overload));
}

Test(plan, has_at_least_five_rounds_where_figures_count)
{
    cr_expect(ge(sz, plan_pace(MATRIX_STANDARD).rounds, 5));
    cr_expect(ge(sz, plan_pace(MATRIX_FULL).rounds, 5));
    cr_expect(ge(sz, plan_pace(MATRIX_GOALS).rounds, 5));
}
