/* pool.c - callbacks on the workers of libiocp's pool. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include <iocp/pool.h>
#include <iocp/port.h>

#include "posts.h"

struct post_line {
    struct iocp_port *port;
    struct iocp_pool *pool;
};

static int start(const char *engine, size_t workers, struct post_line **line)
{
    struct post_line *made = calloc(1, sizeof *made);
    int error = -ENOMEM;

    if (!made)
        return error;
    error = iocp_port_create(engine, (unsigned)workers, &made->port);
    if (error < 0)
        goto free_line;
    error = iocp_pool_create(made->port, (unsigned)workers, &made->pool);
    if (error < 0)
        goto free_port;
    *line = made;
    return 0;

free_port:
    iocp_port_free(made->port);
free_line:
    free(made);
    return error;
}

static void on_arrival(struct iocp_op *op, void *context)
{
    struct posted *posted = context;

    (void)op;
    if (posted->arrived)
        posted->arrived(posted->context);
}

static int post(struct post_line *line, struct posted *posted)
{
    return iocp_port_post_callback(line->port, &posted->op, 0, on_arrival, posted);
}

static int stop(struct post_line *line)
{
    long dropped = iocp_pool_stop(line->pool, IOCP_DRAIN);

    iocp_pool_free(line->pool);
    iocp_port_free(line->port);
    free(line);
    return dropped == 0 ? 0 : -EBUSY;
}

const struct post_ops posts_pool = {start, post, stop};
