/* engine.c - the table of engines, and the choice by name. */
/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/port.h>

/* Best first: the order in which "auto" tries them. */
static const struct engine_ops *const engines[] = {
    &engine_epoll,
    &engine_blocking,
};

enum { ENGINE_COUNT = sizeof engines / sizeof *engines };

const char *iocp_engine_name(size_t index)
{
    return index < ENGINE_COUNT ? engines[index]->name : NULL;
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

    for (size_t i = 0; i < ENGINE_COUNT; i++) {
        if (!any && strcmp(name, engines[i]->name) != 0)
            continue;
        error = start(engines[i], lane, engine);
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
