/* engine.c - the choice of an engine by name. */
/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/port.h>

const char *iocp_engine_name(size_t index)
{
    for (size_t i = 0; engine_table[i] != NULL; i++)
        if (i == index)
            return engine_table[i]->name;
    return NULL;
}

/* The first reason counts: the best engine's. */
static void explain(const struct engine *failed, int error, struct engine_note *note)
{
    if (note->text[0] != '\0')
        return;
    *note = failed->note;
    if (note->text[0] == '\0')
        (void)snprintf(note->text, sizeof note->text, "%s does not start: %s", failed->ops->name,
                       strerror(-error));
}

/* `note` tells of engines passed over; it joins the new one, or says why there is none. */
static int start(const struct engine_ops *ops, struct lane *lane, struct engine_note *note,
                 struct engine **engine)
{
    struct engine *made = calloc(1, ops->size);
    int error;

    if (made == NULL)
        return -ENOMEM;
    made->ops = ops;
    made->lane = lane;
    error = ops->start(made);
    if (error < 0) {
        explain(made, error, note);
        free(made);
        return error;
    }
    made->note = *note;
    *engine = made;
    return 0;
}

/* May another engine work where this one did not start? */
static bool is_passed_over(int error)
{
    return error == -ENOTSUP || error == -ENOMEM;
}

int engine_create(const char *name, struct lane *lane, struct engine **engine)
{
    bool any = name == NULL || strcmp(name, "auto") == 0;
    struct engine_note note = {0};
    int error = -EINVAL;

    for (size_t i = 0; engine_table[i] != NULL; i++) {
        if (!any && strcmp(name, engine_table[i]->name) != 0)
            continue;
        error = start(engine_table[i], lane, &note, engine);
        if (!any || !is_passed_over(error))
            return error;
    }
    return error;
}

const char *engine_passed_over(const struct engine *engine)
{
    return engine->note.text[0] != '\0' ? engine->note.text : NULL;
}

void engine_free(struct engine *engine)
{
    engine->ops->stop(engine);
    free(engine);
}
