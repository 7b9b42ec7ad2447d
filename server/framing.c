/* framing.c - where a message ends: at the peer's half-close, at the token, at either. */
/* SPDX-License-Identifier: MIT */
#include "framing.h"

#include <string.h>

#define TOKEN_SIZE (sizeof FRAMING_TOKEN - 1)

void framing_init(struct framing *framing, enum framing_end end)
{
    *framing = (struct framing){.end = (uint8_t)end};
}

/* The token's first byte stands nowhere else in it: after a mismatch only that byte itself can
 * begin the token anew. */
static uint8_t follow(uint8_t matched, char byte)
{
    if (byte == FRAMING_TOKEN[matched])
        return (uint8_t)(matched + 1);
    return byte == FRAMING_TOKEN[0];
}

bool framing_received(struct framing *framing, const void *bytes, size_t size)
{
    const char *at = bytes;
    const char *const end = at + size;

    if (framing->end == FRAMING_AT_EOF)
        return false;
    while (at < end && framing->matched < TOKEN_SIZE) {
        if (framing->matched == 0) {
            at = memchr(at, FRAMING_TOKEN[0], (size_t)(end - at));
            if (!at)
                return false;
        }
        framing->matched = follow(framing->matched, *at++);
    }
    return framing->matched == TOKEN_SIZE;
}

bool framing_ended(const struct framing *framing)
{
    return framing->end != FRAMING_AT_TOKEN;
}

const char *framing_end_name(size_t index)
{
    static const char *const names[] = {
        [FRAMING_AT_EITHER] = "either",
        [FRAMING_AT_EOF] = "eof",
        [FRAMING_AT_TOKEN] = "token",
    };

    return index < sizeof names / sizeof *names ? names[index] : NULL;
}
