/* watch.c - find the callbacks that block, so that they give their slots and lanes up. */
/* SPDX-License-Identifier: MIT */
/*
 * Windows' kernel sees a thread of a port block; Linux does not tell. So while callbacks run, one
 * of the waiters, if possible one that sleeps anyway, looks at the runners twice a millisecond.
 * (Without any, a thread that waits in an end does.) Between two looks
 *
 *   a runner has taken less than   It is behind: what its lane holds goes to the queue, for
 *   what was ready                 waiters to take.
 *   a runner has taken nothing     It is long in one callback: others may sit in its lane. If
 *                                  the kernel says that it sleeps, it no longer counts as
 *                                  running, until it is seen awake again.
 *
 * When nobody has run for some looks the watching ends, and the next thread that starts to run
 * calls a waiter to it. So with nothing to do nobody wakes.
 */
#include "blocked.h"
#include "clock.h"
#include "port.h"
#include "port_help.h"

enum {
    LOOK_NS = 500000,
    IDLE_LOOKS = 8,    /* before the watching ends */
    DOUBLINGS_MAX = 9, /* of the pause between looks at runners that are all blocked */
    SUSPECTS_AT_ONCE = 32,
};

/* A runner that has been in the same callback since the last look. */
struct suspect {
    struct runner *runner;
    pid_t thread;
    unsigned takes;
    enum runner_state state;
    clockid_t cpu_clock;
    int64_t seen_cpu_ns;
    int64_t cpu_ns;
    bool asleep;
};

static bool may_watch(const struct iocp_port *port, const struct waiter *waiter)
    REQUIRES(port->lock);
static void start_watching(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);
static void look(struct iocp_port *port) REQUIRES(port->lock);
static int64_t next_look(struct iocp_port *port, struct waiter *waiter, int64_t now_ns)
    REQUIRES(port->lock);
static void suspect_runner(struct iocp_port *port, struct runner *runner, unsigned takes,
                           struct suspect *suspect) REQUIRES(port->lock);
static unsigned collect(struct iocp_port *port, struct suspect suspects[]) REQUIRES(port->lock);
static void judge(struct iocp_port *port, const struct suspect *suspect) REQUIRES(port->lock);
static void check_progress(struct iocp_port *port, struct runner *runner, unsigned takes)
    REQUIRES(port->lock);

/* A spare that sleeps does it for all; without one every sitting waiter does, as each may rise
 * at any time. Who comes when all are blocked looks too: whoever did before may have gone; and who
 * comes when all others wait: the next of them to run need not wake it. */
static bool may_watch(const struct iocp_port *port, const struct waiter *waiter)
{
    bool looks_not = waiter->look_ns == DEADLINE_NONE;
    bool wanted = port->running > 0 || (looks_not && port->blocked > 0) ||
                  (looks_not && port->waiting > 1 && waiter->idle_looks == 0);

    return wanted && !waiter->watches && port->spare_watchers == 0;
}

static void start_watching(struct iocp_port *port, struct waiter *waiter)
{
    waiter->watches = true;
    waiter->spare = waiter->lanes == NULL;
    waiter->look_ns = clock_now_ns() + LOOK_NS;
    waiter->idle_looks = 0;
    waiter->seen_starts = port->starts;
    port->watchers++;
    port->spare_watchers += waiter->spare;
}

void watch_leave(struct iocp_port *port, struct waiter *waiter)
{
    if (!waiter->watches)
        return;
    waiter->watches = false;
    port->watchers--;
    port->spare_watchers -= waiter->spare;
}

int64_t watch_limit(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
{
    if (may_watch(port, waiter))
        start_watching(port, waiter);
    return waiter->look_ns < deadline_ns ? waiter->look_ns : deadline_ns;
}

void watch_begin(struct iocp_port *port)
{
    struct waiter *watcher = port->newest;

    if (port->watchers > 0 || port->running == 0)
        return;
    if (watcher == NULL) {
        help_call(port);
        return;
    }
    for (struct waiter *waiter = watcher; waiter != NULL; waiter = waiter->older) {
        if (waiter->lanes == NULL || watcher->lanes != NULL)
            watcher = waiter; /* the oldest one that sleeps, or, if none does, the oldest */
    }
    start_watching(port, watcher);
    waiter_wake(watcher);
}

static void check_progress(struct iocp_port *port, struct runner *runner, unsigned takes)
{
    bool has_lane = runner->lane != NULL && runner->lane->runner == runner;

    if (has_lane && takes - runner->seen_takes < runner->seen_ready)
        port_gather(port, runner->lane);
    runner->seen_takes = takes;
    runner->seen_ready = has_lane ? lane_count_ready(runner->lane) : 0;
    runner->seen_cpu_ns = -1;
}

static void suspect_runner(struct iocp_port *port, struct runner *runner, unsigned takes,
                           struct suspect *suspect)
{
    if (runner->lane != NULL && runner->lane->runner == runner)
        lane_free_seat(port, runner->lane);
    *suspect = (struct suspect){
        .runner = runner,
        .thread = runner->thread,
        .takes = takes,
        .state = runner->state,
        .cpu_clock = runner->cpu_clock,
        .seen_cpu_ns = runner->seen_cpu_ns,
    };
}

/* Those of the runners not yet seen in this look who are to be asked about; not all at once. */
static unsigned collect(struct iocp_port *port, struct suspect suspects[])
{
    struct runner *runner = port->runners;
    unsigned count = 0;

    for (; runner != NULL && count < SUSPECTS_AT_ONCE; runner = runner->next) {
        unsigned takes = atomic_load_explicit(&runner->takes, memory_order_relaxed);

        if (runner->seen_look == port->looks)
            continue;
        runner->seen_look = port->looks;
        if (takes != runner->seen_takes)
            check_progress(port, runner, takes);
        else if (runner->state != RUNNER_BRACKETED)
            suspect_runner(port, runner, takes, &suspects[count++]);
    }
    return count;
}

/* Processor time tells most cheaply; asked for first, so that what it proves holds afterwards. */
static void ask(struct suspect *suspect)
{
    suspect->cpu_ns = blocked_cpu_time_ns(suspect->cpu_clock);
    if (suspect->seen_cpu_ns >= 0 && suspect->cpu_ns - suspect->seen_cpu_ns > LOOK_NS / 2)
        suspect->asleep = false;
    else if (suspect->state == RUNNER_BLOCKED && suspect->cpu_ns == suspect->seen_cpu_ns)
        suspect->asleep = true;
    else
        suspect->asleep = blocked_is_asleep(suspect->thread);
}

/* Meanwhile it may have gone on; then nothing is known of it. */
static void judge(struct iocp_port *port, const struct suspect *suspect)
{
    struct runner *runner = port->runners;

    while (runner != NULL && runner != suspect->runner)
        runner = runner->next;
    if (runner == NULL || runner->thread != suspect->thread || runner->state != suspect->state ||
        atomic_load_explicit(&runner->takes, memory_order_relaxed) != suspect->takes)
        return;

    runner->seen_cpu_ns = suspect->cpu_ns;
    if (runner->state == RUNNER_RUNS && suspect->asleep)
        runner_stop_counting(port, runner, RUNNER_BLOCKED);
    else if (runner->state == RUNNER_BLOCKED && !suspect->asleep)
        runner_count_again(port, runner);
}

static void look(struct iocp_port *port)
{
    struct suspect suspects[SUSPECTS_AT_ONCE];
    unsigned count;

    port->looks++;
    while ((count = collect(port, suspects)) > 0) {
        port_let_go(port); /* of what came out of their lanes */
        port_unlock(port);
        for (unsigned i = 0; i < count; i++)
            ask(&suspects[i]);
        lock_acquire(&port->lock);
        for (unsigned i = 0; i < count; i++)
            judge(port, &suspects[i]);
    }
    port_let_go(port);
}

/* When to look again: ever more seldom, if all that is left are blocked runners; never, if there
 * are none. */
static int64_t next_look(struct iocp_port *port, struct waiter *waiter, int64_t now_ns)
{
    unsigned doublings;

    if (port->running > 0 || port->starts != waiter->seen_starts)
        waiter->idle_looks = 0;
    waiter->seen_starts = port->starts;
    if (waiter->idle_looks++ < IDLE_LOOKS)
        return now_ns + LOOK_NS;

    watch_leave(port, waiter);
    if (port->blocked == 0)
        return DEADLINE_NONE;
    doublings = waiter->idle_looks - IDLE_LOOKS;
    return now_ns + ((int64_t)LOOK_NS << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX));
}

void watch_look(struct iocp_port *port, struct waiter *waiter)
{
    int64_t now_ns;

    if (waiter->look_ns == DEADLINE_NONE || waiter->woken ||
        (now_ns = clock_now_ns()) < waiter->look_ns)
        return;
    /* Of several watchers one is enough. */
    if (now_ns - port->looked_ns >= LOOK_NS / 2) {
        port->looked_ns = now_ns;
        look(port);
    }
    waiter->look_ns = next_look(port, waiter, now_ns);
}
