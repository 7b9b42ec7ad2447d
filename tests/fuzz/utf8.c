/* utf8.c - what may stand in a line for a terminal. */
/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#include <stddef.h>
#include <stdint.h>

/* Table 3-7 of the Unicode standard: by the first byte the bounds of the second, and how many
 * there are in all. */
static const struct form {
    uint8_t first, last, low, high, length;
} forms[] = {
    {0x20, 0x7e, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static const struct form *form_of(uint8_t first)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (first >= forms[i].first && first <= forms[i].last)
            return &forms[i];
    return NULL;
}

static bool is_well_formed(const uint8_t *at, const struct form *form)
{
    if (form->length > 1 && (at[1] < form->low || at[1] > form->high))
        return false;
    for (unsigned i = 2; i < form->length; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return false;
    return true;
}

/* U+0080 to U+009F; U+2028 to U+202E; U+2066 to U+2069. */
static bool is_control(const uint8_t *at)
{
    if (at[0] == 0xc2)
        return at[1] < 0xa0;
    if (at[0] != 0xe2)
        return false;
    return (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
           (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

bool utf8_is_harmless(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    const struct form *form;

    for (; *at != '\0'; at += form->length) {
        form = form_of(*at);
        if (form == NULL || !is_well_formed(at, form) || is_control(at))
            return false;
    }
    return true;
}
