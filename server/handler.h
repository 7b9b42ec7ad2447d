/* handler.h - what the server does with a client's bytes: the table of handlers. */
/* SPDX-License-Identifier: MIT */
/*
 * A handler sees bytes and answers with bytes. It knows no socket and no thread, so that it
 * can be tried alone; the session carries out what it returns. To add one: write handler_x.c
 * with a `const struct handler_ops handler_x`, name it in handler.c and in CMakeLists.txt.
 */
#ifndef SERVER_HANDLER_H
#define SERVER_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "framing.h"
#include "memory.h"
#include "transcript.h"

struct handler;

/* What the session has to do next. */
enum handler_next {
    HANDLER_RECEIVE, /* receive more */
    HANDLER_REPLY,   /* send the reply, then receive more */
    HANDLER_FINISH,  /* send the reply, if there is one, then end the session */
};

struct handler_ops {
    const char *name;    /* as given to --handler */
    const char *summary; /* for --help */
    size_t input_max;    /* the most it takes at once; 0: a whole message */

    /* The latest `size` bytes stand at the end of the input. */
    enum handler_next (*received)(struct handler *handler, size_t size);

    /* The peer has ended its sending. To be answered with HANDLER_FINISH. */
    enum handler_next (*ended)(struct handler *handler);
};

/* What all handlers of a server have in common. */
struct handler_rules {
    enum framing_end end;
    size_t message_max;
    struct transcript *transcript; /* NULL: none */
    struct memory *memory;
    char too_long[80]; /* what a client is told whose message is longer */
};

/* The handling of one client. */
struct handler {
    const struct handler_ops *ops;
    const struct handler_rules *rules;
    struct buffer input; /* what was received and is still needed */
    const void *reply;   /* to be sent; belongs to the handler until handler_replied */
    size_t reply_size;
    uint64_t discarded; /* bytes in all that were only read */
    struct framing framing;
    bool too_long;   /* the message exceeded the limit */
    bool no_memory;  /* there was none for the rest of the message */
    bool incomplete; /* the peer left in the middle of a message */
};

/* The handlers in their order, the first one being the default; NULL past the last. */
const struct handler_ops *handler_at(size_t index);

void handler_rules_init(struct handler_rules *rules, enum framing_end end, size_t message_max,
                        struct transcript *transcript, struct memory *memory);

void handler_init(struct handler *handler, const struct handler_ops *ops,
                  const struct handler_rules *rules);
void handler_destroy(struct handler *handler);

/* Where the next bytes are to be put, at least one. Returns 0, -ENOMEM. */
int handler_room(struct handler *handler, void **room, size_t *size);

/* The same for `size` bytes and no more, while it has no room at all. */
int handler_room_for(struct handler *handler, size_t size, void **room);

/* `size` bytes have been put there. */
enum handler_next handler_received(struct handler *handler, size_t size);

/* The peer has ended its sending. */
enum handler_next handler_ended(struct handler *handler);

/* There was no room for the rest of the message in hand: the reply, the last one, says so. */
void handler_lacks_memory(struct handler *handler);

/* For handlers: give the message up, and its memory back, and tell the client why. */
enum handler_next handler_refuse(struct handler *handler, const char *line);

/* The reply is on its way to the client, all of it. */
void handler_replied(struct handler *handler);

/* Nothing of a message is in hand: the session may wait without a buffer, or end. */
bool handler_is_idle(const struct handler *handler);

/* It is idle and remembers nothing: another one may go on in its place. */
bool handler_is_fresh(const struct handler *handler);

extern const struct handler_ops handler_message;
extern const struct handler_ops handler_echo;
extern const struct handler_ops handler_discard;

#endif
