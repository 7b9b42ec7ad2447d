/* goals_words.c - goals, and how they were reached, in words. */
/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "goals.h"
#include "wording.h"

#define PER_CENT 0.01

double goal_scale(const struct goal *goal)
{
    return goal->base ? PER_CENT : figure_kind(goal->figure)->scale;
}

bool goal_is_like(const struct goal *goal, const struct goal *other)
{
    return goal->figure == other->figure && strcmp(goal->case_id, other->case_id) == 0;
}

void goal_write_subject(const struct goal *goal, const struct goal_outcome *outcome,
                        char text[GOAL_TEXT_SIZE])
{
    const struct figure_kind *kind = figure_kind(goal->figure);

    if (goal->base)
        (void)snprintf(text, GOAL_TEXT_SIZE, "%s: rate, of what 1 worker makes possible, %%",
                       outcome->where->title);
    else
        (void)snprintf(text, GOAL_TEXT_SIZE, "%s: %s, %s", outcome->where->title, kind->title,
                       kind->unit);
}

void goal_write_demand(const struct goal *goal, char text[GOAL_TEXT_SIZE])
{
    const char *relation = figure_kind(goal->figure)->better == FIGURE_LESS ? "<=" : ">=";
    char number[WORDING_NUMBER];

    wording_number(goal->bound / goal_scale(goal), number);
    if (goal->alone)
        (void)snprintf(text, GOAL_TEXT_SIZE, "%s %s %s", relation, number,
                       figure_kind(goal->figure)->unit);
    else if (goal->bound > 0)
        (void)snprintf(text, GOAL_TEXT_SIZE, "%s %.2f x %s", relation, goal->bound,
                       goal->peers->title);
    else
        (void)snprintf(text, GOAL_TEXT_SIZE, "%s", goal->peers->title);
}

void goal_write_peer(const struct goal *goal, const struct goal_outcome *outcome,
                     char text[GOAL_TEXT_SIZE])
{
    char number[WORDING_NUMBER];

    wording_number(outcome->peers / goal_scale(goal), number);
    (void)snprintf(text, GOAL_TEXT_SIZE, "%s %s", outcome->peer ? outcome->peer : "-",
                   outcome->peer ? number : "");
}

void goal_write_reached(const struct goal *goal, const struct goal_outcome *outcome,
                        char text[GOAL_TEXT_SIZE])
{
    char spread[WORDING_SPREAD] = "-";

    if (outcome->state != GOAL_OPEN)
        wording_spread(&outcome->reached, goal->alone ? goal_scale(goal) : 1, spread);
    (void)snprintf(text, GOAL_TEXT_SIZE, "%s", spread);
}

void goal_write_state(const struct goal_outcome *outcome, char text[GOAL_TEXT_SIZE])
{
    static const char *const words[] = {[GOAL_MET] = "met",
                                        [GOAL_MISSED] = "missed by",
                                        [GOAL_BESIDE] = "does not count",
                                        [GOAL_OPEN] = "not measured"};
    char number[WORDING_NUMBER];
    struct sentence sentence;

    sentence_begin(&sentence, text, GOAL_TEXT_SIZE);
    sentence_add(&sentence, "%s", words[outcome->state]);
    if (outcome->state == GOAL_MISSED) {
        wording_number(outcome->by / PER_CENT, number);
        sentence_add(&sentence, " %s %%", number);
    }
    if (outcome->without[0] != '\0')
        sentence_add(&sentence, "; without %s", outcome->without);
}
