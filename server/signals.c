/* signals.c - SIGTERM and SIGINT set an event; the second one, or impatience, ends the program. */
/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

static sigset_t stop_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* The next of them; 0: none came in that time. */
static int await_signal(const sigset_t *set, int timeout_ms)
{
    const int64_t deadline_ms = clock_now_ms() + timeout_ms;
    int64_t left_ms = timeout_ms;
    int number;

    do {
        const struct timespec left = {.tv_sec = left_ms / 1000,
                                      .tv_nsec = left_ms % 1000 * 1000000};
        number = sigtimedwait(set, NULL, &left);
        left_ms = deadline_ms - clock_now_ms();
    } while (number < 0 && errno == EINTR && left_ms > 0);
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
    if (!are_over(signals)) /* GCOVR_EXCL_LINE: as above */
        end_program(number > 0 ? "ended by a second signal"
                               : "ended: something blocks the stop, a full pipe perhaps");
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
