/* stage.h - a port with workers, and callbacks that keep them busy in one way or another. */
/* SPDX-License-Identifier: MIT */
/*
 * For tests that judge which worker runs what. Every function asserts what a test takes for
 * granted, so it is called in the test's own thread. A test is a process of its own: one port.
 */
#ifndef CORE_STAGE_H
#define CORE_STAGE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "../contract/contract.h"

extern struct contract stage;

/* Open the port, and if workers are wanted, wait until all of them wait there. */
void stage_open(size_t engine, unsigned concurrency, unsigned workers);

/* Stop the workers and free the port. */
void stage_close(void);

void stage_post(struct iocp_op *op, iocp_callback *callback, void *self);

/* Wait until so many threads wait and so many run. */
bool stage_comes_to(unsigned waiting, unsigned running);

/* Wait until the flag is raised. */
bool stage_sees(atomic_bool *flag);

/* Is only one lane ever opened, as all threads wait in the same engine? */
bool stage_engine_is_shared(void);

/* A callback that computes until it is let go. */
struct spinner {
    struct iocp_op op;
    bool yields;
    atomic_bool started;
    atomic_bool let_go;
    atomic_bool done;
};

void spin(struct iocp_op *op, void *spinner);

/* A receive of one byte, which its callback ends. */
struct catcher {
    struct iocp_op op;
    struct iocp_socket *socket;
    char byte;
    ssize_t result;
    atomic_uint runs;
    atomic_bool done;
};

void catch_byte(struct iocp_op *op, void *catcher);

/* Begin the receive; `timeout_ms` of 0: without a deadline. */
void catcher_begin(struct catcher *catcher, const struct connection *connection, int timeout_ms);

/* Send it its byte, and see it arrive. */
void catcher_feed(struct catcher *catcher, const struct connection *connection);

#endif
