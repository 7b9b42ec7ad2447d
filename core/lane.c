/* lane.c - one engine instance, its ready completions, and who sits in its wait. */
/* SPDX-License-Identifier: MIT */
/*
 * As a rule a waiter sits in one lane. Where there are more free lanes than waiters (threads
 * compute, or have left) one waiter sits in several: it watches their engines' descriptors.
 */
#include "lane.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "clock.h"
#include "port.h"
#include "port_help.h"

int lane_create(struct iocp_port *port, const char *name, struct lane **lane)
{
    struct lane *made = calloc(1, sizeof *made);
    int error;

    if (made == NULL)
        return -ENOMEM;
    made->port = port;
    error = engine_create(name, made, &made->engine);
    if (error < 0) {
        free(made);
        return error;
    }
    timers_init(&made->timers);
    lock_init(&made->lock);
    *lane = made;
    return 0;
}

void lane_stop(struct lane *lane)
{
    engine_free(lane->engine);
    lane->engine = NULL;
}

void lane_free(struct lane *lane)
{
    timers_destroy(&lane->timers);
    lock_destroy(&lane->lock);
    free(lane);
}

bool lane_runs_here(const struct lane *lane)
{
    return runner_of_thread()->lane == lane;
}

static void wake_sitters(struct iocp_port *port, struct lane *lane) REQUIRES(port->lock);

void lane_deadline_nearer(struct lane *lane)
{
    struct iocp_port *port = lane->port;

    lock_acquire(&port->lock);
    if (lane->sitters > 0)
        wake_sitters(port, lane);
    port_unlock(port);
}

bool lane_keep(struct lane *lane, const struct runner *runner, struct op_list *published)
{
    bool kept;

    lock_acquire(&lane->lock);
    /* The close sets the flag before it empties the lanes: what comes later is not kept. */
    kept = lane->runner == runner && port_is_open(lane->port);
    for (struct iocp_op *op; kept && (op = op_list_take(published)) != NULL;) {
        op_queue(op);
        op_list_append(&lane->ready, op);
        lane->ready_count++;
    }
    lock_release(&lane->lock);
    return kept;
}

size_t lane_take(struct lane *lane, const struct runner *runner, struct op_list *taken,
                 size_t capacity)
{
    size_t count = 0;

    lock_acquire(&lane->lock);
    if (lane->runner == runner) {
        for (; lane->ready_count > 0 && count < capacity; count++) {
            op_list_append(taken, op_list_take(&lane->ready));
            lane->ready_count--;
        }
    }
    lock_release(&lane->lock);
    return count;
}

size_t lane_count_ready(struct lane *lane)
{
    size_t count;

    lock_acquire(&lane->lock);
    count = lane->ready_count;
    lock_release(&lane->lock);
    return count;
}

/* Sitting: from here on under the port's lock. */

static void occupy(struct lane *lane)
{
    lane->state = LANE_SAT_IN;
    lane->sitters++;
    /* Before the wait begins; sequentially consistent, as is the engine's look at it. */
    atomic_store(&lane->engine->attended, true);
}

static void sit_down(struct waiter *waiter, struct lane *lane)
{
    lane->next_held = waiter->lanes;
    waiter->lanes = lane;
    waiter->looked = false;
    occupy(lane);
}

static void vacate(struct lane *lane)
{
    if (--lane->sitters > 0)
        return;
    lane->state = LANE_FREE;
    atomic_store(&lane->engine->attended, false);
}

static void rise(struct waiter *waiter, struct lane *lane)
{
    if (waiter->seat != NULL)
        lane->engine->ops->rise(lane->engine, waiter->seat);
    vacate(lane);
}

static void set_runner(struct lane *lane, struct runner *runner)
{
    lock_acquire(&lane->lock);
    lane->runner = runner;
    lock_release(&lane->lock);
}

static bool take_shared_seat(struct lane *lane, struct waiter *waiter)
{
    if (waiter->seat == NULL)
        waiter->seat = lane->engine->ops->sit(lane->engine);
    if (waiter->seat == NULL)
        return false;
    if (waiter->lanes == NULL)
        occupy(lane);
    waiter->lanes = lane; /* linked to no other: several waiters hold it */
    return true;
}

bool lanes_sit_down(struct iocp_port *port, struct waiter *waiter)
{
    struct lane *own = waiter->runner->lane;

    if (port->lanes[0]->engine->ops->shared)
        return take_shared_seat(port->lanes[0], waiter);

    for (unsigned i = 0; i < port->lane_count; i++) {
        if (port->lanes[i]->state == LANE_FREE && port->lanes[i] != own)
            sit_down(waiter, port->lanes[i]);
    }
    /* Last, so that it stands first: that is the one which is kept. */
    if (own != NULL && (own->state == LANE_FREE || own->runner == waiter->runner)) {
        set_runner(own, NULL);
        sit_down(waiter, own);
    }
    return waiter->lanes != NULL;
}

void lanes_rise(struct iocp_port *port, struct waiter *waiter, bool keep)
{
    struct runner *runner = waiter->runner;
    struct lane *kept = keep && waiter->seat == NULL ? waiter->lanes : NULL;

    (void)port;
    for (struct lane *lane; (lane = waiter->lanes) != NULL;) {
        waiter->lanes = lane->next_held;
        rise(waiter, lane);
    }
    waiter->seat = NULL;
    runner->lane = kept;
    if (kept != NULL) {
        kept->state = LANE_RUNS;
        set_runner(kept, runner);
    }
}

void lane_free_seat(struct iocp_port *port, struct lane *lane)
{
    set_runner(lane, NULL); /* first: afterwards it keeps nothing there any more */
    port_gather(port, lane);
    lane->state = LANE_FREE;
}

void waiter_wake(struct waiter *waiter)
{
    struct lane *lane = waiter->lanes;

    if (lane != NULL)
        lane->engine->ops->wake(lane->engine, waiter->seat);
    else
        condition_signal(&waiter->runner->wake);
}

static void wake_those_in(struct waiter *waiters, const struct lane *lane)
{
    for (; waiters != NULL; waiters = waiters->older) {
        for (const struct lane *held = waiters->lanes; held != NULL; held = held->next_held) {
            if (held == lane)
                lane->engine->ops->wake(lane->engine, waiters->seat);
        }
    }
}

/* End the wait of all that sit in the lane. */
static void wake_sitters(struct iocp_port *port, struct lane *lane)
{
    if (lane->engine->ops->shared) {
        wake_those_in(port->newest, lane);
        help_wake_engine(lane->engine);
    } else {
        lane->engine->ops->wake(lane->engine, NULL);
    }
}

/* Complete what is past its deadline. */
static void expire(struct lane *lane, int64_t now_ns)
{
    struct iocp_socket *socket;

    while ((socket = timers_take(&lane->timers, now_ns)) != NULL) {
        socket_expire(socket, now_ns);
        socket_drop(socket);
    }
}

static void wait_in_one(struct lane *lane, struct seat *seat, int64_t deadline_ns,
                        struct op_list *done)
{
    int64_t timer_ns = timers_next(&lane->timers);
    int64_t limit_ns = timer_ns < deadline_ns ? timer_ns : deadline_ns;
    int64_t now_ns;

    lane->engine->ops->wait(lane->engine, seat, limit_ns, done);
    /* One that has come nearer meanwhile is seen by the next wait: it has ended this one. */
    if (timer_ns != DEADLINE_NONE && (now_ns = clock_now_ns()) >= timer_ns)
        expire(lane, now_ns);
}

/* Until the descriptor of one of the engines is readable, or a deadline has come. */
static void poll_all(struct lane *lanes, int64_t deadline_ns)
{
    struct pollfd fds[IOCP_CONCURRENCY_MAX];
    nfds_t count = 0;

    for (; lanes != NULL; lanes = lanes->next_held) {
        int64_t timer_ns = timers_next(&lanes->timers);

        deadline_ns = timer_ns < deadline_ns ? timer_ns : deadline_ns;
        fds[count++] =
            (struct pollfd){.fd = lanes->engine->ops->descriptor(lanes->engine), .events = POLLIN};
    }
    (void)poll(fds, count, deadline_left_ms(deadline_ns));
}

static void look_into_all(struct lane *lanes, struct op_list *done)
{
    for (; lanes != NULL; lanes = lanes->next_held)
        wait_in_one(lanes, NULL, 0, done);
}

/* A look takes a wake away, and only the caller, under the lock, sees what it was about. So it
 * gets the chance between a look that found nothing, after which nothing is left to be carried
 * out, and the poll. (What a look found may be an ender's, and the caller waits on.) */
static void wait_in_all(struct waiter *waiter, int64_t deadline_ns, struct op_list *done)
{
    if (waiter->looked)
        poll_all(waiter->lanes, deadline_ns);
    look_into_all(waiter->lanes, done);
    waiter->looked = done->first == NULL;
}

static void note_look(struct runner *runner)
{
    runner->turns = 0;
    runner->glanced_ns = clock_coarse_ns();
}

void lanes_wait(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
{
    struct lane *lanes = waiter->lanes;
    struct op_list done = {0};

    if (waiter->seat == NULL)
        spin_note_takes(&lanes->engine->spin, port->starts);
    port_unlock(port);
    if (lanes->next_held == NULL)
        wait_in_one(lanes, waiter->seat, deadline_ns, &done);
    else
        wait_in_all(waiter, deadline_ns, &done);
    note_look(waiter->runner);
    port_publish(&done, &waiter->found);
    lock_acquire(&port->lock);
}

void lanes_leave_found(struct iocp_port *port, struct waiter *waiter)
{
    struct runner *runner = waiter->runner;

    bool may_keep = runner->state == RUNNER_RUNS && runner->lane != NULL && port->queued == 0;

    if (waiter->found.first != NULL &&
        !(may_keep && lane_keep(runner->lane, runner, &waiter->found)))
        port_queue(port, &waiter->found);
}

void lanes_glance(struct iocp_port *port, struct runner *runner)
{
    struct waiter self = {.runner = runner};

    const unsigned slot = runner->state == RUNNER_RUNS ? 0 : 1;

    note_look(runner);
    if (!lanes_sit_down(port, &self))
        return;
    port->running += slot; /* it is not free for others: the thread takes what comes next */
    lanes_wait(port, &self, 0);
    port->running -= slot;
    lanes_rise(port, &self, true);
    lanes_leave_found(port, &self);
}

static void empty(struct iocp_port *port, struct lane *lane) REQUIRES(port->lock);

/* Until a look finds nothing, and nobody has come for the same meanwhile. */
static void empty(struct iocp_port *port, struct lane *lane)
{
    bool found = true;

    occupy(lane);
    while (found || lane->missed) {
        struct op_list done = {0}, published = {0};

        lane->missed = false;
        port_unlock(port);
        lane->engine->ops->wait(lane->engine, NULL, 0, &done);
        found = done.first != NULL;
        port_publish(&done, &published);
        lock_acquire(&port->lock);
        port_queue(port, &published);
    }
    vacate(lane);
}

void lanes_empty(struct iocp_port *port)
{
    if (port->stopped || port->lanes[0]->engine->ops->shared)
        return;
    for (unsigned i = 0; i < port->lane_count; i++) {
        struct lane *lane = port->lanes[i];

        if (lane->state == LANE_RUNS)
            lane_free_seat(port, lane);
        if (lane->state == LANE_FREE)
            empty(port, lane);
        else
            lane->missed = true;
    }
}
