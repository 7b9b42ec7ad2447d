/* spin.h - whether to look again and again before a wait falls asleep. */
/* SPDX-License-Identifier: MIT */
/*
 * To put a processor to sleep and wake it costs more time than many a wait takes. So a wait begins
 * with some looks that do not sleep, if those of the last one have found something. If not, the
 * next waits sleep at once, each time in vain twice as many: a port whose peers take their time
 * does without. So does one of whose threads several take turns: it has work for the processors.
 */
#ifndef CORE_SPIN_H
#define CORE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* The simulation has its own numbers. */
#ifndef SPIN_LOOKS
#define SPIN_LOOKS 100 /* system calls that find nothing, together some 40 us */
#define SPIN_ALONE 256 /* waits, before the first that looks */
#endif

enum { SPIN_PAUSE_MAX = 1023 };

/* Zeroed, it is ready. Used by the thread that waits. */
struct spin {
    unsigned takes; /* of all threads of the port, before the last wait */
    uint16_t alone; /* waits in a row between which no other thread took anything */
    uint16_t pause; /* waits that sleep at once after the next spin in vain, more or less */
    uint16_t left;  /* of these */
};

/* A wait is about to begin, at a port whose threads have taken so often. */
static inline void spin_note_takes(struct spin *spin, unsigned takes)
{
    if (takes - spin->takes > 1)
        spin->alone = 0;
    else if (spin->alone < SPIN_ALONE)
        spin->alone++;
    spin->takes = takes;
}

/* How many looks this wait begins with. */
static inline int spin_looks(struct spin *spin)
{
    if (spin->alone < SPIN_ALONE)
        return 0;
    if (spin->left == 0)
        return SPIN_LOOKS;
    spin->left--;
    return 0;
}

static inline void spin_ended(struct spin *spin, bool found)
{
    spin->pause = found ? 0 : (uint16_t)(2 * spin->pause + 1);
    if (spin->pause > SPIN_PAUSE_MAX)
        spin->pause = SPIN_PAUSE_MAX;
    spin->left = spin->pause;
}

#endif
