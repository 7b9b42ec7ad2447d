/* goals_table.c - see goals_table.h. */
/* SPDX-License-Identifier: MIT */
#include "goals_table.h"

#include "goals.h"
#include "wording.h"

/* All that is told of one goal. */
struct line {
    char subject[GOAL_TEXT_SIZE]; /* empty: that of the line before */
    char demand[GOAL_TEXT_SIZE];
    char ours[WORDING_NUMBER];
    char peer[GOAL_TEXT_SIZE];
    char reached[GOAL_TEXT_SIZE];
    char state[GOAL_TEXT_SIZE];
};

struct sums {
    size_t met, missed, open;
};

static void add(struct sums *sums, enum goal_state state)
{
    sums->met += state == GOAL_MET;
    sums->missed += state == GOAL_MISSED;
    sums->open += state == GOAL_OPEN;
}

static void fill(struct line *line, const struct goal *goal, const struct goal_outcome *outcome)
{
    goal_write_demand(goal, line->demand);
    (void)snprintf(line->ours, sizeof line->ours, "-");
    if (outcome->state != GOAL_OPEN)
        wording_number(outcome->ours / goal_scale(goal), line->ours);
    goal_write_peer(goal, outcome, line->peer);
    goal_write_reached(goal, outcome, line->reached);
    goal_write_state(outcome, line->state);
}

static struct sums write_lines(FILE *out, const struct results *results,
                               void (*write)(FILE *out, const struct line *line,
                                             const struct goal_outcome *outcome))
{
    const struct goal *goal, *before = NULL;
    struct goal_outcome outcome;
    struct sums sums = {0};

    for (size_t i = 0; (goal = goal_at(i)); i++) {
        struct line line = {.subject = ""};

        if (!goal_judge(goal, results, &outcome))
            continue;
        if (!before || !goal_is_like(goal, before))
            goal_write_subject(goal, &outcome, line.subject);
        fill(&line, goal, &outcome);
        write(out, &line, &outcome);
        add(&sums, outcome.state);
        before = goal;
    }
    return sums;
}

static void write_plain(FILE *out, const struct line *line, const struct goal_outcome *outcome)
{
    char text[4 * GOAL_TEXT_SIZE];
    struct sentence sentence;

    if (line->subject[0] != '\0')
        wording_write(out, 4, "  ", line->subject);
    sentence_begin(&sentence, text, sizeof text);
    sentence_add(&sentence, "%-8s %6s  %-16s  %-17s  %-38s  %s", outcome->engine, line->ours,
                 line->peer, line->reached, line->demand, line->state);
    wording_write(out, 8, "    ", text);
}

void goals_write_table(FILE *out, const struct results *results)
{
    struct sums sums;

    (void)fprintf(out, "\nGoals: ours, the peer's, ours to the peer's in each round as median "
                       "(min-max), and what it was to be:\n");
    sums = write_lines(out, results, write_plain);
    (void)fprintf(out, "  met: %zu; missed: %zu; not measured: %zu\n", sums.met, sums.missed,
                  sums.open);
}

static void write_row(FILE *out, const struct line *line, const struct goal_outcome *outcome)
{
    (void)fprintf(out, "| %s | %s | %s | %s | %s | %s | %s |\n", line->subject, outcome->engine,
                  line->ours, line->peer, line->reached, line->demand, line->state);
}

static size_t count_rounds(const struct results *results)
{
    size_t most = 0;

    for (size_t i = 0; i < results->row_count; i++)
        for (int figure = 0; figure < FIGURES; figure++)
            if (results->rows[i].figures[figure].count > most)
                most = results->rows[i].figures[figure].count;
    return most;
}

static void write_ground(FILE *out, const struct results *results)
{
    const struct fingerprint *machine = &results->machine;
    char text[1200];
    struct sentence sentence;

    sentence_begin(&sentence, text, sizeof text);
    sentence_add(&sentence, "Measured on %.10s at commit %.12s%s%s, %zu rounds: %s, ",
                 results->started, machine->commit[0] != '\0' ? machine->commit : "unknown",
                 machine->dirty ? " with changes" : "", results->interrupted ? ", interrupted" : "",
                 count_rounds(results), machine->cpu);
    sentence_add(&sentence, "%u processors, %.1f GiB; Linux %s; %s; %s.", machine->cpus,
                 machine->memory_gib, machine->kernel, machine->os, machine->compiler);
    wording_write(out, 0, "", text);
}

void goals_write_markdown(FILE *out, const struct results *results)
{
    struct sums sums;

    write_ground(out, results);
    (void)fprintf(out, "\n| case: figure | engine | ours | peer | ours to peer | goal | |\n"
                       "|---|---|---|---|---|---|---|\n");
    sums = write_lines(out, results, write_row);
    (void)fprintf(out, "\nMet: %zu; missed: %zu; not measured: %zu.\n", sums.met, sums.missed,
                  sums.open);
}
