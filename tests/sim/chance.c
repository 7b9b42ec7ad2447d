/* chance.c - the random numbers of a seed: all that a simulated run leaves open is drawn here. */
/* SPDX-License-Identifier: MIT */
#include "chance.h"

static uint64_t state;

/* What the next numbers are made of, before those of the seed. */
static const uint8_t *lead;
static size_t lead_left;

/* Two finishing steps of SplitMix64, so that neighbouring seeds have nothing in common. */
static uint64_t next(void)
{
    uint64_t mixed = state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void chance_seed(uint64_t seed)
{
    state = seed;
    state = next();
    lead_left = 0;
}

void chance_lead(const uint8_t *bytes, size_t size)
{
    lead = bytes;
    lead_left = size;
}

static unsigned lead_byte(void)
{
    if (lead_left == 0)
        return 0;
    lead_left--;
    return *lead++;
}

unsigned chance_below(unsigned limit)
{
    if (lead_left > 0) {
        unsigned number = lead_byte();

        if (limit > UINT8_MAX + 1)
            number |= lead_byte() << 8;
        return number % limit;
    }
    return (unsigned)((next() >> 32) * limit >> 32);
}

unsigned chance_between(unsigned low, unsigned high)
{
    return low + chance_below(high - low + 1);
}

bool chance_one_in(unsigned times)
{
    return times != 0 && chance_below(times) == 0;
}
