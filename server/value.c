/* value.c - reading the values of options: numbers, sizes, times, words. */
/* SPDX-License-Identifier: MIT */
#include "value.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Read digits at *text and step over them. */
static bool read_digits(const char **text, uint64_t *number)
{
    const char *at = *text;
    uint64_t sum = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        const uint64_t digit = (uint64_t)(*at - '0');

        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (at == *text)
        return false;
    *text = at;
    *number = sum;
    return true;
}

bool value_read_number(const char *text, uint64_t min, uint64_t max, unsigned *number)
{
    uint64_t read;

    if (!read_digits(&text, &read) || *text != '\0' || read < min || read > max)
        return false;
    *number = (unsigned)read;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* Read a number with one of the units; `max` bounds the product. */
static bool read_with_unit(const char *text, const struct unit *units, uint64_t max,
                           uint64_t *product)
{
    uint64_t number;

    if (!read_digits(&text, &number))
        return false;
    while (units->name && strcmp(text, units->name) != 0)
        units++;
    if (!units->name || number > max / units->factor)
        return false;
    *product = number * units->factor;
    return true;
}

bool value_read_size(const char *text, uint64_t max, size_t *size)
{
    static const struct unit units[] = {{"", 1},         {"k", 1U << 10}, {"K", 1U << 10},
                                        {"M", 1U << 20}, {"G", 1U << 30}, {0}};
    uint64_t read;

    if (!read_with_unit(text, units, max, &read) || read == 0)
        return false;
    *size = (size_t)read;
    return true;
}

bool value_read_time(const char *text, int max_ms, int *time_ms)
{
    static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {0}};
    uint64_t read;

    if (!read_with_unit(text, units, (uint64_t)max_ms, &read))
        return false;
    *time_ms = (int)read;
    return true;
}

bool value_find_choice(const char *(*choice)(size_t index), const char *value, size_t *index)
{
    const char *name;

    for (size_t i = 0; (name = choice(i)) != NULL; i++) {
        if (strcmp(name, value) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

void value_append_choices(char *text, size_t size, const char *(*choice)(size_t index))
{
    const char *name;

    for (size_t i = 0; (name = choice(i)) != NULL; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, size - used, "%s%s", i ? ", " : "", name);
    }
}
