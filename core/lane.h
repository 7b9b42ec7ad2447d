/* lane.h - one engine instance, its ready completions, and who sits in its wait. */
/* SPDX-License-Identifier: MIT */
/*
 * A port has as many lanes as its concurrency value, as soon as it has as many threads (with a
 * shared engine: one). Each socket belongs to one lane for good, a thread to none.
 *
 * Sitting   A thread that waits takes a free lane, best the one it had before, and itself waits
 *           in the lane's engine. It runs what it finds there and comes back: meanwhile nobody
 *           else sits there. So one busy connection needs no second thread.
 * Ready     When a wait finds more than one completion the others stay with the lane, for the
 *           same thread, without the port's lock. They are the head of the port's queue, kept
 *           elsewhere: as soon as the port has something else to see to (port_is_calm), nothing
 *           joins them, and they are moved over, as they are when the thread does not get
 *           through them (look).
 * Locking   The port's lock guards who sits; the lane's own, taken after it, the ready list.
 */
#ifndef CORE_LANE_H
#define CORE_LANE_H

#include "engine.h"
#include "lock.h"
#include "timers.h"

struct iocp_port;
struct runner;
struct waiter;

enum lane_state {
    LANE_FREE,   /* who waits next may sit down: to SAT_IN */
    LANE_SAT_IN, /* somebody is in its wait: to RUNS with a completion, else to FREE */
    LANE_RUNS,   /* its runner is in a callback and will be back: to SAT_IN then; to FREE when the
                    runner blocks, or is found in the same callback by two looks */
};

struct lane {
    struct iocp_port *port; /* constant, as the engine */
    struct engine *engine;
    struct timers timers;   /* the deadlines of its sockets; has its own lock */
    enum lane_state state;  /* guarded by the port's lock, as the next four */
    unsigned sitters;       /* threads in its wait: at most one, unless the engine is shared */
    bool missed;            /* somebody sat there when it was to be emptied (lanes_empty) */
    size_t sockets;         /* open ones */
    struct lane *next_held; /* of the same waiter */
    struct lock lock;
    struct op_list ready;  /* guarded by lock */
    size_t ready_count;    /* guarded by lock */
    struct runner *runner; /* RUNS: whose; written under both locks, read under either */
};

/* Start an engine of that name in a new lane. 0 or as engine_create. */
int lane_create(struct iocp_port *port, const char *name, struct lane **lane);

/* Stop the engine: no socket is open and nobody sits. The memory stays until lane_free. */
void lane_stop(struct lane *lane);
void lane_free(struct lane *lane);

/* Does the calling thread run the lane's callbacks, so that it will soon wait in it? */
bool lane_runs_here(const struct lane *lane);

/* A deadline has become the lane's earliest: who sits in it has to look again. */
void lane_deadline_nearer(struct lane *lane);

/* Keep published completions for the runner, if it is the lane's and the port is open. */
bool lane_keep(struct lane *lane, const struct runner *runner, struct op_list *published);

/* Take up to `capacity` ready completions for the runner; 0 also if it is not the lane's. */
size_t lane_take(struct lane *lane, const struct runner *runner, struct op_list *taken,
                 size_t capacity);

/* How many are ready. */
size_t lane_count_ready(struct lane *lane);

#endif
