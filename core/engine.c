/* engine.c - the choice of an engine by name. */
/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
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

static int start(const struct engine_ops *ops, struct lane *lane, struct engine **engine)
{
    struct engine *made = calloc(1, ops->size);
    int error;

    if (made == NULL)
        return -ENOMEM;
    made->ops = ops;
    made->lane = lane;
    error = ops->start(made);
    if (error < 0)
        free(made);
    else
        *engine = made;
    return error;
}

int engine_create(const char *name, struct lane *lane, struct engine **engine)
{
    bool any = name == NULL || strcmp(name, "auto") == 0;
    int error = -EINVAL;

    for (size_t i = 0; engine_table[i] != NULL; i++) {
        if (!any && strcmp(name, engine_table[i]->name) != 0)
            continue;
        error = start(engine_table[i], lane, engine);
        if (!any || error != -ENOTSUP)
            return error;
    }
    return error;
}

void engine_free(struct engine *engine)
{
    engine->ops->stop(engine);
    free(engine);
}
