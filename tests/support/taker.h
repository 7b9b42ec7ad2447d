/* taker.h - a thread that waits at ports when it is told to, and computes in between. */
/* SPDX-License-Identifier: MIT */
/*
 * Between its waits it keeps a processor busy: it never blocks, so that on a port it counts as
 * running. All functions are called by the test's own thread.
 */
#ifndef SUPPORT_TAKER_H
#define SUPPORT_TAKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <iocp/port.h>

enum taker_order {
    TAKER_COMPUTE,
    TAKER_WAIT,
    TAKER_END,
};

struct taker {
    pthread_t thread;
    atomic_int order;       /* back to TAKER_COMPUTE by the taker when a wait has returned */
    struct iocp_port *port; /* of the order to wait, as the next one */
    int timeout_ms;
    int result; /* of the last wait, as the next one */
    struct iocp_completion completion;
};

/* Start the thread; it computes. */
void taker_start(struct taker *taker);

/* Let it wait at `port`, and return at once. */
void taker_go(struct taker *taker, struct iocp_port *port, int timeout_ms);

/* Let it wait at `port` for ever, and return when it is a waiter there. */
void taker_go_and_wait(struct taker *taker, struct iocp_port *port);

/* Has its last wait returned? */
bool taker_is_back(struct taker *taker);

/* What its last wait returned, once it has. */
int taker_result(struct taker *taker);

/* The key of the completion that its last wait returned. */
uintptr_t taker_key(struct taker *taker);

/* End the thread, which is not inside a wait. */
void taker_end(struct taker *taker);

/* What a port is doing. */
struct iocp_port_statistics port_statistics(struct iocp_port *port);

/* Judge what a port is doing: completions queued, threads waiting, threads running. */
#define expect_port(port, queued_, waiting_, running_)            \
    do {                                                          \
        struct iocp_port_statistics now_ = port_statistics(port); \
        cr_expect(eq(sz, now_.queued, (queued_)), "queued");      \
        cr_expect(eq(uint, now_.waiting, (waiting_)), "waiting"); \
        cr_expect(eq(uint, now_.running, (running_)), "running"); \
    } while (0)

/* Wait until `count` threads wait at the port. Returns whether they came. */
bool port_has_waiters(struct iocp_port *port, unsigned count);

#endif
