/* framing.h - where a message ends: at the peer's half-close, at the token, at either. */
/* SPDX-License-Identifier: MIT */
/*
 * Pure: no socket, no memory, no clock. The bytes of a message may come in any pieces; each
 * piece is looked at once.
 */
#ifndef SERVER_FRAMING_H
#define SERVER_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What ends a message when it stands anywhere in it. */
#define FRAMING_TOKEN "<EOF>"

enum framing_end {
    FRAMING_AT_EITHER, /* at the token or at the peer's end, whichever comes first */
    FRAMING_AT_EOF,    /* at the peer's end; the token is an ordinary part of the message */
    FRAMING_AT_TOKEN,  /* at the token; what the peer leaves without one is no message */
};

/* Small, as every session holds one. */
struct framing {
    uint8_t end;     /* an enum framing_end */
    uint8_t matched; /* how much of the token the latest bytes spell */
};

void framing_init(struct framing *framing, enum framing_end end);

/* Look at the next bytes. True: the message is whole, and all of `bytes` belongs to it. */
bool framing_received(struct framing *framing, const void *bytes, size_t size);

/* The peer has ended its sending. True: what it has sent is a whole message. */
bool framing_ended(const struct framing *framing);

/* The names of the ends, "either", "eof" and "token", in their order; NULL past the last. */
const char *framing_end_name(size_t index);

#endif
