/* sight.h - one receive, and what its callback saw of it. */
/* SPDX-License-Identifier: MIT */
#ifndef CONTRACT_SIGHT_H
#define CONTRACT_SIGHT_H

#include <pthread.h>

#include "contract.h"

/* Sanitizers make an operation ten times as dear. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MANY 100000
#else
#define MANY 1000000
#endif

/* What a callback saw of its operation. */
struct sight {
    struct iocp_socket *socket;
    struct iocp_op *op;
    void *op_context;
    struct iocp_event *event; /* asked whether it is set, unless NULL */
    int event_result;
    unsigned calls;
    bool completed;
    bool synchronous;
    pthread_t thread;
    ssize_t end;
    struct iocp_event seen; /* set at the end of the callback */
};

void sight_init(struct sight *sight, const struct connection *connection);

/* The callback that looks; its context is a sight. */
void on_received(struct iocp_op *op, void *context);

/* Begin a receive, which must not be refused. */
void begin(const struct connection *connection, struct iocp_op *op, void *buffer, size_t size,
           iocp_callback *callback, void *context);

/* Let the peer send a text. */
void send_text(const struct connection *connection, const char *text);

/* For wait_until: has the operation completed? */
bool has_completed(void *op);

#endif
