/* signals.c - SIGTERM and SIGINT set an event; the second one ends the program. */
/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

static sigset_t stop_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

static void *run(void *context)
{
    struct signals *signals = context;
    const sigset_t set = stop_signals();
    bool stopping = false;
    int number;

    pthread_setname_np(pthread_self(), "iocp-signals");
    while (sigwait(&set, &number) == 0) {
        /* acquire: pairs with the release in signals_stop */
        if (atomic_load_explicit(&signals->over, memory_order_acquire))
            break;
        if (stopping) {
            /* GCOVR_EXCL_START: _exit leaves no counters; tests/end_to_end/test_stop.c sees it. */
            log_line("iocp-server: ended by a second signal");
            _exit(EXIT_FAILURE);
            /* GCOVR_EXCL_STOP */
        }
        stopping = true;
        iocp_event_set(signals->stop);
    }
    return NULL;
}

int signals_start(struct signals *signals, struct iocp_event *stop)
{
    const sigset_t set = stop_signals();

    signals->stop = stop;
    atomic_init(&signals->over, false);
    (void)signal(SIGPIPE, SIG_IGN); /* a transcript that nobody reads is no reason to die */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return -pthread_create(&signals->thread, NULL, run, signals);
}

void signals_stop(struct signals *signals)
{
    atomic_store_explicit(&signals->over, true, memory_order_release);
    pthread_kill(signals->thread, SIGINT);
    pthread_join(signals->thread, NULL);
}
