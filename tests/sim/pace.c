/* pace.c - numbers of core that a seed draws: what is rare outside is common in a simulation. */
/* SPDX-License-Identifier: MIT */
#include "pace.h"

#include "chance.h"

unsigned pace_turns_per_glance;
int pace_spin_looks;
int pace_spin_alone;

void pace_draw(void)
{
    static const unsigned turns[] = {1, 2, 4, 32};
    static const int looks[] = {1, 3, 100};
    static const int alone[] = {1, 4, 16, 256};

    pace_turns_per_glance = turns[chance_below(4)];
    pace_spin_looks = looks[chance_below(3)];
    pace_spin_alone = alone[chance_below(4)];
}
