/* acceptor.h - the thread that accepts clients in batches and hands them over as sessions. */
/* SPDX-License-Identifier: MIT */
/*
 * It does not accept while the sessions have no room (clients wait in the kernel's backlog),
 * and while descriptors or memory are short: then it tries again every ACCEPTOR_REST_MS, and
 * as soon as a session ends. With nothing to do it sleeps without a time-out.
 */
#ifndef SERVER_ACCEPTOR_H
#define SERVER_ACCEPTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "listener.h"
#include "sessions.h"

#define ACCEPTOR_REST_MS 50

struct acceptor {
    struct sessions *sessions;
    struct transcript *transcript;
    const struct listener *listeners;
    size_t listener_count;
    pthread_t thread;
    atomic_bool stopping;
    bool resting; /* the thread's own: an accept failed for want of something */
};

/* Set the constant members first, by an initialiser: sessions, transcript, listeners and
 * listener_count. Returns 0, -EAGAIN (no thread). */
int acceptor_start(struct acceptor *acceptor);

/* Returns when the thread has ended. The listeners are still open. */
void acceptor_stop(struct acceptor *acceptor);

#endif
