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
 * Where callbacks have been found asleep lately the port is wary: whoever comes to wait looks
 * too, at most ten times a millisecond, and every look asks about every runner, however short it
 * has been in its callback. So the next one is found as soon as anybody comes by, and for that
 * nobody wakes; where callbacks do not sleep it costs nothing.
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
    WARY_LOOK_NS = 100000, /* between two looks of threads that come by, at the least */
    WARY_NS = 1000000000,  /* after a callback was found asleep */
    IDLE_LOOKS = 8,        /* before the watching ends */
    DOUBLINGS_MAX = 9,     /* of the pause between looks at runners that are all blocked */
    SUSPECTS_AT_ONCE = 32,
};

/* A runner that may be asleep. */
struct suspect {
    struct runner *runner;
    pid_t thread;
    unsigned takes;
    enum runner_state state;
    clockid_t cpu_clock;
    int64_t asleep_cpu_ns; /* processor time by which it has slept since it was last asked about */
    int64_t awake_cpu_ns;  /* by more than which it has not */
    int64_t cpu_ns;
    bool asleep;
};

static bool may_watch(const struct iocp_port *port, const struct waiter *waiter)
    REQUIRES(port->lock);
static void start_watching(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);
static void look(struct iocp_port *port, int64_t now_ns) REQUIRES(port->lock);
static bool look_is_due(const struct iocp_port *port, int64_t now_ns) REQUIRES(port->lock);
static int64_t next_look(struct iocp_port *port, struct waiter *waiter, int64_t now_ns)
    REQUIRES(port->lock);
static bool is_suspect(struct iocp_port *port, struct runner *runner, int64_t now_ns)
    REQUIRES(port->lock);
static void give_seat_up(struct iocp_port *port, struct runner *runner) REQUIRES(port->lock);
static unsigned collect(struct iocp_port *port, int64_t now_ns, struct suspect suspects[])
    REQUIRES(port->lock);
static void judge(struct iocp_port *port, const struct suspect *suspect, int64_t now_ns)
    REQUIRES(port->lock);
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

static bool has_seat(const struct runner *runner)
{
    return runner->lane != NULL && runner->lane->runner == runner;
}

static void give_seat_up(struct iocp_port *port, struct runner *runner)
{
    if (has_seat(runner))
        lane_free_seat(port, runner->lane);
}

static void check_progress(struct iocp_port *port, struct runner *runner, unsigned takes)
{
    if (has_seat(runner) && takes - runner->seen_takes < runner->seen_ready)
        port_gather(port, runner->lane);
    runner->seen_takes = takes;
    runner->seen_ready = has_seat(runner) ? lane_count_ready(runner->lane) : 0;
}

/* It has been in the same callback for long; or it is in one at all, and others have slept. */
static bool is_suspect(struct iocp_port *port, struct runner *runner, int64_t now_ns)
{
    unsigned takes = atomic_load_explicit(&runner->takes, memory_order_relaxed);
    bool is_due = now_ns - runner->seen_ns >= LOOK_NS / 2, is_long = false;

    if (is_due && takes != runner->seen_takes) {
        check_progress(port, runner, takes);
    } else if (is_due) {
        is_long = true;
        give_seat_up(port, runner);
    }
    if (is_due)
        runner->seen_ns = now_ns;
    if (runner->state == RUNNER_RUNS && port->wary_until_ns > 0)
        return true;
    return is_long && runner->state != RUNNER_BRACKETED;
}

/* Those of the runners not yet seen in this look who are to be asked about; not all at once. */
static unsigned collect(struct iocp_port *port, int64_t now_ns, struct suspect suspects[])
{
    struct runner *runner = port->runners;
    unsigned count = 0;

    for (; runner != NULL && count < SUSPECTS_AT_ONCE; runner = runner->next) {
        if (runner->seen_look == port->looks)
            continue;
        runner->seen_look = port->looks;
        if (!is_suspect(port, runner, now_ns))
            continue;
        suspects[count++] = (struct suspect){
            .runner = runner,
            .thread = runner->thread,
            .takes = atomic_load_explicit(&runner->takes, memory_order_relaxed),
            .state = runner->state,
            .cpu_clock = runner->cpu_clock,
            .asleep_cpu_ns = runner->state == RUNNER_BLOCKED ? runner->asked_cpu_ns : INT64_MIN,
            .awake_cpu_ns = runner->asked_cpu_ns + (now_ns - runner->asked_ns) / 2,
        };
    }
    return count;
}

/* Processor time tells most cheaply; asked for first, so that what it proves holds afterwards. */
static void ask(struct suspect *suspect)
{
    suspect->cpu_ns = blocked_cpu_time_ns(suspect->cpu_clock);
    if (suspect->cpu_ns > suspect->awake_cpu_ns)
        suspect->asleep = false;
    else if (suspect->cpu_ns == suspect->asleep_cpu_ns)
        suspect->asleep = true;
    else
        suspect->asleep = blocked_is_asleep(suspect->thread);
}

/* Meanwhile it may have gone on; then nothing is known of it. */
static void judge(struct iocp_port *port, const struct suspect *suspect, int64_t now_ns)
{
    struct runner *runner = port->runners;

    while (runner != NULL && runner != suspect->runner)
        runner = runner->next;
    if (runner == NULL || runner->thread != suspect->thread || runner->state != suspect->state ||
        atomic_load_explicit(&runner->takes, memory_order_relaxed) != suspect->takes)
        return;

    runner->asked_cpu_ns = suspect->cpu_ns;
    runner->asked_ns = now_ns;
    if (runner->state == RUNNER_RUNS && suspect->asleep) {
        give_seat_up(port, runner);
        runner_stop_counting(port, runner, RUNNER_BLOCKED);
        port->wary_until_ns = now_ns + WARY_NS;
    } else if (runner->state == RUNNER_BLOCKED && !suspect->asleep) {
        runner_count_again(port, runner);
    }
}

/* Of several who might look one is enough. */
static bool look_is_due(const struct iocp_port *port, int64_t now_ns)
{
    return now_ns - port->looked_ns >= (port->wary_until_ns > 0 ? WARY_LOOK_NS : LOOK_NS / 2);
}

static void look(struct iocp_port *port, int64_t now_ns)
{
    /* Filled by collect; gcc's analyzer does not follow that. */
    struct suspect suspects[SUSPECTS_AT_ONCE] = {0};
    unsigned count;

    port->looks++;
    port->looked_ns = now_ns;
    if (now_ns >= port->wary_until_ns)
        port->wary_until_ns = 0;
    while ((count = collect(port, now_ns, suspects)) > 0) {
        port_let_go(port); /* of what came out of their lanes */
        port_unlock(port);
        for (unsigned i = 0; i < count; i++)
            ask(&suspects[i]);
        lock_acquire(&port->lock);
        for (unsigned i = 0; i < count; i++)
            judge(port, &suspects[i], now_ns);
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
    if (look_is_due(port, now_ns))
        look(port, now_ns);
    waiter->look_ns = next_look(port, waiter, now_ns);
}

void watch_pass(struct iocp_port *port)
{
    int64_t now_ns;

    if (port->wary_until_ns == 0 || port->running == 0)
        return;
    now_ns = clock_now_ns();
    if (look_is_due(port, now_ns))
        look(port, now_ns);
}
