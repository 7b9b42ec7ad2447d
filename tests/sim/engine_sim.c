/* engine_sim.c - an engine without habits: what an engine may do, it does, as the seed has it. */
/* SPDX-License-Identifier: MIT */
/*
 * It tries an operation when it is begun, or leaves it to the wait; looks at the sockets in any
 * order, and comes back from the wait with one operation done, or many, or none at all. So what
 * works with it does not lean on the habits of one of the others.
 *
 * Sockets with operations stand in a list, each held once. The wait looks at all of them
 * whenever the network has changed.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chance.h"
#include "engine.h"
#include "engine_sim.h"
#include "lock.h"
#include "net.h"
#include "schedule.h"
#include "socket.h"

enum { SOCKETS_MAX = 64 };

struct sim_engine {
    struct engine engine;
    int descriptor;
    struct lock lock;
    struct iocp_socket *sockets[SOCKETS_MAX]; /* guarded by lock, as all below */
    unsigned count;
    bool called;        /* by wake */
    unsigned lazy_odds; /* constant; one begin in so many is left to the wait */
    unsigned idle_odds; /* constant; one wait in so many comes back with nothing */
    unsigned part_odds; /* constant; one look at the sockets in so many ends early */
};

static struct sim_engine *self_of(struct engine *engine)
{
    return (struct sim_engine *)engine;
}

static bool can_go_on(const struct channel *channel)
{
    unsigned wanted = (channel->outward ? POLLOUT : POLLIN) | POLLERR | POLLHUP;
    const struct iocp_socket *socket = channel->socket;

    return channel->waiting.first != NULL && socket->fd >= 0 &&
           (net_readiness(net_file(socket->fd)) & wanted);
}

/* Would the wait come back at once? Asked by the scheduler, while no thread runs. */
static bool is_readable(const void *subject)
{
    const struct sim_engine *self = subject;

    for (unsigned i = 0; i < self->count; i++)
        if (can_go_on(&self->sockets[i]->in) || can_go_on(&self->sockets[i]->out))
            return true;
    return self->called;
}

static int sim_start(struct engine *engine)
{
    static const unsigned odds[] = {0, 1, 2, 8};
    struct sim_engine *self = self_of(engine);

    self->descriptor = net_open_view(is_readable, self);
    if (self->descriptor < 0)
        return self->descriptor;
    self->lazy_odds = odds[chance_below(4)];
    self->idle_odds = 4 * odds[chance_below(4)];
    self->part_odds = odds[chance_below(4)];
    lock_init(&self->lock);
    return 0;
}

static void sim_stop(struct engine *engine)
{
    struct sim_engine *self = self_of(engine);

    if (self->count > 0)
        schedule_fail("an engine is stopped with %u sockets in it", self->count);
    lock_destroy(&self->lock);
    close(self->descriptor);
}

static int enlist(struct sim_engine *self, struct iocp_socket *socket)
{
    if (socket->registered)
        return 0;
    lock_acquire(&self->lock);
    if (self->count == SOCKETS_MAX)
        schedule_fail("more than %d sockets", SOCKETS_MAX);
    self->sockets[self->count++] = socket;
    socket_hold(socket);
    socket->registered = true;
    lock_release(&self->lock);
    return 0;
}

static int sim_submit(struct engine *engine, struct channel *channel, struct op_list *done)
{
    struct sim_engine *self = self_of(engine);

    if (!chance_one_in(self->lazy_odds) && channel_run(channel, done) == CHANNEL_EMPTY)
        return 0;
    return enlist(self, channel->socket);
}

static void sim_withdraw(struct engine *engine, struct channel *channel)
{
    (void)engine;
    (void)channel;
    schedule_point("withdraw");
}

static void sim_detach(struct engine *engine, struct iocp_socket *socket)
{
    struct sim_engine *self = self_of(engine);

    if (!socket->registered)
        return;
    lock_acquire(&self->lock);
    for (unsigned i = 0; i < self->count; i++)
        if (self->sockets[i] == socket)
            self->sockets[i] = self->sockets[--self->count];
    lock_release(&self->lock);
    socket->registered = false;
    socket_drop(socket); /* not the last hold: who closes has one */
}

static int sim_descriptor(struct engine *engine)
{
    return self_of(engine)->descriptor;
}

static void run(struct channel *channel, struct op_list *done)
{
    if (!can_go_on(channel))
        return;
    channel->ready = true;
    (void)channel_run(channel, done);
}

static void serve(struct iocp_socket *socket, struct op_list *done)
{
    bool out_first = chance_one_in(2);

    lock_acquire(&socket->lock);
    if (socket->fd >= 0) {
        run(out_first ? &socket->out : &socket->in, done);
        run(out_first ? &socket->in : &socket->out, done);
    }
    lock_release(&socket->lock);
}

static unsigned copy_sockets(struct sim_engine *self, struct iocp_socket *copy[])
{
    unsigned count;

    lock_acquire(&self->lock);
    count = self->count;
    for (unsigned i = 0; i < count; i++) {
        copy[i] = self->sockets[i];
        socket_hold(copy[i]);
    }
    lock_release(&self->lock);
    return count;
}

static void look_at_all(struct sim_engine *self, struct op_list *done)
{
    struct iocp_socket *copy[SOCKETS_MAX];
    unsigned count = copy_sockets(self, copy);
    bool over = false;

    while (count > 0) {
        unsigned drawn = chance_below(count);
        struct iocp_socket *socket = copy[drawn];

        copy[drawn] = copy[--count];
        if (!over)
            serve(socket, done);
        over = over || (done->first != NULL && chance_one_in(self->part_odds));
        socket_drop(socket);
    }
}

static bool take_call(struct sim_engine *self)
{
    bool called;

    lock_acquire(&self->lock);
    called = self->called;
    self->called = false;
    lock_release(&self->lock);
    return called;
}

static void sim_wait(struct engine *engine, struct seat *seat, int64_t deadline_ns,
                     struct op_list *done)
{
    struct sim_engine *self = self_of(engine);

    (void)seat;
    if (chance_one_in(self->idle_odds))
        return;
    if (!schedule_until("the simulated engine", is_readable, self, deadline_ns))
        return;
    (void)take_call(self);
    look_at_all(self, done);
}

static void sim_wake(struct engine *engine, struct seat *seat)
{
    struct sim_engine *self = self_of(engine);

    (void)seat;
    lock_acquire(&self->lock);
    self->called = true;
    lock_release(&self->lock);
}

const struct engine_ops engine_sim = {
    .name = "sim",
    .size = sizeof(struct sim_engine),
    .start = sim_start,
    .stop = sim_stop,
    .submit = sim_submit,
    .withdraw = sim_withdraw,
    .detach = sim_detach,
    .descriptor = sim_descriptor,
    .wait = sim_wait,
    .wake = sim_wake,
};
