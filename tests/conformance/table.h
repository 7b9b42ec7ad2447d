/* table.h - the table of statements, tests/statements.txt: what is stated, and what proves it. */
/* SPDX-License-Identifier: MIT */
/* Ownership  Everything points into the text of the file, which lives as long as the program. */
#ifndef CONFORMANCE_TABLE_H
#define CONFORMANCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define GROUPS_MAX     13
#define STATEMENTS_MAX 157
#define REASONS_MAX    4
#define TESTS_MAX      16

/* Why a statement does not apply. */
struct reason {
    const char *engine; /* NULL: to no engine at all */
    const char *text;
};

/* A statement, or the head of a group: reasons alone. */
struct statement {
    const char *id;
    const char *text;
    const struct statement *group; /* NULL: this is one */
    struct reason reasons[REASONS_MAX];
    size_t reason_count;
    const char *tests[TESTS_MAX]; /* as "suite/test" */
    size_t test_count;
    bool simulated; /* the simulation checks it */
};

struct table {
    struct statement groups[GROUPS_MAX];
    size_t group_count;
    struct statement statements[STATEMENTS_MAX];
    size_t statement_count;
};

/* Read the table; false, and a line on stderr, if it cannot be read or understood, or if not
 * every statement stands in it once and in order. */
bool table_read(struct table *table, const char *path);

/* Why the statement does not apply to the engine, by its own word or its group's; or NULL. */
const char *statement_reason(const struct statement *statement, const char *engine);
const char *statement_group_reason(const struct statement *statement, const char *engine);

#endif
