/* port.h - what a port is inside core. */
/* SPDX-License-Identifier: MIT */
/*
 * Files      port.c          the queue, and the threads that wait at it
 *            port_calls.c    post to it, take from it
 *            lane.c          who sits in which engine, and what stays with it
 *            runner.c        which thread runs on which port
 *            watch.c         find the callbacks that block
 *            starved.c       tell when all of them take long
 *            port_help.c     threads that wait elsewhere carry operations out
 *            port_life.c     create, close, free
 *            port_sockets.c  the open sockets of a port
 * Locking    The port's lock guards its queue, its threads and the list of its open sockets. It
 *            may be taken while a socket's lock is held; never the other way round. A lane's
 *            lock may be taken while the port's is held.
 * Ownership  Users (the caller's handle, open sockets, threads inside a wait) keep the engines
 *            working; when the last one goes they are stopped. They together are one hold on
 *            the memory, each thread that belongs to the port is another.
 */
#ifndef CORE_PORT_H
#define CORE_PORT_H

#include <sys/types.h>

#include <iocp/port.h>

#include "clock.h"
#include "lane.h"
#include "lock.h"
#include "socket.h"

enum runner_state {
    RUNNER_AWAY,      /* inside a wait, or never in one: to RUNS when the wait returns */
    RUNNER_RUNS,      /* counts as running: to AWAY by the next wait, else to one of these two */
    RUNNER_BRACKETED, /* between iocp_blocking_begin and _end: back to RUNS */
    RUNNER_BLOCKED,   /* found asleep by a look: to RUNS when found awake, or AWAY by a wait */
};

/* A thread that takes completions; its storage is the thread's own. Guarded by the port's lock,
 * but for what the thread alone uses, and `takes`. */
struct runner {
    struct iocp_port *port; /* which it belongs to, since its last wait; its own */
    struct lane *lane;      /* that it runs for, if the lane says so too; its own */
    enum runner_state state;
    unsigned brackets;   /* that it is inside; its own */
    unsigned turns;      /* takes since it last looked into an engine; its own */
    int64_t glanced_ns;  /* when that was, by the coarse clock; its own */
    atomic_uint takes;   /* so far; written by it alone, relaxed: looks compare two readings */
    struct runner *next; /* of those not AWAY */
    struct runner **link;
    struct condition wake; /* where it sleeps as a waiter */
    pid_t thread;
    clockid_t cpu_clock;
    unsigned seen_look;  /* the last one that saw it */
    int64_t seen_ns;     /* when its progress was last looked at */
    unsigned seen_takes; /* then, as the next */
    size_t seen_ready;
    int64_t asked_ns;     /* when its processor time was last asked for */
    int64_t asked_cpu_ns; /* what it was */
};

/* A thread inside a wait, on its own stack. Guarded by the port's lock. */
struct waiter {
    struct waiter *older;
    struct runner *runner;
    struct lane *lanes;     /* in which it sits; NULL: it sleeps on its runner's `wake` */
    struct seat *seat;      /* in a shared engine */
    struct op_list found;   /* what came of it: published, not queued */
    struct iocp_op *handed; /* a completion for it */
    int64_t look_ns;        /* when it looks at the runners; DEADLINE_NONE: never */
    unsigned idle_looks;    /* in a row that saw nobody run */
    unsigned seen_starts;
    bool watches; /* twice a millisecond */
    bool spare;   /* it did not sit when it began to watch */
    bool looked;  /* into all the lanes in which it sits, and found nothing; its own */
    bool woken;   /* out of the list; has to look around */
    bool called;  /* woken to sit down; still in the list */
};

enum { PORT_CACHE_LINE = 64 };

struct iocp_port {
    /* These two have a line of the cache of their own: they are read all the time, and seldom
     * change. */
    _Alignas(PORT_CACHE_LINE) atomic_bool closed; /* written under the lock; the begins read it */
    atomic_bool calm; /* nothing to see to: written by port_unlock, read by takes from a lane */
    _Alignas(PORT_CACHE_LINE) struct lock lock;
    struct op_list queue; /* completions nobody has taken; guarded by lock, as all below */
    size_t queued;
    struct waiter *newest; /* of the threads that wait */
    unsigned waiting;
    struct runner *runners;  /* threads between two waits */
    unsigned running;        /* of those that count */
    unsigned blocked;        /* of those found asleep */
    unsigned concurrency;    /* constant */
    unsigned starts;         /* takes under the lock, so far */
    unsigned watchers;       /* waiters that look at the runners twice a millisecond */
    unsigned spare_watchers; /* of these, those that sleep between two looks */
    unsigned looks;          /* at the runners, so far */
    int64_t looked_ns;       /* when the last one began */
    int64_t wary_until_ns;   /* callbacks have been found asleep lately; 0: none */
    bool called;             /* a waiter was called to sit down, and has not yet come */
    size_t users;
    size_t holds;
    struct member sockets; /* the open ones, in a ring */
    struct lane **lanes;   /* the first lane_count of them are there, until the memory goes */
    unsigned lane_count;   /* at most the concurrency value */
    bool stopped;          /* no users: the engines are gone */
    iocp_starved *starved; /* may be NULL */
    void *starved_context;
    int64_t deserted_ns; /* when the last waiter went; 0: somebody waits */
    int64_t told_ns;     /* when starved was last called */
};

/* Let go of the lock, and say whether runners may go on with what their lanes hold. */
void port_unlock(struct iocp_port *port) RELEASE(port->lock);

/* Is nothing in the queue, the port open, and nobody over the concurrency value? A moment ago;
 * relaxed: what happened since is as good as what happens next. */
static inline bool port_is_calm(struct iocp_port *port)
{
    return atomic_load_explicit(&port->calm, memory_order_relaxed);
}

/* Takes of a thread without a look into its engine, before it looks there. (The simulation has
 * its own number.) */
#ifndef TURNS_PER_GLANCE
#define TURNS_PER_GLANCE 32
#endif

/* And so much time without one: what a callback has begun is not to wait for many others that
 * compute. */
#define GLANCE_NS 1000000

static inline bool runner_has_to_glance(const struct runner *runner)
{
    return runner->turns >= TURNS_PER_GLANCE || clock_coarse_ns() - runner->glanced_ns >= GLANCE_NS;
}

/* port.c */

/* A completion comes: to the newest waiter, or into the queue; nowhere, if the port is closed. */
void port_insert(struct iocp_port *port, struct iocp_op *op) REQUIRES(port->lock);

/* Take up to `capacity` completions, and wait for the first; then the thread runs. How many, or
 * as iocp_port_wait. */
int port_take_or_wait(struct iocp_port *port, struct runner *runner, struct op_list *taken,
                      size_t capacity, int64_t deadline_ns) REQUIRES(port->lock);

/* Publish the results of operations and queue those that have a callback. */
void port_complete(struct iocp_port *port, struct op_list *done);

/* Publish the results in `done`; those with a callback are left in `published`. */
void port_publish(struct op_list *done, struct op_list *published);

/* Put published operations into the queue; without the queue, if the port is closed. */
void port_queue(struct iocp_port *port, struct op_list *published) REQUIRES(port->lock);

/* Move what a lane holds ready into the queue, before what is there: that came later. */
void port_gather(struct iocp_port *port, struct lane *lane) REQUIRES(port->lock);

void port_gather_all(struct iocp_port *port) REQUIRES(port->lock);

/* While the rules allow it: oldest completion to newest waiter; a sleeper to a free lane. */
void port_let_go(struct iocp_port *port) REQUIRES(port->lock);

/* Wake every waiter; nothing is handed over. */
void port_wake_all(struct iocp_port *port) REQUIRES(port->lock);

/* port_calls.c */

/* An operation leaves the queue: the caller has it back. (A packet is freed.) */
void port_hand_back(struct iocp_op *op);

/* lane.c */

/* Sit down in the lane the waiter's runner had, and in all that are free. False: in none. */
bool lanes_sit_down(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);

/* Rise from all; but one is kept for the runner, if it is to run what was found. */
void lanes_rise(struct iocp_port *port, struct waiter *waiter, bool keep) REQUIRES(port->lock);

/* Wait in the lanes until something is found there, until woken, or until the deadline. What
 * was found is published. The lock is let go meanwhile. */
void lanes_wait(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
    REQUIRES(port->lock);

/* What the waiter found and nobody took stays with the lane it has kept, for when its callback
 * returns. If it has none, runs none yet, or if something is in the queue, it joins that. */
void lanes_leave_found(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);

/* The lane's runner no longer runs for it: its completions to the queue, its seat to others. */
void lane_free_seat(struct iocp_port *port, struct lane *lane) REQUIRES(port->lock);

/* End the waiter's wait, or sleep. */
void waiter_wake(struct waiter *waiter);

/* Look once into the runner's lane and the free ones. */
void lanes_glance(struct iocp_port *port, struct runner *runner) REQUIRES(port->lock);

/* The port is closed, and all is cancelled: what is still being carried out comes back, though
 * nobody waits any more. Who sits in a lane does this on leaving. The lock is let go meanwhile. */
void lanes_empty(struct iocp_port *port) REQUIRES(port->lock);

/* runner.c */

/* The calling thread. */
struct runner *runner_of_thread(void);

/* The calling thread comes to wait: it counts as running neither here nor anywhere else. */
struct runner *port_arrive(struct iocp_port *port) ACQUIRE(port->lock);

/* It is about to go with `taken` completions; counted: as running, by who handed one over. */
void port_start(struct iocp_port *port, struct runner *runner, bool counted, bool taken)
    REQUIRES(port->lock);

/* A runner blocks, or does so no longer. */
void runner_stop_counting(struct iocp_port *port, struct runner *runner, enum runner_state state)
    REQUIRES(port->lock);
void runner_count_again(struct iocp_port *port, struct runner *runner) REQUIRES(port->lock);

/* watch.c */

/* Until when the waiter may wait before it has to look at the runners. */
int64_t watch_limit(struct iocp_port *port, struct waiter *waiter, int64_t deadline_ns)
    REQUIRES(port->lock);

/* After a wait: look, if it is time. The lock is let go meanwhile. */
void watch_look(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);

/* Who comes by looks, where callbacks have been found asleep lately. The lock is let go. */
void watch_pass(struct iocp_port *port) REQUIRES(port->lock);

/* The waiter goes. */
void watch_leave(struct iocp_port *port, struct waiter *waiter) REQUIRES(port->lock);

/* Somebody starts to run: if nobody watches, a waiter is called to. */
void watch_begin(struct iocp_port *port) REQUIRES(port->lock);

/* starved.c */

/* The last waiter may have gone. */
void starved_desert(struct iocp_port *port) REQUIRES(port->lock);

/* A thread comes by between two takes from its own lane. Was nobody for so long that it has to come
 * back to the port and see whether completions waited? If not, there is somebody now. */
bool starved_pass(struct iocp_port *port) REQUIRES(port->lock);

/* A thread is back: was nobody for long, although completions waited? The lock may be let go. */
void starved_return(struct iocp_port *port, struct runner *runner) REQUIRES(port->lock);

/* port_life.c */

/* One user less. */
void port_release(struct iocp_port *port);
void port_drop_user(struct iocp_port *port) RELEASE(port->lock);
void port_drop_hold(struct iocp_port *port) RELEASE(port->lock);

/* Open one more lane, if the port has more threads than lanes, and may. */
void port_grow(struct iocp_port *port) REQUIRES(port->lock);

/* port_sockets.c */

/* Enter an open socket, which then uses the port. 0, -ESHUTDOWN, -ENOMEM. */
int port_admit(struct iocp_port *port, struct iocp_socket *socket);

/* Take a closed socket out. It still uses the port until port_release. */
void port_dismiss(struct iocp_port *port, struct iocp_socket *socket);

/* A new connection awaits its first data for the accept `op`: it stands behind the listener, with
 * none but its like in between. Called under its lock, as is the next one. */
void port_expect(struct iocp_port *port, struct iocp_socket *socket, struct iocp_op *op);

/* That is over: it is a socket like any other. */
void port_expect_no_more(struct iocp_port *port, struct iocp_socket *socket);

/* The connection that awaits first data for this accept of the listener, or for any if `op` is
 * NULL, with a hold on it; NULL: none. */
struct iocp_socket *port_find_expecting(struct iocp_port *port, const struct iocp_socket *listener,
                                        const struct iocp_op *op);

/* Has the port not been closed? */
bool port_is_open(struct iocp_port *port);

#endif
