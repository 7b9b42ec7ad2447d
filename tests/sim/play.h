/* play.h - one run of the simulation, from a new network to nothing left behind. */
/* SPDX-License-Identifier: MIT */
#ifndef SIM_PLAY_H
#define SIM_PLAY_H

#include "schedule.h"

/* Once, before the first run: of threads that take turns none needs another processor. */
void play_stay_on_one_processor(void);

/* The numbers of the run have been begun. With the engine of that name, or with NULL any. */
struct schedule_account play(char *engine);

#endif
