/* sessions.h - what all sessions have in common: rules, counts, and whether to go on. */
/* SPDX-License-Identifier: MIT */
/*
 * Threads  Everything is constant after sessions_init but the atomics. The acceptor adds
 *          sessions, workers end them, the main thread stops them.
 */
#ifndef SERVER_SESSIONS_H
#define SERVER_SESSIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iocp/event.h>
#include <iocp/port.h>

#include "handler.h"

/* The most sessions that the acceptor has handed over and no worker has opened yet. At this
 * bound it stops accepting, and clients wait in the kernel's backlog. */
#define SESSIONS_UNOPENED_MAX 256

/* How a session came to its end. */
enum session_outcome {
    SESSION_SERVED,
    SESSION_RESET,
    SESSION_TIMED_OUT,
    SESSION_TOO_LONG,
    SESSION_INCOMPLETE, /* the client left in the middle of a message */
    SESSION_CUT_OFF,    /* the stop did not wait any longer */
    SESSION_FAILED,     /* anything else: no memory, an unreachable network */
    SESSION_OUTCOMES,
};

struct sessions {
    struct iocp_port *port;
    const struct handler_ops *handler;
    struct handler_rules rules;
    int idle_timeout_ms;
    int message_timeout_ms;
    size_t max;
    struct iocp_event all_gone; /* set when `held` is 0 */
    int bell;                   /* eventfd that wakes the acceptor */
    atomic_bool bell_wanted;    /* the acceptor waits for a change of the counts */
    atomic_size_t held;         /* sessions, and one more until the stop begins */
    atomic_size_t unopened;
    atomic_bool draining; /* sessions with nothing in hand are to end */
    atomic_bool aborting; /* all sessions are to end */
    atomic_ullong outcomes[SESSION_OUTCOMES];
};

/* Set the constant members first, by an initialiser. Returns 0, -EMFILE, -ENFILE, -ENOMEM. */
int sessions_init(struct sessions *sessions);

/* When all sessions are gone and no worker is left. */
void sessions_destroy(struct sessions *sessions);

/* For the acceptor: may one more be begun? If not, the bell rings as soon as that may have
 * changed. */
bool sessions_have_room(struct sessions *sessions);

/* Have the bell ring at the next change of the counts. */
void sessions_want_bell(struct sessions *sessions);

/* Ring the bell, which wakes the acceptor. */
void sessions_ring(struct sessions *sessions);

/* Stop the bell; before looking at what it rang for. */
void sessions_silence(struct sessions *sessions);

/* The life of a session as the counts see it. */
void sessions_add(struct sessions *sessions);
void sessions_opened(struct sessions *sessions);
void sessions_remove(struct sessions *sessions, enum session_outcome outcome);

/* Is a session with nothing in hand to end? Is every session? */
bool sessions_are_draining(struct sessions *sessions);
bool sessions_are_aborting(struct sessions *sessions);

/*
 * End all sessions: those in the middle of a message may go on for `timeout_ms`. Returns when
 * none is left. Nobody adds sessions any more.
 */
void sessions_stop(struct sessions *sessions, int timeout_ms);

/* One line of counts on stderr. */
void sessions_log(struct sessions *sessions);

#endif
