/* runner.c - which thread runs on which port, and what it gives up when it blocks. */
/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <pthread.h>
#include <unistd.h>

#include "port.h"

static _Thread_local struct runner self;

/* Has the thread's end as its only purpose. */
static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;

static void leave_lane(struct iocp_port *port, struct runner *runner) REQUIRES(port->lock);
static void list(struct iocp_port *port, struct runner *runner) REQUIRES(port->lock);

struct runner *runner_of_thread(void)
{
    return &self;
}

static void list(struct iocp_port *port, struct runner *runner)
{
    runner->next = port->runners;
    runner->link = &port->runners;
    if (runner->next != NULL)
        runner->next->link = &runner->next;
    port->runners = runner;
}

/* Under the lock of its port, as list. */
static void unlist(struct runner *runner)
{
    *runner->link = runner->next;
    if (runner->next != NULL)
        runner->next->link = runner->link;
}

static void leave_lane(struct iocp_port *port, struct runner *runner)
{
    struct lane *lane = runner->lane;

    if (lane != NULL && lane->runner == runner)
        lane_free_seat(port, lane);
    runner->lane = NULL;
}

void runner_stop_counting(struct iocp_port *port, struct runner *runner, enum runner_state state)
{
    if (runner->state == RUNNER_RUNS)
        port->running--;
    if (runner->state == RUNNER_BLOCKED)
        port->blocked--;
    if (state == RUNNER_BLOCKED)
        port->blocked++;
    runner->state = state;
}

void runner_count_again(struct iocp_port *port, struct runner *runner)
{
    if (runner->state == RUNNER_BLOCKED)
        port->blocked--;
    runner->state = RUNNER_RUNS;
    port->running++;
}

/* It no longer belongs to its port. Also the end of a thread: its slot is free again. */
static void leave_port(struct runner *runner)
{
    struct iocp_port *port = runner->port;

    lock_acquire(&port->lock);
    leave_lane(port, runner);
    runner_stop_counting(port, runner, RUNNER_AWAY);
    unlist(runner);
    runner->port = NULL;
    if (!port->stopped)
        port_let_go(port);
    port_drop_hold(port);
}

static void end_thread(void *argument)
{
    struct runner *runner = argument;

    leave_port(runner);
    runner->thread = 0;
}

static void create_key(void)
{
    lock_check(pthread_key_create(&end_key, end_thread), "pthread_key_create");
}

/* Once in each thread. */
static void enroll(struct runner *runner)
{
    if (runner->thread != 0)
        return;
    lock_check(pthread_once(&end_once, create_key), "pthread_once");
    lock_check(pthread_getcpuclockid(pthread_self(), &runner->cpu_clock), "pthread_getcpuclockid");
    lock_check(pthread_setspecific(end_key, runner), "pthread_setspecific");
    runner->thread = gettid();
}

struct runner *port_arrive(struct iocp_port *port)
{
    struct runner *runner = &self;

    assert(port != NULL);
    assert(runner->brackets == 0);
    enroll(runner);
    if (runner->port != NULL && runner->port != port)
        leave_port(runner);
    lock_acquire(&port->lock);
    port->users++;
    if (runner->port == port) {
        runner_stop_counting(port, runner, RUNNER_AWAY);
        unlist(runner);
        if (runner->lane != NULL && runner->lane->runner != runner)
            runner->lane = NULL;
        if (runner->lane != NULL)
            port_gather(port, runner->lane);
    } else {
        runner->port = port;
        port->holds++;
        port_grow(port);
    }
    return runner;
}

void port_start(struct iocp_port *port, struct runner *runner, bool counted, bool taken)
{
    runner->state = RUNNER_RUNS;
    list(port, runner);
    if (!counted)
        port->running++;
    if (taken)
        port->starts++;
    else
        leave_lane(port, runner);
}

void iocp_blocking_begin(void)
{
    struct iocp_port *port = self.port;

    if (self.brackets++ > 0 || port == NULL)
        return;
    lock_acquire(&port->lock);
    leave_lane(port, &self);
    if (self.state != RUNNER_AWAY) /* as it is while it tells of a starvation */
        runner_stop_counting(port, &self, RUNNER_BRACKETED);
    if (!port->stopped)
        port_let_go(port);
    port_unlock(port);
}

void iocp_blocking_end(void)
{
    struct iocp_port *port = self.port;

    assert(self.brackets > 0);
    if (--self.brackets > 0 || port == NULL)
        return;
    lock_acquire(&port->lock);
    if (self.state == RUNNER_BRACKETED) {
        runner_count_again(port, &self);
        watch_begin(port);
    }
    port_unlock(port);
}
