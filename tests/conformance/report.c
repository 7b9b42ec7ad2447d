/* report.c - prints the table for people: one page wide, no colours. */
/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdbool.h>
#include <string.h>

#define TEXT_WIDTH  64
#define CELL_WIDTH  8
#define IDS_IN_LINE 12

static const char *const mark_names[MARKS] = {
    [PASS] = "pass",
    [ANY] = "any",
    [NOT_APPLICABLE] = "n/a",
    [FAIL] = "FAIL",
};

size_t report_sum(const struct report *report, size_t column, enum mark mark)
{
    size_t sum = 0;

    for (size_t i = 0; i < report->table->statement_count; i++)
        sum += report->verdicts[i][column].mark == mark;
    return sum;
}

static void print_columns(const struct report *report, FILE *file, const char *title)
{
    (void)fprintf(file, "\n%-*s", TEXT_WIDTH + 7, title);
    for (size_t column = 0; column < report->column_count; column++)
        (void)fprintf(file, " %*s", CELL_WIDTH, report->columns[column]);
    (void)fputc('\n', file);
}

static void print_lines(const struct report *report, FILE *file)
{
    const struct table *table = report->table;

    for (size_t i = 0; i < table->statement_count; i++) {
        const struct statement *statement = &table->statements[i];

        if (i == 0 || statement->group != statement[-1].group)
            print_columns(report, file, statement->group->text);
        (void)fprintf(file, "%s  %-*s", statement->id, TEXT_WIDTH, statement->text);
        for (size_t column = 0; column < report->column_count; column++)
            (void)fprintf(file, " %*s", CELL_WIDTH, mark_names[report->verdicts[i][column].mark]);
        (void)fputc('\n', file);
    }
}

static bool is_for_reason(const struct verdict *verdict, const char *why)
{
    return verdict->mark == NOT_APPLICABLE && strcmp(verdict->why, why) == 0;
}

/* Has the reason been printed with a statement or a column before this one? */
static bool is_old(const struct report *report, size_t statement, size_t column, const char *why)
{
    for (size_t i = 0; i <= statement; i++)
        for (size_t j = 0; j < (i < statement ? report->column_count : column); j++)
            if (is_for_reason(&report->verdicts[i][j], why))
                return true;
    return false;
}

/* The statements of one column which do not apply for that reason. */
static void print_ids(const struct report *report, FILE *file, size_t column, const char *why)
{
    size_t printed = 0;

    for (size_t i = 0; i < report->table->statement_count; i++) {
        if (!is_for_reason(&report->verdicts[i][column], why))
            continue;
        if (printed % IDS_IN_LINE == 0)
            (void)fprintf(file, "%s  %-*s", printed ? "\n" : "", CELL_WIDTH,
                          printed ? "" : report->columns[column]);
        (void)fprintf(file, " %s", report->table->statements[i].id);
        printed++;
    }
    if (printed > 0)
        (void)fputc('\n', file);
}

static void print_reasons(const struct report *report, FILE *file)
{
    (void)fputs("\nNot applicable\n", file);
    for (size_t i = 0; i < report->table->statement_count; i++)
        for (size_t j = 0; j < report->column_count; j++) {
            const char *why = report->verdicts[i][j].why;

            if (!is_for_reason(&report->verdicts[i][j], why) || is_old(report, i, j, why))
                continue;
            (void)fprintf(file, "%s\n", why);
            for (size_t column = 0; column < report->column_count; column++)
                print_ids(report, file, column, why);
        }
}

static void print_failures(const struct report *report, FILE *file)
{
    for (size_t i = 0; i < report->table->statement_count; i++)
        for (size_t j = 0; j < report->column_count; j++) {
            const struct verdict *verdict = &report->verdicts[i][j];

            if (verdict->mark == FAIL)
                (void)fprintf(file, "FAIL %s %s: %s %s\n", report->table->statements[i].id,
                              report->columns[j], verdict->test, verdict->why);
        }
}

void report_print_statements(const struct report *report, FILE *file)
{
    print_lines(report, file);
    print_reasons(report, file);
    print_failures(report, file);
}

void report_print_sums(const struct report *report, FILE *file)
{
    print_columns(report, file, "Statements");
    for (enum mark mark = 0; mark < MARKS; mark++) {
        (void)fprintf(file, "%-*s", TEXT_WIDTH + 7, mark_names[mark]);
        for (size_t column = 0; column < report->column_count; column++)
            (void)fprintf(file, " %*zu", CELL_WIDTH, report_sum(report, column, mark));
        (void)fputc('\n', file);
    }
}
