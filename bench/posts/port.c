/* port.c - threads that take packets from libiocp's port themselves. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <errno.h>

#include <iocp/event.h>
#include <iocp/port.h>

#include "crew.h"
#include "posts.h"

struct post_line {
    struct iocp_port *port;
    struct crew crew;
};

/* Until a packet without a pointer. */
static void *take_all(void *self)
{
    struct post_line *line = self;
    struct iocp_completion completion;

    while (iocp_port_wait(line->port, &completion, IOCP_INFINITE) == 0) {
        struct posted *posted = (struct posted *)(void *)completion.op; /* as it was posted */

        if (!posted)
            break;
        if (posted->arrived)
            posted->arrived(posted->context);
    }
    return NULL;
}

static int stop(struct post_line *line)
{
    int error = 0;

    for (size_t i = 0; i < line->crew.count && error == 0; i++)
        error = iocp_port_post(line->port, 0, 0, NULL);
    if (error < 0)
        iocp_port_close(line->port); /* that ends them too */
    crew_join(&line->crew);
    iocp_port_free(line->port);
    free(line);
    return error;
}

static int start(const char *engine, size_t workers, struct post_line **line)
{
    struct post_line *made = calloc(1, sizeof *made);
    int error = -ENOMEM;

    if (!made)
        return error;
    error = iocp_port_create(engine, (unsigned)workers, &made->port);
    if (error < 0) {
        free(made);
        return error;
    }
    error = crew_start(&made->crew, workers, take_all, made);
    if (error < 0)
        (void)stop(made);
    else
        *line = made;
    return error;
}

static int post(struct post_line *line, struct posted *posted)
{
    return iocp_port_post(line->port, 0, 0, posted);
}

const struct post_ops posts_port = {start, post, stop};
