/* locks.h - which locks a simulated core has. */
/* SPDX-License-Identifier: MIT */
#ifndef SIM_LOCKS_H
#define SIM_LOCKS_H

#include <stdbool.h>

/* Its own, or such as see when they are used wrongly. Nobody holds one now. */
void locks_choose(bool core_s_own);

#endif
