/* report.h - the table of all verdicts, printed: lines, sums, reasons, failures. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_REPORT_H
#define CONFORMANCE_REPORT_H

#include <stdio.h>

#include "table.h"
#include "verdict.h"

#define COLUMNS_MAX 8

struct report {
    const struct table *table;
    const char *columns[COLUMNS_MAX]; /* names of engines, and of the simulation */
    size_t column_count;
    struct verdict verdicts[STATEMENTS_MAX][COLUMNS_MAX];
};

/* How many statements of a column have that mark. */
size_t report_sum(const struct report *report, size_t column, enum mark mark);

/* One line for each statement, and why some do not apply or have failed. */
void report_print_statements(const struct report *report, FILE *file);

/* One line for each mark: how many statements of each column have it. */
void report_print_sums(const struct report *report, FILE *file);

#endif
