/* shim.h - counts the calls that can fail, and lets one of them fail, or many at random. */
/* SPDX-License-Identifier: MIT */
/*
 * Threads  Calls of all threads are counted in the order in which they come, but for those of the
 *          scenario's own clients: each of these says that it stands outside.
 */
#ifndef FAULTS_SHIM_H
#define FAULTS_SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calls.h"

/* Names of the linker's --wrap: a call of `name` comes to WRAP(name). */
#define WRAP(name) __wrap_##name
#define REAL(name) __real_##name

enum { COUNTED_MAX = 20000, FAILURE_SIZE = 256 };

/* What is to happen to the calls of a run. */
struct plan {
    unsigned number; /* of the call that fails, from 1; 0: none */
    unsigned place;  /* of its error in the list of the call */
    unsigned row;    /* so many calls of its kind, the planned one and the next, fail alike */
    uint64_t seed;   /* of a dribble: bytes one by one, interruptions; 0: none */
};

/* What came of a run; it stands in memory that the parent sees too. */
struct account {
    atomic_uint counted;
    uint8_t calls[COUNTED_MAX]; /* which they were, as far as there is room */
    atomic_uint strikes;
    enum call struck_call;
    int struck_error;
    char failure[FAILURE_SIZE]; /* empty: none */
};

/* Before any thread is started. */
void shim_arm(const struct plan *plan, struct account *account);

/* From now on calls are neither counted nor failed. */
void shim_disarm(void);

/* The calling thread stands outside, or no more: nothing of what it calls is counted or failed. */
void shim_stand_outside(bool from_now_on);
bool shim_is_outside(void);

/* Count a call. 0: make it; else errno is set to what is returned, and it is not to be made. */
int shim_fails(enum call call);

/* In a dribble: a draw of one in so many. Never true otherwise. */
bool shim_draws(unsigned odds);

/* Is the calling thread to get one byte for many; is the run such a one, for whomever? */
bool shim_dribbles(void);
bool shim_is_dribble(void);

/* How many calls have failed as planned? */
unsigned shim_strikes(void);

/* Has one failed so that a client, or the start, may suffer? */
bool shim_has_hurt(void);

/* Say what is wrong with this run; the first word counts. */
void shim_blame(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Blocks of memory and mappings that are held; threads that are not joined; operations begun and
 * not completed. */
extern atomic_long shim_blocks;
extern atomic_long shim_threads;
extern atomic_long shim_operations;

#endif
