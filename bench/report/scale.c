/* scale.c - see scale.h. */
/* SPDX-License-Identifier: MIT */
#include "scale.h"

#include <math.h>

#define SLACK 1e-9 /* what a value may miss a tick by and still be on it */

/* Ticks of a logarithmic axis by number: three to a power of ten, 1 is number 0. */
#define PER_POWER 3

static double tick_number(long number)
{
    static const double digits[PER_POWER] = {1, 2, 5};
    long digit = (number % PER_POWER + PER_POWER) % PER_POWER;
    long power = (number - digit) / PER_POWER;

    return digits[digit] * pow(10, (double)power);
}

/* The last tick that is not above a value. */
static long last_tick(double value)
{
    long number = ((long)floor(log10(value)) - 1) * PER_POWER;

    while (tick_number(number + 1) <= value * (1 + SLACK))
        number++;
    return number;
}

static long first_tick(double value)
{
    long number = last_tick(value);

    return tick_number(number) >= value * (1 - SLACK) ? number : number + 1;
}

struct scale scale_linear(double high, double from, double to, size_t ticks)
{
    struct scale scale = {.from = from, .to = to};

    if (high <= 0)
        high = 1;
    scale.step = tick_number(last_tick(high / (double)ticks * 1.5));
    scale.high = ceil(high / scale.step - SLACK) * scale.step;
    return scale;
}

struct scale scale_log_exact(double low, double high, double from, double to)
{
    return (struct scale){.low = low, .high = high, .from = from, .to = to, .logarithmic = true};
}

struct scale scale_log(double low, double high, double from, double to)
{
    long first = last_tick(low), last = first_tick(high);

    if (last == first)
        last++;
    return scale_log_exact(tick_number(first), tick_number(last), from, to);
}

double scale_at(const struct scale *scale, double value)
{
    double part;

    if (!(value > scale->low))
        return scale->from;
    if (value >= scale->high)
        return scale->to;
    part = scale->logarithmic ? log(value / scale->low) / log(scale->high / scale->low)
                              : (value - scale->low) / (scale->high - scale->low);
    return scale->from + part * (scale->to - scale->from);
}

static size_t log_ticks(const struct scale *scale, size_t most, double ticks[SCALE_TICKS_MAX])
{
    long first = first_tick(scale->low), last = last_tick(scale->high), stride = 1;
    size_t count = 0;

    if ((size_t)(last - first + 1) > most) {
        first += (PER_POWER - first % PER_POWER) % PER_POWER; /* a power of ten */
        for (stride = PER_POWER; (size_t)((last - first) / stride + 1) > most;)
            stride += PER_POWER;
    }
    for (; first <= last && count < SCALE_TICKS_MAX; first += stride)
        ticks[count++] = tick_number(first);
    return count;
}

size_t scale_ticks(const struct scale *scale, size_t most, double ticks[SCALE_TICKS_MAX])
{
    size_t count = 0;

    if (scale->logarithmic)
        return log_ticks(scale, most, ticks);
    while (count < SCALE_TICKS_MAX && (double)count * scale->step <= scale->high * (1 + SLACK)) {
        ticks[count] = (double)count * scale->step;
        count++;
    }
    return count;
}
