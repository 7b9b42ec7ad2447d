/* number.c - see number.h. */
/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define THIN_SPACE "\xe2\x80\xaf" /* U+202F, at which no line ends */
#define DASH       "\xe2\x80\x93"

static int decimals(double value)
{
    double size = fabs(value);

    /* The bounds are those beyond which it would be printed with a digit more. */
    return size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
}

static void part_thousands(const char *digits, char text[NUMBER_SIZE])
{
    size_t count = strlen(digits), used = 0;

    for (size_t i = 0; i < count && used + sizeof THIN_SPACE < NUMBER_SIZE; i++) {
        if (i > 0 && (count - i) % 3 == 0 && digits[i - 1] != '-') {
            memcpy(text + used, THIN_SPACE, strlen(THIN_SPACE));
            used += strlen(THIN_SPACE);
        }
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

const char *number_write(double value, char text[NUMBER_SIZE])
{
    char digits[NUMBER_SIZE];
    int places = decimals(value);

    if (!isfinite(value)) {
        (void)snprintf(text, NUMBER_SIZE, "%s", DASH);
        return text;
    }
    (void)snprintf(digits, sizeof digits, "%.*f", places, value);
    if (places > 0)
        memcpy(text, digits, sizeof digits);
    else
        part_thousands(digits, text);
    return text;
}

const char *number_tick(double value, char text[NUMBER_SIZE])
{
    static const struct {
        double from, unit;
        const char *name;
    } steps[] = {{1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}, {0, 1, ""}};
    size_t step = 0;

    while (fabs(value) < steps[step].from)
        step++;
    (void)snprintf(text, NUMBER_SIZE, "%.6g%s", value / steps[step].unit, steps[step].name);
    return text;
}

const char *number_unit(enum figure figure)
{
    const char *unit = figure_kind(figure)->unit;

    return strcmp(unit, "us") == 0 ? "\xc2\xb5s" : unit;
}

const char *number_of_figure(enum figure figure, double value, char text[NUMBER_SIZE])
{
    const char *unit = number_unit(figure);
    size_t length;

    number_write(value / figure_kind(figure)->scale, text);
    length = strlen(text);
    (void)snprintf(text + length, NUMBER_SIZE - length, "%s%s", *unit ? THIN_SPACE : "", unit);
    return text;
}
