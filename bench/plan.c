/* plan.c - see plan.h. */
/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/scenario.h"

#define MS_NS INT64_C(1000000)
#define KIB   ((size_t)1024)
#define MIB   (KIB * KIB)

enum { Q = MATRIX_QUICK, S = MATRIX_STANDARD, F = MATRIX_FULL, G = MATRIX_GOALS, N = MATRIX_NAMED };

/* Scenario, matrices, placement, message size, connections, workers; what is special. */
static const struct plan_case cases[] = {
    {&scenario_pingpong, S | F | G, PLACE_APART, 64, 1, 1, .depth = 1},
    {&scenario_pingpong, Q | S | F | G, PLACE_SAME, 64, 50, 1, .depth = 1, .counted = true},
    {&scenario_pingpong, S | F | G, PLACE_SAME, 64, 500, 1, .depth = 1},
    {&scenario_pingpong, F | G, PLACE_SAME, 64, 5000, 1, .depth = 1},
    {&scenario_pingpong, F, PLACE_FREE, 64, 1, 2, .depth = 1},
    {&scenario_pingpong, S | F | G, PLACE_FREE, 64, 50, 2, .depth = 1},
    {&scenario_pingpong, F | G, PLACE_FREE, 64, 500, 2, .depth = 1, .counted = true},
    {&scenario_pingpong, F, PLACE_FREE, 64, 5000, 2, .depth = 1},
    {&scenario_pingpong, F, PLACE_APART, 16 * KIB, 1, 1, .depth = 1},
    {&scenario_pingpong, S | F | G, PLACE_SAME, 16 * KIB, 50, 1, .depth = 1, .counted = true},
    {&scenario_pingpong, F, PLACE_SAME, 16 * KIB, 500, 1, .depth = 1},
    {&scenario_pingpong, F, PLACE_SAME, 16 * KIB, 5000, 1, .depth = 1},
    {&scenario_pipeline, Q | S | F | G, PLACE_SAME, 64, 50, 1, .depth = 16, .counted = true},
    {&scenario_message, F, PLACE_FREE, 100, 50, 2, .depth = 1},
    {&scenario_message, Q | S | F | G, PLACE_SAME, KIB, 50, 1, .depth = 1, .counted = true},
    {&scenario_message, F, PLACE_FREE, KIB, 50, 2, .depth = 1},
    {&scenario_message, F, PLACE_FREE, 64 * KIB, 50, 2, .depth = 1},
    {&scenario_message, S | F | G, PLACE_FREE, MIB, 50, 2, .depth = 1, .streams = true},
    {&scenario_churn, Q | S | F | G, PLACE_SAME, 64, 50, 1, .depth = 1, .counted = true},
    {&scenario_churn, F, PLACE_FREE, 64, 50, 2, .depth = 1},
    {&scenario_idle, Q, PLACE_SAME, 64, 50, 1, .depth = 1, .idle_connections = 500},
    {&scenario_idle, S, PLACE_SAME, 64, 50, 1, .depth = 1, .idle_connections = 2000},
    {&scenario_idle, F | G, PLACE_SAME, 64, 50, 1, .depth = 1, .idle_connections = 10000},
    {&scenario_idle, F, PLACE_FREE, 64, 50, 1, .depth = 1, .idle_connections = 100000,
     .servers = 8},
    {&scenario_blocked, Q | S | F | G, PLACE_FREE, 64, 500, 2, .depth = 1, .rate = 10000,
     .libiocp_workers = 8},
    {&scenario_blocked, S | F, PLACE_FREE, 64, 500, 2, .depth = 1, .libiocp_workers = 8},
    {&scenario_blocked, F, PLACE_FREE, 64, 500, 2, .depth = 1, .pause_ms = 40,
     .libiocp_workers = 8},
    {&scenario_overload, F, PLACE_APART, 64, 50, 1, .depth = 1, .factor = 0.5},
    {&scenario_overload, Q | S | F, PLACE_APART, 64, 50, 1, .depth = 1, .factor = 2},
    {&scenario_overload, F | N, PLACE_APART, 64, 500, 1, .depth = 1, .factor = 10},
    {&scenario_soak, N, PLACE_FREE, MIB, 40, 2, .depth = 1},
    {&scenario_port, Q | S | F, PLACE_FREE, 0, 1, 1, .depth = 1},
    {&scenario_port, S | F, PLACE_FREE, 0, 1, 2, .depth = 1},
    {&scenario_port, F, PLACE_FREE, 0, 4, 2, .depth = 1},
    {&scenario_queue, Q | S | F, PLACE_FREE, 0, 1, 1, .depth = 1},
    {&scenario_queue, F, PLACE_FREE, 0, 4, 4, .depth = 1},
};

const struct plan_case *plan_case_at(size_t index)
{
    return index < sizeof cases / sizeof *cases ? &cases[index] : NULL;
}

struct pace plan_pace(enum matrix matrix)
{
    if (matrix == MATRIX_QUICK)
        return (struct pace){.rounds = 2, .warm_up_ns = 20 * MS_NS, .measured_ns = 80 * MS_NS};
    if (matrix == MATRIX_STANDARD)
        return (struct pace){.rounds = 5, .warm_up_ns = 30 * MS_NS, .measured_ns = 150 * MS_NS};
    if (matrix == MATRIX_GOALS)
        return (struct pace){.rounds = 7, .warm_up_ns = 100 * MS_NS, .measured_ns = 400 * MS_NS};
    return (struct pace){.rounds = 7, .warm_up_ns = 200 * MS_NS, .measured_ns = 1000 * MS_NS};
}

bool plan_is_in(const struct plan_case *plan, enum matrix matrix, bool named)
{
    return plan->matrices & (named ? matrix | MATRIX_NAMED : matrix);
}

bool plan_has(enum matrix matrix, const struct scenario *scenario)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cases[i].scenario == scenario && plan_is_in(&cases[i], matrix, true))
            return true;
    return false;
}

/* Appends to a text that is cut when it is full. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    size_t length = strlen(text);
    va_list values;

    va_start(values, format);
    (void)vsnprintf(text + length, size - length, format, values);
    va_end(values);
}

static void append_size(char *text, size_t size, size_t bytes, const char *gap)
{
    if (bytes >= MIB && bytes % MIB == 0)
        append(text, size, "%zu%sMiB", bytes / MIB, gap);
    else if (bytes >= KIB && bytes % KIB == 0)
        append(text, size, "%zu%sKiB", bytes / KIB, gap);
    else
        append(text, size, "%zu%sB", bytes, gap);
}

static void name(const struct plan_case *plan, char *id, size_t size)
{
    bool posts = plan->message_size == 0;

    append(id, size, "%s", plan->scenario->name);
    if (plan->factor > 0)
        append(id, size, "-%gx", plan->factor);
    if (!posts) {
        append(id, size, "-");
        append_size(id, size, plan->message_size, "");
    }
    append(id, size, "-%zu%c-%zuw", plan->connections, posts ? 'p' : 'c', plan->workers);
    if (plan->idle_connections > 0)
        append(id, size, "-%zuidle", plan->idle_connections);
    if (plan->pause_ms > 0)
        append(id, size, "-%zums", plan->pause_ms);
    if (plan->rate > 0)
        append(id, size, "-%g-a-second", plan->rate);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void entitle(const struct plan_case *plan, char *title, size_t size)
{
    bool posts = plan->message_size == 0;

    append(title, size, "%s", plan->scenario->name);
    if (plan->factor > 0)
        append(title, size, " at %g times the knee", plan->factor);
    if (!posts) {
        append(title, size, ", ");
        append_size(title, size, plan->message_size, " ");
    }
    append(title, size, ", %zu %s%s", plan->connections, posts ? "producer" : "connection",
           plural(plan->connections));
    if (plan->idle_connections > 0)
        append(title, size, " beside %zu idle ones", plan->idle_connections);
    append(title, size, ", %zu worker%s", plan->workers, plural(plan->workers));
    if (plan->libiocp_workers > 0)
        append(title, size, " (libiocp: %zu, %zu at once)", plan->libiocp_workers, plan->workers);
    if (plan->depth > 1)
        append(title, size, ", depth %zu", plan->depth);
    if (plan->pause_ms > 0)
        append(title, size, ", pauses of %zu ms", plan->pause_ms);
    if (plan->rate > 0)
        append(title, size, ", %g messages a second", plan->rate);
}

void plan_describe(const struct plan_case *plan, struct result_case *what)
{
    static const char *const placements[] = {
        [PLACE_FREE] = "free", [PLACE_SAME] = "same", [PLACE_APART] = "apart"};

    *what = (struct result_case){
        .connections = plan->connections,
        .idle_connections = plan->idle_connections,
        .message_size = plan->message_size,
        .depth = plan->depth,
        .workers = plan->workers,
        .planned_rate = plan->rate,
    };
    name(plan, what->id, sizeof what->id);
    entitle(plan, what->title, sizeof what->title);
    append(what->scenario, sizeof what->scenario, "%s", plan->scenario->name);
    append(what->leads, sizeof what->leads, "%s", figure_kind(plan->scenario->leads)->key);
    append(what->placement, sizeof what->placement, "%s", placements[plan->placement]);
}
