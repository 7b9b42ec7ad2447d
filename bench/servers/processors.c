/* processors.c - see processors.h. */
/* SPDX-License-Identifier: MIT */
#include "processors.h"

#include <sched.h>
#include <stddef.h>

void processors_find(int *first, int *last)
{
    cpu_set_t set;

    *first = *last = PROCESSORS_ALL;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &set))
            continue;
        if (*first == PROCESSORS_ALL)
            *first = cpu;
        *last = cpu;
    }
}

void processors_use(int one)
{
    cpu_set_t set;

    if (one == PROCESSORS_ALL)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)one, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}
