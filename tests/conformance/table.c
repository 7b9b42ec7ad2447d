/* table.c - reads the table line by line; each says by its first characters what it is. */
/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many statements each group has, so that none can be left out unseen. */
static const struct {
    const char *id;
    size_t count;
} groups[GROUPS_MAX] = {
    {"EV", 14}, {"AR", 19}, {"RX", 21}, {"TX", 10}, {"AC", 14}, {"CN", 7}, {"PQ", 19},
    {"CL", 13}, {"CA", 7},  {"CX", 12}, {"SD", 9},  {"TO", 5},  {"ER", 7},
};

/* How many statements the groups before the next one have. */
static size_t statements_due(const struct table *table)
{
    size_t due = 0;

    for (size_t i = 0; i < table->group_count; i++)
        due += groups[i].count;
    return due;
}

/* Cut a line in two at the first `mark`; returns what comes after it, or NULL. */
static char *cut(char *line, const char *mark)
{
    char *at = strstr(line, mark);

    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + strlen(mark);
}

static bool add_group(struct table *table, char *line)
{
    const size_t index = table->group_count;
    char *text = cut(line, " ");

    if (index == GROUPS_MAX || table->statement_count != statements_due(table) ||
        strcmp(line, groups[index].id) != 0)
        return false;
    table->groups[index] = (struct statement){.id = line, .text = text};
    table->group_count++;
    return true;
}

static bool add_statement(struct table *table, char *line)
{
    char *text = cut(line, " ");
    char due[8];

    if (table->group_count == 0 || table->statement_count == statements_due(table))
        return false;
    const struct statement *group = &table->groups[table->group_count - 1];
    const size_t first = statements_due(table) - groups[table->group_count - 1].count;
    (void)snprintf(due, sizeof due, "%s-%02zu", group->id, table->statement_count - first + 1);
    if (strcmp(line, due) != 0)
        return false;
    table->statements[table->statement_count++] =
        (struct statement){.id = line, .text = text, .group = group};
    return true;
}

/* A line below a statement or a group: a reason, the simulation, or a test. */
static bool add_proof(struct statement *statement, char *line)
{
    char *reason = cut(line, "n/a: ");

    if (reason) {
        if (statement->reason_count == REASONS_MAX)
            return false;
        line[strcspn(line, " ")] = '\0';
        statement->reasons[statement->reason_count++] =
            (struct reason){.engine = *line ? line : NULL, .text = reason};
        return true;
    }
    if (statement->group == NULL)
        return false;
    if (strcmp(line, "simulation") == 0) {
        statement->simulated = true;
        return true;
    }
    if (strchr(line, '/') == NULL || strchr(line, ' ') || statement->test_count == TESTS_MAX)
        return false;
    statement->tests[statement->test_count++] = line;
    return true;
}

/* The statement or group that was begun last. */
static struct statement *latest(struct table *table)
{
    if (table->group_count > 0 &&
        table->statement_count + groups[table->group_count - 1].count > statements_due(table))
        return &table->statements[table->statement_count - 1];
    return table->group_count > 0 ? &table->groups[table->group_count - 1] : NULL;
}

static bool add_line(struct table *table, char *line)
{
    if (*line == '\0' || *line == '#')
        return true;
    if (*line == ' ') {
        struct statement *statement = latest(table);
        return statement && add_proof(statement, line + strspn(line, " "));
    }
    if (strcspn(line, " ") == 2)
        return add_group(table, line);
    return strchr(line, ' ') && add_statement(table, line);
}

/* The whole file, with an end; NULL: errno says why not. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;

    if (file == NULL)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    (void)fclose(file);
    return text;
}

bool table_read(struct table *table, const char *path)
{
    char *text = read_text(path);
    size_t number = 0;

    *table = (struct table){0};
    if (text == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    for (char *line = text, *next; line; line = next) {
        next = cut(line, "\n");
        number++;
        if (!add_line(table, line)) {
            (void)fprintf(stderr, "%s:%zu: not understood, or out of order: %s\n", path, number,
                          line);
            return false;
        }
    }
    if (table->statement_count == STATEMENTS_MAX)
        return true;
    (void)fprintf(stderr, "%s: %zu statements of %d\n", path, table->statement_count,
                  STATEMENTS_MAX);
    return false;
}

static const char *find_reason(const struct statement *of, const char *engine)
{
    for (size_t i = 0; i < of->reason_count; i++)
        if (of->reasons[i].engine == NULL || strcmp(of->reasons[i].engine, engine) == 0)
            return of->reasons[i].text;
    return NULL;
}

const char *statement_reason(const struct statement *statement, const char *engine)
{
    return find_reason(statement, engine);
}

const char *statement_group_reason(const struct statement *statement, const char *engine)
{
    return find_reason(statement->group, engine);
}
