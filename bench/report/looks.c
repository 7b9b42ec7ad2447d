/* looks.c - see looks.h. */
/* SPDX-License-Identifier: MIT */
#include "looks.h"

#include <stdio.h>
#include <string.h>

/* As many as style.css has colours for. */
#define COLOURS_OURS 3
#define COLOURS_PEER 8

static bool known(const struct looks *looks, const char *name)
{
    for (size_t i = 0; i < looks->count; i++)
        if (strcmp(looks->all[i].name, name) == 0)
            return true;
    return false;
}

static void read_those(const struct results *results, bool ours, struct looks *looks)
{
    unsigned rank = 0;

    for (size_t i = 0; i < results->row_count && looks->count < LOOKS_MAX; i++) {
        const struct result_row *row = &results->rows[i];

        if (row->ours == ours && !known(looks, row->subject))
            looks->all[looks->count++] =
                (struct look){.name = row->subject, .ours = ours, .rank = rank++};
    }
}

void looks_read(const struct results *results, struct looks *looks)
{
    looks->count = 0;
    read_those(results, true, looks);
    read_those(results, false, looks);
}

const char *look_class(const struct look *subject, char text[24])
{
    if (subject->ours)
        (void)snprintf(text, 24, "series ours o%u", subject->rank % COLOURS_OURS);
    else
        (void)snprintf(text, 24, "series peer p%u", subject->rank % COLOURS_PEER);
    return text;
}

const struct result_row *look_row(const struct results *results, size_t which_case,
                                  const struct look *subject)
{
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].which_case == which_case &&
            strcmp(results->rows[i].subject, subject->name) == 0)
            return &results->rows[i];
    return NULL;
}
