/* signals.h - SIGTERM and SIGINT set an event; the second one ends the program. */
/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include <pthread.h>
#include <stdatomic.h>

#include <iocp/event.h>

struct signals {
    pthread_t thread;
    struct iocp_event *stop;
    atomic_bool over;
};

/* Block the signals in this thread and all that it will start, ignore SIGPIPE, and start a
 * thread that sets `stop` at the first signal. Returns 0, -EAGAIN (no thread). */
int signals_start(struct signals *signals, struct iocp_event *stop);

/* End that thread. The signals stay blocked. */
void signals_stop(struct signals *signals);

#endif
