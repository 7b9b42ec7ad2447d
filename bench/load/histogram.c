/* histogram.c - see histogram.h. */
/* SPDX-License-Identifier: MIT */
#include "histogram.h"

#include <math.h>

#define PARTS (UINT64_C(1) << HISTOGRAM_PART_BITS)

/* How many low bits a value gives up to fit in two times PARTS. */
static unsigned shift_of(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | PARTS);

    return bits - (HISTOGRAM_PART_BITS + 1);
}

static size_t slot_of(uint64_t value)
{
    unsigned shift = shift_of(value);

    return (size_t)(shift * PARTS + (value >> shift));
}

static uint64_t highest_in(size_t slot)
{
    uint64_t shift = slot < 2 * PARTS ? 0 : slot / PARTS - 1;

    return ((slot - shift * PARTS + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->slots[slot_of(value < HISTOGRAM_VALUE_MAX ? value : HISTOGRAM_VALUE_MAX)]++;
    histogram->count++;
    histogram->sum += (double)value;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_SLOTS; i++)
        into->slots[i] += from->slots[i];
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    double share = ceil(percent * (double)histogram->count / 100);
    uint64_t rank = share > 1 ? (uint64_t)share : 1;
    uint64_t seen = histogram->slots[0];
    size_t slot = 0;

    while (seen < rank && slot < HISTOGRAM_SLOTS - 1)
        seen += histogram->slots[++slot];
    return histogram_slot_value(histogram, slot);
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count > 0 ? histogram->sum / (double)histogram->count : 0;
}

uint64_t histogram_slot_value(const struct histogram *histogram, size_t slot)
{
    /* The last slot holds whatever was too large for it. */
    if (slot == HISTOGRAM_SLOTS - 1 || highest_in(slot) > histogram->max)
        return histogram->max;
    return highest_in(slot);
}
