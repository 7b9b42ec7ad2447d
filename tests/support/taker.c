/* taker.c - a thread that waits at ports when it is told to, and computes in between. */
/* SPDX-License-Identifier: MIT */
#include "taker.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sched.h>

#include "deadline.h"

static void *obey(void *self)
{
    struct taker *taker = self;
    int order;

    while ((order = atomic_load(&taker->order)) != TAKER_END) {
        if (order == TAKER_WAIT) {
            taker->result = iocp_port_wait(taker->port, &taker->completion, taker->timeout_ms);
            atomic_store(&taker->order, TAKER_COMPUTE);
        }
        sched_yield();
    }
    return NULL;
}

void taker_start(struct taker *taker)
{
    atomic_store(&taker->order, TAKER_COMPUTE);
    cr_assert(zero(int, pthread_create(&taker->thread, NULL, obey, taker)));
}

void taker_go(struct taker *taker, struct iocp_port *port, int timeout_ms)
{
    cr_assert(taker_is_back(taker));
    taker->port = port;
    taker->timeout_ms = timeout_ms;
    atomic_store(&taker->order, TAKER_WAIT);
}

void taker_go_and_wait(struct taker *taker, struct iocp_port *port)
{
    unsigned before = port_statistics(port).waiting;

    taker_go(taker, port, IOCP_INFINITE);
    cr_assert(port_has_waiters(port, before + 1));
}

bool taker_is_back(struct taker *taker)
{
    return atomic_load(&taker->order) == TAKER_COMPUTE;
}

static bool is_back(void *taker)
{
    return taker_is_back(taker);
}

int taker_result(struct taker *taker)
{
    cr_assert(wait_until(is_back, taker));
    return taker->result;
}

uintptr_t taker_key(struct taker *taker)
{
    cr_assert(zero(int, taker_result(taker)));
    return taker->completion.key;
}

void taker_end(struct taker *taker)
{
    cr_assert(wait_until(is_back, taker));
    atomic_store(&taker->order, TAKER_END);
    cr_assert(zero(int, pthread_join(taker->thread, NULL)));
}

struct iocp_port_statistics port_statistics(struct iocp_port *port)
{
    struct iocp_port_statistics statistics;

    iocp_port_read_statistics(port, &statistics);
    return statistics;
}

struct waiters_wanted {
    struct iocp_port *port;
    unsigned count;
};

static bool are_waiting(void *argument)
{
    const struct waiters_wanted *wanted = argument;

    return port_statistics(wanted->port).waiting == wanted->count;
}

bool port_has_waiters(struct iocp_port *port, unsigned count)
{
    struct waiters_wanted wanted = {port, count};

    return wait_until(are_waiting, &wanted);
}
