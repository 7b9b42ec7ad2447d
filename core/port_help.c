/* port_help.c - a thread that waits in an end, or for an event, carries operations out. */
/* SPDX-License-Identifier: MIT */
/*
 * Such a thread, an ender, waits for a bit in some word: who writes it need not know of ports.
 * So all enders of the process stand in one list, which is looked through only while there are
 * any. Its lock is taken last of all.
 */
#include "port_help.h"

#include "clock.h"
#include "futex.h"
#include "port.h"

struct ender {
    struct ender *next;
    struct iocp_port *port;
    const atomic_uint *word;
    unsigned bits;
    atomic_uint nudged;    /* where it sleeps; written under the list's lock */
    struct engine *engine; /* in which it sits, with the seat; or NULL */
    struct seat *seat;
};

static struct lock list_lock;
static struct ender *enders;
static atomic_uint ender_count;

static void wake(struct ender *ender) REQUIRES(list_lock);

static void wake(struct ender *ender)
{
    atomic_store(&ender->nudged, 1);
    if (ender->engine != NULL)
        ender->engine->ops->wake(ender->engine, ender->seat);
    else
        futex_wake(&ender->nudged, INT_MAX);
}

static bool is_written(const struct ender *ender)
{
    return atomic_load(ender->word) & ender->bits;
}

static void join(struct ender *ender)
{
    /* Sequentially consistent, as is the write to the word: either who writes sees this, or the
     * look at the word which follows sees it written. */
    atomic_fetch_add(&ender_count, 1);
    lock_acquire(&list_lock);
    ender->next = enders;
    enders = ender;
    lock_release(&list_lock);
}

static void leave(const struct ender *ender)
{
    struct ender **link = &enders;

    lock_acquire(&list_lock);
    while (*link != ender)
        link = &(*link)->next;
    *link = ender->next;
    lock_release(&list_lock);
    atomic_fetch_sub(&ender_count, 1);
}

/* It is about to sleep, or to wait in the engine: from now on it can be woken there. */
static bool settle_down(struct ender *ender, struct engine *engine, struct seat *seat)
{
    bool written;

    lock_acquire(&list_lock);
    written = is_written(ender);
    ender->engine = engine;
    ender->seat = seat;
    if (engine == NULL)
        atomic_store(&ender->nudged, 0);
    lock_release(&list_lock);
    return !written;
}

static void sit(struct iocp_port *port, struct ender *ender, struct waiter *waiter,
                int64_t deadline_ns) REQUIRES(port->lock);
static void sleep_a_while(struct iocp_port *port, struct ender *ender, int64_t deadline_ns)
    REQUIRES(port->lock);
static void wait_once(struct iocp_port *port, struct ender *ender, struct waiter *waiter,
                      int64_t deadline_ns) REQUIRES(port->lock);

static void sit(struct iocp_port *port, struct ender *ender, struct waiter *waiter,
                int64_t deadline_ns)
{
    if (settle_down(ender, waiter->lanes->engine, waiter->seat))
        lanes_wait(port, waiter, deadline_ns);
    (void)settle_down(ender, NULL, NULL);
    port_queue(port, &waiter->found);
    port_let_go(port); /* what is done there is for others to take */
}

static void sleep_a_while(struct iocp_port *port, struct ender *ender, int64_t deadline_ns)
{
    if (!settle_down(ender, NULL, NULL))
        return;
    port_unlock(port);
    (void)futex_sleep(&ender->nudged, 0, deadline_ns);
    lock_acquire(&port->lock);
}

/* It watches too, if no waiter does: the lane it needs may be that of a callback which blocks. */
static void wait_once(struct iocp_port *port, struct ender *ender, struct waiter *waiter,
                      int64_t deadline_ns)
{
    /* Who sits goes on sitting, though somebody was called: it must not sleep with a lane. */
    bool sits = (waiter->lanes != NULL || !port->called) && lanes_sit_down(port, waiter);
    int64_t limit_ns = watch_limit(port, waiter, deadline_ns);

    if (sits)
        sit(port, ender, waiter, limit_ns);
    else
        sleep_a_while(port, ender, limit_ns);
    watch_look(port, waiter);
}

bool port_help(const atomic_uint *word, unsigned bits, int64_t deadline_ns)
{
    struct runner *runner = runner_of_thread();
    struct iocp_port *port = runner->port;
    struct waiter waiter = {.runner = runner, .look_ns = DEADLINE_NONE};
    struct ender self = {.port = port, .word = word, .bits = bits};

    if (port == NULL)
        return false;
    lock_acquire(&port->lock);
    if (port->stopped) {
        port_unlock(port);
        return false;
    }
    port->users++;
    join(&self);
    while (!is_written(&self) && clock_now_ns() < deadline_ns)
        wait_once(port, &self, &waiter, deadline_ns);
    leave(&self);
    watch_leave(port, &waiter);
    lanes_rise(port, &waiter, false);
    if (port->closed)
        lanes_empty(port);
    port_let_go(port);
    port_drop_user(port);
    return true;
}

void help_wake_written(void)
{
    if (atomic_load(&ender_count) == 0)
        return;
    lock_acquire(&list_lock);
    for (struct ender *ender = enders; ender != NULL; ender = ender->next) {
        if (is_written(ender))
            wake(ender);
    }
    lock_release(&list_lock);
}

void help_wake_engine(const struct engine *engine)
{
    lock_acquire(&list_lock);
    for (struct ender *ender = enders; ender != NULL; ender = ender->next) {
        if (ender->engine == engine)
            wake(ender);
    }
    lock_release(&list_lock);
}

void help_call(const struct iocp_port *port)
{
    struct ender *found = NULL;

    if (atomic_load(&ender_count) == 0)
        return;
    lock_acquire(&list_lock);
    for (struct ender *ender = enders; ender != NULL; ender = ender->next) {
        if (ender->port == port && (found == NULL || found->engine != NULL))
            found = ender; /* best one that sleeps; else one that sits, to sit in more lanes */
    }
    if (found != NULL)
        wake(found);
    lock_release(&list_lock);
}
