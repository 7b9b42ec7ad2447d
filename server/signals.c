/* signals.c - SIGTERM and SIGINT set an event; the second one, or impatience, ends the program. */
/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define SLICE_MS 100

static sigset_t stop_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* The next of them; 0: none came in that time. A slice counts as one however long it took: a
 * process that was stopped meanwhile had no time. */
static int await_signal(const sigset_t *set, int timeout_ms)
{
    static const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
    int number = -1;

    for (int left_ms = timeout_ms; left_ms > 0 && number < 0; left_ms -= SLICE_MS)
        number = sigtimedwait(set, NULL, &slice);
    return number > 0 ? number : 0;
}

/* GCOVR_EXCL_START: _exit leaves no counters; tests/end_to_end/test_stop.c sees it. */
/* Whatever the other threads wait for. Perhaps stderr is what they stand before. */
static void end_program(const char *why)
{
    struct pollfd errors = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (poll(&errors, 1, 0) > 0)
        log_line("iocp-server: %s", why);
    _exit(EXIT_FAILURE);
}
/* GCOVR_EXCL_STOP */

static bool are_over(const struct signals *signals)
{
    /* acquire: pairs with the release in signals_stop */
    return atomic_load_explicit(&signals->over, memory_order_acquire);
}

static void *run(void *context)
{
    struct signals *signals = context;
    const sigset_t set = stop_signals();
    int number;

    pthread_setname_np(pthread_self(), "iocp-signals");
    (void)sigwait(&set, &number);
    if (are_over(signals))
        return NULL;
    iocp_event_set(signals->stop);
    number = await_signal(&set, signals->patience_ms);
    /* GCOVR_EXCL_START: as above */
    if (!are_over(signals))
        end_program(number > 0 ? "ended by a second signal"
                               : "ended: something blocks the stop, a full pipe perhaps");
    /* GCOVR_EXCL_STOP */
    return NULL;
}

int signals_start(struct signals *signals, struct iocp_event *stop, int patience_ms)
{
    const sigset_t set = stop_signals();

    signals->stop = stop;
    signals->patience_ms = patience_ms;
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
