/* port_help.h - a thread that waits in an end, or for an event, carries operations out. */
/* SPDX-License-Identifier: MIT */
#ifndef CORE_PORT_HELP_H
#define CORE_PORT_HELP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct iocp_port;

/*
 * The calling thread is about to sleep until one of `bits` stands in `word`. If it belongs to a
 * port it waits here for that, at most until the deadline, and sits in the lanes that are free
 * there: perhaps all others are in the same position, and nobody would carry the operations
 * out. False: it belongs to none.
 */
bool port_help(const atomic_uint *word, unsigned bits, int64_t deadline_ns);

/* Words were written to: wake the threads that wait for it. Any lock may be held. */
void help_wake_written(void);

/* Wake those that sit in the engine. Any lock may be held. */
void help_wake_engine(const struct engine *engine);

/* A lane of the port is free, or its callbacks are to be watched, and no waiter is there for it:
 * perhaps an ender is. */
void help_call(const struct iocp_port *port);

#endif
