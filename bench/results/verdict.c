/* verdict.c - see verdict.h. */
/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include "wording.h"

const char *verdict_state(enum row_state state)
{
    static const char *const words[] = {[ROW_MEASURED] = "measured",
                                        [ROW_INVALID] = "INVALID",
                                        [ROW_FAILED] = "FAILED",
                                        [ROW_SKIPPED] = "skipped"};

    return words[state];
}

static bool is_known(const struct results *results, size_t which_case, enum figure figure)
{
    return results_best(results, which_case, figure, true) ||
           results_best(results, which_case, figure, false);
}

/* By what a case is judged first. */
static enum figure leading(const struct results *results, size_t which_case)
{
    enum figure figure = figure_find(results->cases[which_case].leads);

    return figure < FIGURES && is_known(results, which_case, figure) ? figure : FIGURE_RATE;
}

/* A subject and its median: libuv 5.93 us. */
static void add_median(struct sentence *sentence, const struct result_row *row, enum figure figure)
{
    const struct figure_kind *kind = figure_kind(figure);
    char number[WORDING_NUMBER];
    double median = 0;

    (void)results_median(row, figure, &median);
    wording_number(median / kind->scale, number);
    sentence_add(sentence, "%s %s %s%s", row->subject, number, figure == FIGURE_RATE ? "x " : "",
                 kind->unit);
}

/* The ratio only if the ranges lie apart; `joined`: the peer's name comes after it. */
static void add_ratio(struct sentence *sentence, const struct result_row *ours,
                      const struct result_row *peer, enum figure figure, bool joined)
{
    struct spread left = series_spread(&ours->figures[figure]);
    struct spread right = series_spread(&peer->figures[figure]);
    char number[WORDING_NUMBER];

    if (spread_compare(&left, &right) == 0) {
        sentence_add(sentence, "about the same%s", joined ? " as" : "");
    } else if (right.median > 0) {
        wording_number(left.median / right.median, number);
        sentence_add(sentence, "%s%s", number, joined ? " of" : "");
    } else {
        sentence_add(sentence, "more%s", joined ? " than" : "");
    }
}

static bool in_single_round(const struct result_row *ours, const struct result_row *peer,
                            enum figure figure)
{
    return ours->figures[figure].count < 2 || peer->figures[figure].count < 2;
}

static bool add_comparison(struct sentence *sentence, const struct results *results,
                           size_t which_case, enum figure figure)
{
    const struct result_row *ours = results_best(results, which_case, figure, true);
    const struct result_row *peer = results_best(results, which_case, figure, false);

    if (!ours && !peer)
        return false;
    if (!ours) {
        sentence_add(sentence, "no figure of ours to go by; the best peer is ");
        add_median(sentence, peer, figure);
        return true;
    }
    add_median(sentence, ours, figure);
    if (!peer) {
        sentence_add(sentence, ", and no peer to compare with");
        return true;
    }
    sentence_add(sentence, ", ");
    add_ratio(sentence, ours, peer, figure, true);
    sentence_add(sentence, " the best peer (");
    add_median(sentence, peer, figure);
    sentence_add(sentence, ")");
    if (in_single_round(ours, peer, figure))
        sentence_add(sentence, " in a single round, which shows no spread");
    return true;
}

static void add_absent_ones(struct sentence *sentence, const struct results *results,
                            size_t which_case, enum figure figure)
{
    const char *before = "; without ";
    double median;

    for (size_t i = 0; i < results->row_count; i++) {
        const struct result_row *row = &results->rows[i];

        if (row->which_case != which_case || row->state == ROW_MEASURED ||
            results_median(row, figure, &median))
            continue;
        sentence_add(sentence, "%s%s (%s)", before, row->subject, verdict_state(row->state));
        before = ", ";
    }
}

/* Their rounds before that count; that something went wrong is told even so. */
static void add_failed_ones(struct sentence *sentence, const struct results *results,
                            size_t which_case, enum figure figure)
{
    double median;

    for (size_t i = 0; i < results->row_count; i++) {
        const struct result_row *row = &results->rows[i];
        size_t rounds = row->figures[figure].count;

        if (row->which_case == which_case && row->state == ROW_FAILED &&
            results_median(row, figure, &median))
            sentence_add(sentence, "; %s FAILED after %zu round%s", row->subject, rounds,
                         rounds == 1 ? "" : "s");
    }
}

void verdict_write(const struct results *results, size_t which_case, char *text, size_t size)
{
    const enum figure lead = leading(results, which_case);
    struct sentence sentence;

    sentence_begin(&sentence, text, size);
    if (lead != FIGURE_CPU_US && is_known(results, which_case, lead))
        sentence_add(&sentence, "%s: ", figure_kind(lead)->title);
    if (!add_comparison(&sentence, results, which_case, lead))
        sentence_add(&sentence, "nothing was measured that could be compared");
    if (is_known(results, which_case, FIGURE_IDLE_BYTES)) {
        sentence_add(&sentence, "; %s: ", figure_kind(FIGURE_IDLE_BYTES)->title);
        (void)add_comparison(&sentence, results, which_case, FIGURE_IDLE_BYTES);
    }
    add_absent_ones(&sentence, results, which_case, lead);
    add_failed_ones(&sentence, results, which_case, lead);
}

void verdict_write_ratios(const struct results *results, size_t which_case, char *text, size_t size)
{
    const enum figure lead = leading(results, which_case);
    const struct result_row *ours = results_best(results, which_case, lead, true);
    struct sentence sentence;
    const char *before = " to each peer: ";
    double median;

    sentence_begin(&sentence, text, size);
    for (size_t i = 0; ours && i < results->row_count; i++) {
        const struct result_row *row = &results->rows[i];

        if (row->which_case != which_case || row->ours || !results_median(row, lead, &median))
            continue;
        if (sentence.length == 0)
            sentence_add(&sentence, "%s", ours->subject);
        sentence_add(&sentence, "%s%s ", before, row->subject);
        add_ratio(&sentence, ours, row, lead, false);
        before = ", ";
    }
}
