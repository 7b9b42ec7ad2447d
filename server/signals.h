/* signals.h - SIGTERM and SIGINT set an event; the second one, or impatience, ends the program. */
/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include <pthread.h>
#include <stdatomic.h>

#include <iocp/event.h>

struct signals {
    pthread_t thread;
    struct iocp_event *stop;
    int patience_ms;
    atomic_bool over;
};

/* Block the signals in this thread and all that it will start, ignore SIGPIPE, and start a thread
 * that sets `stop` at the first signal. From then on signals_stop has to come within `patience_ms`:
 * else, or at a second signal, the program ends with EXIT_FAILURE and a line that says why.
 * Returns 0, -EAGAIN (no thread). */
int signals_start(struct signals *signals, struct iocp_event *stop, int patience_ms);

/* End that thread. The signals stay blocked. */
void signals_stop(struct signals *signals);

#endif
