/* acceptor.c - the thread that accepts clients in batches and hands them over as sessions. */
/* SPDX-License-Identifier: MIT */
#include "acceptor.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "session.h"

/* How many clients of one listener are accepted before the others have their turn. */
#define BATCH_MAX 64

/* What came of one try. */
enum attempt {
    ACCEPTED,
    LEFT,    /* the client was gone before it was accepted; the next one may not be */
    NOBODY,  /* no client waits */
    REFUSED, /* something is short */
};

/* Errors of accept4 that are the client's or the network's, not the listener's. */
static bool is_of_client(int error)
{
    static const int errors[] = {ECONNABORTED, EINTR,     EPROTO,       ENOPROTOOPT,
                                 EPERM,        EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP,
                                 ENETUNREACH,  ENETDOWN,  ENONET,       ETIMEDOUT};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i] == error)
            return true;
    }
    return false;
}

/* One line for each rest, however often it tries in vain. */
static void begin_rest(struct acceptor *acceptor, int error)
{
    if (!acceptor->resting)
        log_line("warning: no more clients can be accepted for the time being: %s",
                 strerror(error));
    acceptor->resting = true;
}

static enum attempt accept_one(struct acceptor *acceptor, const struct listener *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int error = errno;

    if (fd < 0 && error == EAGAIN)
        return NOBODY;
    if (fd < 0 && is_of_client(error))
        return LEFT;
    if (fd >= 0) {
        error = -session_start(acceptor->sessions, fd);
        transcript_waiting(acceptor->transcript);
    }
    if (fd >= 0 && error == 0)
        return ACCEPTED;
    begin_rest(acceptor, error);
    return REFUSED;
}

static enum attempt accept_batch(struct acceptor *acceptor, const struct listener *listener)
{
    enum attempt attempt = LEFT;

    for (int i = 0; i < BATCH_MAX && (attempt == ACCEPTED || attempt == LEFT); i++) {
        if (!sessions_have_room(acceptor->sessions))
            break;
        attempt = accept_one(acceptor, listener);
    }
    return attempt;
}

/* Accept from all listeners that may have clients. A rest is over when nobody waits any more. */
static void accept_clients(struct acceptor *acceptor, const struct pollfd polled[])
{
    bool nobody_waits = true;

    for (size_t i = 0; i < acceptor->listener_count; i++) {
        if (!acceptor->resting && polled[1 + i].revents == 0)
            continue;
        enum attempt attempt = accept_batch(acceptor, &acceptor->listeners[i]);
        nobody_waits = nobody_waits && attempt == NOBODY;
    }
    if (nobody_waits)
        acceptor->resting = false;
}

/* Sleep until there is something to accept and leave to do so, or the stop. */
static void wait_for_clients(struct acceptor *acceptor, struct pollfd polled[])
{
    const size_t count = acceptor->listener_count;
    int timeout_ms = -1;
    bool look_at_listeners = sessions_have_room(acceptor->sessions);

    if (acceptor->resting) {
        sessions_want_bell(acceptor->sessions);
        look_at_listeners = false;
        timeout_ms = ACCEPTOR_REST_MS;
    }
    for (size_t i = 0; i < count; i++)
        polled[1 + i].revents = 0;
    /* The bell stands first; a poll that stops there does not see the listeners. */
    (void)poll(polled, look_at_listeners ? count + 1 : 1, timeout_ms);
    if (polled[0].revents != 0)
        sessions_silence(acceptor->sessions);
}

/* Woken, the thread is not to take the processor from who works there, a worker or a client: so
 * clients gather, and their first messages with them. What the operator has set stays. */
static void interrupt_nobody(void)
{
    if (sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){.sched_priority = 0});
}

static void *run(void *context)
{
    struct acceptor *acceptor = context;
    struct pollfd polled[1 + OPTIONS_LISTENS_MAX];

    pthread_setname_np(pthread_self(), "iocp-acceptor");
    interrupt_nobody();
    polled[0] = (struct pollfd){.fd = acceptor->sessions->bell, .events = POLLIN};
    for (size_t i = 0; i < acceptor->listener_count; i++)
        polled[1 + i] = (struct pollfd){.fd = acceptor->listeners[i].fd, .events = POLLIN};

    transcript_waiting(acceptor->transcript);
    /* acquire: pairs with the release in acceptor_stop */
    while (!atomic_load_explicit(&acceptor->stopping, memory_order_acquire)) {
        wait_for_clients(acceptor, polled);
        accept_clients(acceptor, polled);
    }
    return NULL;
}

int acceptor_start(struct acceptor *acceptor)
{
    atomic_init(&acceptor->stopping, false);
    return -pthread_create(&acceptor->thread, NULL, run, acceptor);
}

void acceptor_stop(struct acceptor *acceptor)
{
    atomic_store_explicit(&acceptor->stopping, true, memory_order_release);
    sessions_ring(acceptor->sessions);
    pthread_join(acceptor->thread, NULL);
}
