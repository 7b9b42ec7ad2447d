/* deadline.c - asks with pauses that grow: a quick answer costs little, a late one no CPU. */
/* SPDX-License-Identifier: MIT */
#include "deadline.h"

#include <stdint.h>
#include <time.h>

#include "clock.h"

#define PAUSE_FIRST_NS 1000
#define PAUSE_LAST_NS  1000000

bool wait_until(bool (*condition)(void *argument), void *argument)
{
    const int64_t deadline_ns = deadline_after_ms(PATIENCE_MS);
    struct timespec pause = {.tv_nsec = PAUSE_FIRST_NS};

    while (!condition(argument)) {
        if (clock_now_ns() >= deadline_ns)
            return false;
        (void)nanosleep(&pause, NULL);
        if (pause.tv_nsec < PAUSE_LAST_NS)
            pause.tv_nsec *= 2;
    }
    return true;
}
