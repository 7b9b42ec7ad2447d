/* outcomes.c - reads "ok - suite::test" and "not ok - suite::test" from a TAP file. */
/* SPDX-License-Identifier: MIT */
/*
 * What a test says is indented in the file: only the runner's own words begin a line. It names
 * all tests of the program; those that it was not to run are "skipped" with words of its own.
 */
#include "outcomes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts_with(const char *line, const char *opening)
{
    return strncmp(line, opening, strlen(opening)) == 0;
}

/* "suite::test  # SKIP why" or "suite::test (0.01s)", cut into its parts; it is kept. */
static struct outcome parse_outcome(char *words, enum result result)
{
    static const char skip[] = "# SKIP";
    struct outcome outcome = {.test = words, .result = result, .remark = ""};
    char *colons = strstr(words, "::");
    const char *remark = strstr(words, skip);

    if (remark) {
        outcome.result = SKIPPED;
        outcome.remark = remark + strlen(skip) + strspn(remark + strlen(skip), " ");
    }
    words[strcspn(words, " ")] = '\0';
    if (colons) {
        *colons = '/';
        memmove(colons + 1, colons + 2, strlen(colons + 2) + 1);
    }
    return outcome;
}

static void add(struct outcomes *outcomes, const char *words, enum result result)
{
    struct outcome *all = realloc(outcomes->all, (outcomes->count + 1) * sizeof *all);
    char *kept = strdup(words);

    if (all == NULL || kept == NULL)
        abort();
    all[outcomes->count++] = parse_outcome(kept, result);
    outcomes->all = all;
}

void outcomes_read(struct outcomes *outcomes, const char *path)
{
    static const char good[] = "ok - ", bad[] = "not ok - ", plan[] = "1..";
    static const char left_out[] = "# SKIP test was skipped";
    FILE *file = fopen(path, "re");
    size_t planned = 0, seen = 0, size = 0;
    char *line = NULL;

    *outcomes = (struct outcomes){0};
    while (file && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (starts_with(line, plan))
            planned = strtoul(line + strlen(plan), NULL, 10);
        seen += starts_with(line, good) || starts_with(line, bad);
        if (starts_with(line, bad))
            add(outcomes, line + strlen(bad), FAILED);
        else if (starts_with(line, good) && strstr(line, left_out) == NULL)
            add(outcomes, line + strlen(good), PASSED);
    }
    outcomes->whole = planned > 0 && planned == seen && outcomes->count > 0;
    free(line);
    if (file)
        (void)fclose(file);
}

bool outcomes_find(const struct outcomes *outcomes, const char *test, struct outcome *found)
{
    const struct outcome *worst = NULL;

    for (size_t i = 0; i < outcomes->count; i++) {
        const struct outcome *outcome = &outcomes->all[i];

        if (strcmp(outcome->test, test) == 0 && (!worst || outcome->result > worst->result))
            worst = outcome;
    }
    if (worst)
        *found = *worst;
    return worst != NULL;
}

size_t outcomes_sum(const struct outcomes *outcomes, enum result result)
{
    size_t sum = 0;

    for (size_t i = 0; i < outcomes->count; i++)
        sum += outcomes->all[i].result == result;
    return sum;
}

void outcomes_free(struct outcomes *outcomes)
{
    for (size_t i = 0; i < outcomes->count; i++)
        free(outcomes->all[i].test);
    free(outcomes->all);
}
