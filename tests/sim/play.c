/* play.c - one run of the simulation, from a new network to nothing left behind. */
/* SPDX-License-Identifier: MIT */
#include "play.h"

#include <sched.h>

#include "memory.h"
#include "net.h"
#include "trial.h"

/* One thread runs at a time: on one processor the turn is passed on faster. */
void play_stay_on_one_processor(void)
{
    cpu_set_t set;
    int processor = sched_getcpu();

    CPU_ZERO(&set);
    CPU_SET(processor > 0 ? (unsigned)processor : 0, &set);
    (void)sched_setaffinity(0, sizeof set, &set); /* slower without */
}

struct schedule_account play(char *engine)
{
    size_t blocks = memory_blocks();
    struct schedule_account account;

    net_reset();
    account = schedule_run(trial_play, engine);
    if (net_open_files() > 0)
        schedule_fail("%u descriptors were left open", net_open_files());
    if (memory_blocks() != blocks)
        schedule_fail("%zu blocks of memory were not freed", memory_blocks() - blocks);
    return account;
}
