/* fault.c - failures of the system that a seed deals out. */
/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <string.h>

#include "chance.h"

static unsigned odds_of[FAULT_COUNT];
static unsigned struck[FAULT_COUNT];

void fault_clear_all(void)
{
    memset(odds_of, 0, sizeof odds_of);
    memset(struck, 0, sizeof struck);
}

void fault_set_odds(enum fault fault, unsigned odds)
{
    odds_of[fault] = odds;
}

bool fault_strikes(enum fault fault)
{
    bool strikes = chance_one_in(odds_of[fault]);

    struck[fault] += strikes;
    return strikes;
}

unsigned fault_count(enum fault fault)
{
    return struck[fault];
}
