/* compare.c - see compare.h. */
/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <string.h>

#include "verdict.h"
#include "wording.h"

static const struct {
    enum figure figure;
    const char *name;
} judged[] = {{FIGURE_CPU_US, "CPU us/op"}, {FIGURE_RATE, "1000 ops/s"}, {FIGURE_P99_US, "p99 us"}};

static void warn_of(struct sentence *warning, const char *what, const char *before,
                    const char *after)
{
    if (strcmp(before, after) != 0)
        sentence_add(warning, "%s%s '%s' and '%s'", warning->length > 0 ? "; " : "", what, before,
                     after);
}

static void write_warning(FILE *out, const struct fingerprint *before,
                          const struct fingerprint *after)
{
    char text[800], memory[2][32], cpus[2][16];
    const struct fingerprint *machines[] = {before, after};
    struct sentence warning;

    for (int i = 0; i < 2; i++) {
        (void)snprintf(memory[i], sizeof memory[i], "%.1f GiB", machines[i]->memory_gib);
        (void)snprintf(cpus[i], sizeof cpus[i], "%u", machines[i]->cpus);
    }
    sentence_begin(&warning, text, sizeof text);
    warn_of(&warning, "processor", before->cpu, after->cpu);
    warn_of(&warning, "usable processors", cpus[0], cpus[1]);
    warn_of(&warning, "memory", memory[0], memory[1]);
    warn_of(&warning, "kernel", before->kernel, after->kernel);
    warn_of(&warning, "system", before->os, after->os);
    warn_of(&warning, "congestion control", before->congestion, after->congestion);
    warn_of(&warning, "engine", before->engine, after->engine);
    warn_of(&warning, "compiler", before->compiler, after->compiler);
    warn_of(&warning, "flags", before->flags, after->flags);
    if (text[0] != '\0')
        wording_write(out, 2, "WARNING: measured on different ground: ", text);
}

static void write_build(FILE *out, const char *name, const struct results *results)
{
    const struct fingerprint *machine = &results->machine;

    (void)fprintf(out, "%s  %s, libiocp %s, commit %s%s%s\n", name, results->started,
                  machine->version, machine->commit[0] != '\0' ? machine->commit : "unknown",
                  machine->dirty ? " with changes" : "",
                  results->interrupted ? ", interrupted" : "");
}

/* The row of the same case and subject in other results; NULL: there is none. */
static const struct result_row *find_row(const struct results *results, const char *id,
                                         const char *subject)
{
    for (size_t i = 0; i < results->row_count; i++) {
        const struct result_row *row = &results->rows[i];

        if (strcmp(row->subject, subject) == 0 &&
            strcmp(results->cases[row->which_case].id, id) == 0)
            return row;
    }
    return NULL;
}

/* Whether a figure has become better (1) or worse (-1), and that in words. */
static int judge(enum figure figure, const struct result_row *before,
                 const struct result_row *after, const char **words)
{
    struct spread then = series_spread(&before->figures[figure]);
    struct spread now = series_spread(&after->figures[figure]);
    int change = spread_compare(&now, &then);

    if (figure_kind(figure)->better == FIGURE_LESS)
        change = -change;
    if (before->figures[figure].count < 2 || after->figures[figure].count < 2) {
        *words = "a single round shows no spread";
        return 0;
    }
    *words = change > 0 ? "better" : change < 0 ? "WORSE" : "within the spread";
    return change;
}

static int write_figure(FILE *out, const char *name, enum figure figure,
                        const struct result_row *before, const struct result_row *after)
{
    const double scale = figure_kind(figure)->scale;
    char then_text[WORDING_NUMBER], now_text[WORDING_NUMBER], ratio[WORDING_NUMBER] = "-";
    const char *words;
    double then, now;
    int change;

    if (!results_median(before, figure, &then) || !results_median(after, figure, &now))
        return 0;
    wording_number(then / scale, then_text);
    wording_number(now / scale, now_text);
    if (then > 0)
        wording_number(now / then, ratio);
    change = judge(figure, before, after, &words);
    (void)fprintf(out, "    %-10s  %8s -> %8s  %6s  %s\n", name, then_text, now_text, ratio, words);
    return change;
}

static void write_trouble(FILE *out, const char *when, const struct result_row *row)
{
    char lead[48];

    (void)snprintf(lead, sizeof lead, "    %s %s: ", verdict_state(row->state), when);
    if (row->state != ROW_MEASURED)
        wording_write(out, 8, lead, row->trouble);
}

/* Returns whether any figure is worse. */
static bool write_row(FILE *out, const char *id, const struct result_row *before,
                      const struct result_row *after)
{
    bool worse = false;

    (void)fprintf(out, "\n%s, %s\n", id, after->subject);
    write_trouble(out, "before", before);
    write_trouble(out, "now", after);
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++)
        worse |= write_figure(out, judged[i].name, judged[i].figure, before, after) < 0;
    return worse;
}

/* Name the rows of `these` that the others have not; `first` comes before the first one. */
static void write_rest(FILE *out, const char *first, const struct results *these,
                       const struct results *others)
{
    for (size_t i = 0; i < these->row_count; i++) {
        const struct result_row *row = &these->rows[i];
        const char *id = these->cases[row->which_case].id;

        if (find_row(others, id, row->subject))
            continue;
        (void)fprintf(out, "%s  %s, %s\n", first, id, row->subject);
        first = "";
    }
}

size_t compare_write(FILE *out, const struct results *before, const struct results *after)
{
    size_t worse = 0;

    write_warning(out, &before->machine, &after->machine);
    write_build(out, "before", before);
    write_build(out, "now   ", after);
    for (size_t i = 0; i < after->row_count; i++) {
        const struct result_row *row = &after->rows[i];
        const char *id = after->cases[row->which_case].id;
        const struct result_row *old = find_row(before, id, row->subject);

        if (old)
            worse += write_row(out, id, old, row);
    }
    write_rest(out, "\nonly before:\n", before, after);
    write_rest(out, "\nonly now:\n", after, before);
    (void)fprintf(out, "\n%zu row%s worse\n", worse, worse == 1 ? "" : "s");
    return worse;
}
