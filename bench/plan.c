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

enum { Q = MATRIX_QUICK, S = MATRIX_STANDARD, F = MATRIX_FULL };

#define CASE(name)  .scenario = &scenario_##name
#define SIZE(bytes) .message_size = (bytes)

static const struct plan_case cases[] = {
    {CASE(pingpong), S | F, PLACE_APART, 1, SIZE(64), .workers = 1},
    {CASE(pingpong), Q | S | F, PLACE_SAME, 50, SIZE(64), .workers = 1, .counted = true},
    {CASE(pingpong), S | F, PLACE_SAME, 500, SIZE(64), .workers = 1},
    {CASE(pingpong), F, PLACE_SAME, 5000, SIZE(64), .workers = 1},
    {CASE(pingpong), F, PLACE_FREE, 1, SIZE(64), .workers = 2},
    {CASE(pingpong), S | F, PLACE_FREE, 50, SIZE(64), .workers = 2},
    {CASE(pingpong), F, PLACE_FREE, 500, SIZE(64), .workers = 2, .counted = true},
    {CASE(pingpong), F, PLACE_FREE, 5000, SIZE(64), .workers = 2},
    {CASE(pingpong), F, PLACE_APART, 1, SIZE(16 * KIB), .workers = 1},
    {CASE(pingpong), S | F, PLACE_SAME, 50, SIZE(16 * KIB), .workers = 1, .counted = true},
    {CASE(pingpong), F, PLACE_SAME, 500, SIZE(16 * KIB), .workers = 1},
    {CASE(pingpong), F, PLACE_SAME, 5000, SIZE(16 * KIB), .workers = 1},
    {CASE(pipeline), Q | S | F, PLACE_SAME, 50, SIZE(64), .depth = 16, .workers = 1,
     .counted = true},
    {CASE(message), F, PLACE_FREE, 50, SIZE(100), .workers = 2},
    {CASE(message), Q | S | F, PLACE_FREE, 50, SIZE(KIB), .workers = 2, .counted = true},
    {CASE(message), F, PLACE_FREE, 50, SIZE(64 * KIB), .workers = 2},
    {CASE(message), S | F, PLACE_FREE, 50, SIZE(MIB), .workers = 2, .streams = true},
    {CASE(churn), Q | S | F, PLACE_FREE, 50, SIZE(64), .workers = 2, .counted = true},
    {CASE(idle), Q, PLACE_SAME, 50, SIZE(64), .workers = 1, .idle_connections = 500},
    {CASE(idle), S, PLACE_SAME, 50, SIZE(64), .workers = 1, .idle_connections = 2000},
    {CASE(idle), F, PLACE_SAME, 50, SIZE(64), .workers = 1, .idle_connections = 10000},
    {CASE(idle), F, PLACE_FREE, 50, SIZE(64), .workers = 1, .idle_connections = 100000,
     .servers = 8},
    {CASE(blocked), Q | S | F, PLACE_FREE, 500, SIZE(64), .workers = 2},
    {CASE(blocked), F, PLACE_FREE, 500, SIZE(64), .workers = 2, .pause_ms = 40},
    {CASE(overload), F, PLACE_APART, 50, SIZE(64), .depth = 64, .workers = 1, .factor = 0.5},
    {CASE(overload), Q | S | F, PLACE_APART, 50, SIZE(64), .depth = 64, .workers = 1, .factor = 2},
    {CASE(overload), F, PLACE_APART, 50, SIZE(64), .depth = 64, .workers = 1, .factor = 10},
    {CASE(port), Q | S | F, PLACE_FREE, 1, .workers = 1},
    {CASE(port), S | F, PLACE_FREE, 1, .workers = 2},
    {CASE(port), F, PLACE_FREE, 4, .workers = 2},
    {CASE(queue), Q | S | F, PLACE_FREE, 1, .workers = 1},
    {CASE(queue), F, PLACE_FREE, 4, .workers = 4},
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
        return (struct pace){.rounds = 5, .warm_up_ns = 40 * MS_NS, .measured_ns = 200 * MS_NS};
    return (struct pace){.rounds = 7, .warm_up_ns = 200 * MS_NS, .measured_ns = 1000 * MS_NS};
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
    if (plan->depth > 1)
        append(title, size, ", depth %zu", plan->depth);
    if (plan->pause_ms > 0)
        append(title, size, ", pauses of %zu ms", plan->pause_ms);
}

void plan_describe(const struct plan_case *plan, struct result_case *what)
{
    static const char *const placements[] = {
        [PLACE_FREE] = "free", [PLACE_SAME] = "same", [PLACE_APART] = "apart"};

    *what = (struct result_case){
        .connections = plan->connections,
        .idle_connections = plan->idle_connections,
        .message_size = plan->message_size,
        .depth = plan->depth > 0 ? plan->depth : 1,
        .workers = plan->workers,
    };
    name(plan, what->id, sizeof what->id);
    entitle(plan, what->title, sizeof what->title);
    append(what->scenario, sizeof what->scenario, "%s", plan->scenario->name);
    append(what->leads, sizeof what->leads, "%s", figure_kind(plan->scenario->leads)->key);
    append(what->placement, sizeof what->placement, "%s", placements[plan->placement]);
}
