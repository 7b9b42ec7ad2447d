/* pace.h - numbers of core that a seed draws: what is rare outside is common in a simulation. */
/* SPDX-License-Identifier: MIT */
/*
 * The simulation's core is compiled with this header in front of each of its files. A run has some
 * thousand steps: with the numbers that users have, hardly any thread would ever take that many
 * times in a row, or wait that often.
 */
#ifndef SIM_PACE_H
#define SIM_PACE_H

#define TURNS_PER_GLANCE pace_turns_per_glance
#define SPIN_LOOKS       pace_spin_looks
#define SPIN_ALONE       pace_spin_alone

extern unsigned pace_turns_per_glance;
extern int pace_spin_looks;
extern int pace_spin_alone;

/* Draw them, those that users have among others. */
void pace_draw(void);

#endif
