/* deadline.h - wait for something to come true, in place of sleeping and hoping. */
/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_DEADLINE_H
#define SUPPORT_DEADLINE_H

#include <stdbool.h>

/* Far beyond what any wait of a test needs; below the time-outs of the suites. */
#define PATIENCE_MS 20000

/*
 * Ask `condition(argument)` again and again until it is true, at most PATIENCE_MS.
 * Returns  Whether it came true.
 */
bool wait_until(bool (*condition)(void *argument), void *argument);

#endif
