/* stage.c - a port with workers, and callbacks that keep them busy in one way or another. */
/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <sched.h>

#include "port.h"
#include "taker.h"

struct contract stage;

void stage_open(size_t engine, unsigned concurrency, unsigned workers)
{
    stage.port = contract_create_port(iocp_engine_name(engine), concurrency);
    stage.pool = NULL;
    if (workers == 0)
        return;
    cr_assert(zero(int, iocp_pool_create(stage.port, workers, &stage.pool)));
    cr_assert(port_has_waiters(stage.port, workers));
}

void stage_close(void)
{
    contract_close(&stage);
}

void stage_post(struct iocp_op *op, iocp_callback *callback, void *self)
{
    cr_assert(zero(int, iocp_port_post_callback(stage.port, op, 0, callback, self)));
}

struct threads_wanted {
    unsigned waiting;
    unsigned running;
};

static bool threads_are(void *argument)
{
    const struct threads_wanted *wanted = argument;
    struct iocp_port_statistics now = port_statistics(stage.port);

    return now.waiting == wanted->waiting && now.running == wanted->running;
}

bool stage_comes_to(unsigned waiting, unsigned running)
{
    return wait_until(threads_are, &(struct threads_wanted){waiting, running});
}

static bool is_raised(void *flag)
{
    return atomic_load((atomic_bool *)flag);
}

bool stage_sees(atomic_bool *flag)
{
    return wait_until(is_raised, flag);
}

bool stage_engine_is_shared(void)
{
    return stage.port->lanes[0]->engine->ops->shared;
}

void spin(struct iocp_op *op, void *self)
{
    struct spinner *spinner = self;

    (void)op;
    atomic_store(&spinner->started, true);
    while (!atomic_load(&spinner->let_go)) {
        if (spinner->yields)
            sched_yield();
    }
    atomic_store(&spinner->done, true);
}

void catch_byte(struct iocp_op *op, void *self)
{
    struct catcher *catcher = self;

    catcher->result = iocp_end_receive(catcher->socket, op);
    atomic_fetch_add(&catcher->runs, 1);
    atomic_store(&catcher->done, true);
}

void catcher_begin(struct catcher *catcher, const struct connection *connection, int timeout_ms)
{
    catcher->socket = connection->socket;
    iocp_op_set_timeout(&catcher->op, timeout_ms);
    cr_assert(zero(int, iocp_begin_receive(catcher->socket, &catcher->op, &catcher->byte, 1,
                                           catch_byte, catcher)));
}

void catcher_feed(struct catcher *catcher, const struct connection *connection)
{
    cr_assert(zero(int, loopback_write_all(connection->peer, "x", 1)));
    cr_assert(stage_sees(&catcher->done));
    cr_expect(eq(long, catcher->result, 1));
}
