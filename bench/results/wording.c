/* wording.c - see wording.h. */
/* SPDX-License-Identifier: MIT */
#include "wording.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

void wording_number(double value, char text[WORDING_NUMBER])
{
    double size = fabs(value);
    int decimals = 0;

    /* By what a value is once it is rounded, so that 9.999 does not become 10.00. */
    if (size > 0 && size < 0.0995)
        decimals = 3;
    else if (size > 0 && size < 9.995)
        decimals = 2;
    else if (size > 0 && size < 99.95)
        decimals = 1;
    (void)snprintf(text, WORDING_NUMBER, "%.*f", decimals, value);
}

void wording_spread(const struct spread *spread, double scale, char text[WORDING_SPREAD])
{
    char min[WORDING_NUMBER], median[WORDING_NUMBER], max[WORDING_NUMBER];

    wording_number(spread->min / scale, min);
    wording_number(spread->median / scale, median);
    wording_number(spread->max / scale, max);
    if (spread->min < spread->max)
        (void)snprintf(text, WORDING_SPREAD, "%s (%s-%s)", median, min, max);
    else
        (void)snprintf(text, WORDING_SPREAD, "%s", median);
}

/* How much of the text goes into a line of that room: whole words, if one fits. */
static size_t line_length(const char *text, size_t room)
{
    size_t length = strlen(text), fits = 0;

    if (length <= room)
        return length;
    for (size_t i = 0; i <= room; i++)
        if (text[i] == ' ')
            fits = i;
    return fits > 0 ? fits : room;
}

void wording_write(FILE *out, size_t indent, const char *lead, const char *text)
{
    size_t used = strlen(lead);

    (void)fputs(lead, out);
    do {
        size_t length = line_length(text, used < WORDING_WIDTH ? WORDING_WIDTH - used : 1);

        for (size_t i = 0; i < length; i++)
            (void)fputc((unsigned char)text[i] < ' ' ? ' ' : text[i], out);
        (void)fputc('\n', out);
        text += length;
        text += strspn(text, " ");
        if (*text != '\0')
            (void)fprintf(out, "%*s", (int)indent, "");
        used = indent;
    } while (*text != '\0');
}

void sentence_begin(struct sentence *sentence, char *text, size_t size)
{
    *sentence = (struct sentence){.text = text, .size = size};
    if (size > 0)
        text[0] = '\0';
}

void sentence_add(struct sentence *sentence, const char *format, ...)
{
    size_t room = sentence->size - sentence->length;
    va_list arguments;
    int length;

    if (room == 0)
        return;
    va_start(arguments, format);
    length = vsnprintf(sentence->text + sentence->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        sentence->length += (size_t)length < room ? (size_t)length : room - 1;
}
