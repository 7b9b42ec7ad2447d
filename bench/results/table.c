/* table.c - see table.h. */
/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"
#include "wording.h"

#define MESSAGE_OF_BYTES 4096 /* from here on bytes a second say something */
#define SUBJECT_MIN      16

struct column {
    const char *above, *below; /* its two headings */
    enum figure figure;
    bool ranged;
    bool beside_best; /* the figure beside the best peer's */
    bool spare;       /* left out where there is no room: the report has it */
};

static const struct column columns[] = {
    {"CPU us/op", "median (min-max)", FIGURE_CPU_US, true, false, false},
    {"user", "us/op", FIGURE_CPU_USER_US, false, false, true},
    {"sys", "us/op", FIGURE_CPU_SYS_US, false, false, true},
    {"1000 ops/s", "median (min-max)", FIGURE_RATE, true, false, false},
    {"", "MB/s", FIGURE_MB_RATE, false, false, false},
    {"p50", "us", FIGURE_P50_US, false, false, false},
    {"p99", "us", FIGURE_P99_US, false, false, false},
    {"syscalls", "per op", FIGURE_SYSCALLS, false, false, true},
    {"switches", "per op", FIGURE_SWITCHES, false, false, true},
    {"RSS", "MiB", FIGURE_RSS_BYTES, false, false, true},
    {"peak", "MiB", FIGURE_PEAK_BYTES, false, false, false},
    {"drift", "%", FIGURE_DRIFT, false, false, false},
    {"idle", "B/conn", FIGURE_IDLE_BYTES, false, false, false},
    {"kept", "%", FIGURE_KEPT, false, false, false},
    {"good", "%", FIGURE_GOODPUT, false, false, false},
    {"back", "s", FIGURE_BACK_S, false, false, false},
    {"lost", "%", FIGURE_UNANSWERED, false, false, false},
    {"unsent", "%", FIGURE_UNSENT, false, false, true},
    {"load", "CPU%", FIGURE_GENERATOR, false, false, false},
    {"CPU to", "best peer", FIGURE_CPU_US, false, true, false},
};

#define COLUMNS (sizeof columns / sizeof *columns)

struct line {
    const struct result_row *row;
    char cells[COLUMNS][WORDING_SPREAD]; /* empty: nothing to tell */
};

struct table {
    struct line *lines;
    size_t count;
    size_t subject;         /* widths; a column without a value has none */
    size_t widths[COLUMNS]; /* of the columns */
    size_t gap;
};

static bool has_column(const struct results *results, size_t which_case,
                       const struct column *column)
{
    return column->figure != FIGURE_MB_RATE ||
           results->cases[which_case].message_size >= MESSAGE_OF_BYTES;
}

static void fill_cell(const struct results *results, const struct result_row *row,
                      const struct column *column, char cell[WORDING_SPREAD])
{
    double best = 0, scale = figure_kind(column->figure)->scale;
    struct spread spread;

    cell[0] = '\0';
    if (!has_column(results, row->which_case, column) ||
        !results_spread(row, column->figure, &spread))
        return;
    if (column->beside_best) {
        if (results_best_peer(results, row->which_case, column->figure, &best, NULL) && best > 0)
            wording_number(spread.median / best, cell);
    } else if (column->ranged) {
        wording_spread(&spread, scale, cell);
    } else {
        wording_number(spread.median / scale, cell);
    }
}

static int compare_lines(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    double a_cpu = 0, b_cpu = 0;
    bool a_has = results_median(a->row, FIGURE_CPU_US, &a_cpu);
    bool b_has = results_median(b->row, FIGURE_CPU_US, &b_cpu);

    if (a->row->ours != b->row->ours)
        return a->row->ours ? -1 : 1;
    if (!a->row->ours && a_has != b_has)
        return a_has ? -1 : 1;
    if (!a->row->ours && (a_cpu < b_cpu || a_cpu > b_cpu))
        return a_cpu < b_cpu ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static void fill_lines(const struct results *results, size_t which_case, struct table *table)
{
    for (size_t i = 0; i < results->row_count; i++) {
        struct line *line = &table->lines[table->count];

        if (results->rows[i].which_case != which_case)
            continue;
        line->row = &results->rows[i];
        for (size_t j = 0; j < COLUMNS; j++)
            fill_cell(results, line->row, &columns[j], line->cells[j]);
        table->count++;
    }
    qsort(table->lines, table->count, sizeof *table->lines, compare_lines);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t width_of(const struct table *table, size_t column)
{
    const struct column *kind = &columns[column];
    size_t width = 0;
    bool ranges = false;

    for (size_t i = 0; i < table->count; i++) {
        width = larger(width, strlen(table->lines[i].cells[column]));
        ranges |= strchr(table->lines[i].cells[column], '(') != NULL;
    }
    if (width == 0)
        return 0;
    width = larger(width, strlen(kind->above));
    return kind->ranged && !ranges ? width : larger(width, strlen(kind->below));
}

/* Of all columns, with their gaps. */
static size_t width_of_all(const struct table *table)
{
    size_t width = 0;

    for (size_t i = 0; i < COLUMNS; i++)
        width += table->widths[i] > 0 ? table->widths[i] + table->gap : 0;
    return width;
}

static void drop_ranges(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < COLUMNS; j++)
            table->lines[i].cells[j][strcspn(table->lines[i].cells[j], " ")] = '\0';
}

static void measure_columns(struct table *table, size_t gap)
{
    table->gap = gap;
    for (size_t i = 0; i < COLUMNS; i++)
        table->widths[i] = width_of(table, i);
}

static void drop_spare_columns(struct table *table)
{
    for (size_t i = COLUMNS; i-- > 0 && SUBJECT_MIN + width_of_all(table) > WORDING_WIDTH;)
        if (columns[i].spare)
            table->widths[i] = 0;
}

/* Where it is too wide, gaps become narrower, then subjects are cut off, ranges left out, and whole
 * columns at last. */
static void measure_table(struct table *table)
{
    size_t left;

    for (size_t i = 0; i < table->count; i++)
        table->subject = larger(table->subject, strlen(table->lines[i].row->subject));
    measure_columns(table, 2);
    if (table->subject + width_of_all(table) > WORDING_WIDTH)
        measure_columns(table, 1);
    if (SUBJECT_MIN + width_of_all(table) > WORDING_WIDTH) {
        drop_ranges(table);
        measure_columns(table, 1);
        drop_spare_columns(table);
    }
    left = WORDING_WIDTH - width_of_all(table);
    if (table->subject > left)
        table->subject = left;
}

static void write_heading(FILE *out, const struct table *table, bool above)
{
    (void)fprintf(out, "%-*s", (int)table->subject, "");
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *text = above ? columns[i].above : columns[i].below;

        if (table->widths[i] > 0)
            (void)fprintf(out, "%*s", (int)(table->gap + table->widths[i]),
                          strlen(text) <= table->widths[i] ? text : "");
    }
    (void)fputc('\n', out);
}

static bool has_cells(const struct line *line)
{
    for (size_t i = 0; i < COLUMNS; i++)
        if (line->cells[i][0] != '\0')
            return true;
    return false;
}

static void write_cells(FILE *out, const struct table *table, const struct line *line)
{
    (void)fprintf(out, "%-*.*s", (int)table->subject, (int)table->subject, line->row->subject);
    for (size_t i = 0; i < COLUMNS; i++)
        if (table->widths[i] > 0)
            (void)fprintf(out, "%*s", (int)(table->gap + table->widths[i]), line->cells[i]);
    (void)fputc('\n', out);
}

static void write_trouble(FILE *out, const struct line *line)
{
    const struct result_row *row = line->row;
    char text[sizeof row->trouble + LOAD_ERRORS * sizeof "18446744073709551615 of some kind"];
    char lead[sizeof row->subject + 4];
    struct sentence sentence;
    uint64_t errors = 0;

    for (int i = 0; i < LOAD_ERRORS; i++)
        errors += row->errors[i];
    if (row->state == ROW_MEASURED && errors == 0)
        return;
    sentence_begin(&sentence, text, sizeof text);
    if (row->state != ROW_MEASURED)
        sentence_add(&sentence, "%s: %s", verdict_state(row->state), row->trouble);
    for (int i = 0; i < LOAD_ERRORS; i++)
        if (row->errors[i] > 0)
            sentence_add(&sentence, "%s%llu %s", sentence.length > 0 ? ", " : "errors: ",
                         (unsigned long long)row->errors[i], load_error_name((enum load_error)i));
    (void)snprintf(lead, sizeof lead, "%s  ", has_cells(line) ? "" : row->subject);
    wording_write(out, 4, lead, text);
}

static void write_table(FILE *out, const struct table *table, const struct result_case *one)
{
    char name[sizeof one->id + sizeof one->title + 2];

    (void)snprintf(name, sizeof name, "%s%s%s", one->id, one->title[0] != '\0' ? ": " : "",
                   one->title);
    (void)fputc('\n', out);
    wording_write(out, 4, "", name);
    if (width_of_all(table) > 0) {
        write_heading(out, table, true);
        write_heading(out, table, false);
    }
    for (size_t i = 0; i < table->count; i++) {
        if (has_cells(&table->lines[i]))
            write_cells(out, table, &table->lines[i]);
        write_trouble(out, &table->lines[i]);
    }
}

int table_write_case(FILE *out, const struct results *results, size_t which_case)
{
    struct table table = {.lines = calloc(results->row_count + 1, sizeof *table.lines)};

    if (!table.lines)
        return -ENOMEM;
    fill_lines(results, which_case, &table);
    measure_table(&table);
    write_table(out, &table, &results->cases[which_case]);
    free(table.lines);
    return 0;
}

void table_write_verdicts(FILE *out, const struct results *results)
{
    char heading[sizeof results->cases->id + 8], text[VERDICT_SIZE];

    (void)fprintf(
        out,
        "\nVerdict, by the server's processor time for an operation if nothing else is said:\n");
    for (size_t i = 0; i < results->case_count; i++) {
        (void)snprintf(heading, sizeof heading, "  %s: ", results->cases[i].id);
        verdict_write(results, i, text, sizeof text);
        wording_write(out, 6, heading, text);
        verdict_write_ratios(results, i, text, sizeof text);
        if (text[0] != '\0')
            wording_write(out, 6, "    ", text);
    }
}
