/* crowd.h - clients in a process of their own that hold connections and say nothing. */
/* SPDX-License-Identifier: MIT */
/* A wish is told, then its answer is waited for: the server accepts in between. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <netinet/in.h>
#include <stddef.h>

#include "child.h"

struct crowd {
    struct child child;
    struct sockaddr_in server;
    size_t capacity;
    size_t message_size;
};

/* Make a crowd without members, for at most `capacity` of them. Returns 0 or a negative errno. */
int crowd_start(struct crowd *crowd);

/* Wish for as many connections as it takes to be `count`. */
int crowd_grow(struct crowd *crowd, size_t count);

/* Wish every member to send a message, and then to receive its echo. */
int crowd_speak(struct crowd *crowd);

/* How the last wish went: 0, or the first member's negative errno (-EBADMSG: a wrong echo). */
int crowd_answer(struct crowd *crowd);

/* End all connections by reset. Returns 0, -ECHILD: the process had ended otherwise. */
int crowd_end(struct crowd *crowd);

#endif
