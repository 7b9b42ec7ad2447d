/* puppet.h - an echo server in a thread of the test, honest or wrong in one chosen way. */
/* SPDX-License-Identifier: MIT */
#ifndef TEST_PUPPET_H
#define TEST_PUPPET_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "load.h"

#define PUPPET_CONNECTIONS 32

enum manner {
    HONEST,
    MARKS_ALL,
    WRONG_BYTE, /* the last of each message */
    WRONG_MARK,
    TOO_MUCH,   /* a byte more after each message */
    TOO_EARLY,  /* a byte before any */
    REPEATS,    /* echoes the first message for each */
    SWAPS,      /* what comes from one of two connections goes to the other */
    ENDS,       /* a connection when something comes */
    NEVER_ENDS, /* a connection whose client has ended its direction */
    LEAVES,     /* altogether, after so many connections */
    SILENT,     /* and never ends either */
    STALLS,     /* once, after so many messages */
    SLOW,       /* with every piece */
};

struct puppet {
    enum manner manner;
    size_t message_size;
    size_t after;   /* LEAVES, STALLS */
    int64_t for_ns; /* STALLS, SLOW */

    pthread_t thread;
    int listener;
    int bell; /* rings for the end */
    int connections[PUPPET_CONNECTIONS];
    uint64_t positions[PUPPET_CONNECTIONS]; /* in their streams */
    bool over[PUPPET_CONNECTIONS];          /* nothing will come, but the puppet does not end it */
    size_t count;
    unsigned char *piece; /* and a byte more */
    unsigned char *first; /* message */

    /* When it has ended: */
    size_t accepted;
    uint64_t received; /* bytes of all */
};

/* Start it, and run the load on it until both have ended; asserts. */
void puppet_load(struct puppet *puppet, struct load_options *options, struct load_result *result);

#endif
