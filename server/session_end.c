/* session_end.c - the end of a session: what became of it, and the farewell before it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "clock.h"
#include "session.h"

/* After the last byte of a reply the client may still be sending. Closing at once would reset
 * the connection and could destroy the reply on its way; so read on, within these bounds. */
#define LINGER_MS         5000
#define LINGER_AT_STOP_MS 1000
#define LINGER_BYTES_MAX  ((size_t)64 << 20)
#define LINGER_BUFFER_MAX ((size_t)64 * 1024)

static void end(struct session *session, enum session_outcome outcome)
{
    struct sessions *all = session_all(session);

    session_put_down(session);
    iocp_socket_free(session->socket);
    free(session);
    sessions_remove(all, outcome);
}

void session_end_failed(struct session *session, int error)
{
    switch (error) {
    case -ECONNRESET:
    case -EPIPE:
        end(session, SESSION_RESET);
        return;
    case -ETIMEDOUT:
        end(session, SESSION_TIMED_OUT);
        return;
    case -ECANCELED:
        end(session, SESSION_CUT_OFF);
        return;
    default:
        end(session, SESSION_FAILED);
    }
}

/* The end of a session which did all it had to. */
static void end_in_order(struct session *session)
{
    if (session->exchange && session->exchange->handler.too_long)
        end(session, SESSION_TOO_LONG);
    else if (session->exchange && session->exchange->handler.no_memory)
        end(session, SESSION_FAILED);
    else if (session->exchange && session->exchange->handler.incomplete)
        end(session, SESSION_INCOMPLETE);
    else
        end(session, SESSION_SERVED);
}

static void linger_more(struct session *session);

static void on_lingered(struct iocp_op *op, void *context)
{
    struct sessions *all = context;
    struct session *session = session_of(op);
    struct exchange *exchange = session->exchange;
    ssize_t received = iocp_end_receive(session->socket, op);

    if (received == -ECANCELED && !sessions_are_aborting(all)) {
        int64_t deadline_ms = clock_now_ms() + LINGER_AT_STOP_MS;
        if (deadline_ms < exchange->linger_deadline_ms)
            exchange->linger_deadline_ms = deadline_ms;
        linger_more(session);
    } else if (received <= 0) {
        end_in_order(session);
    } else {
        /* What comes is of no interest: the next bytes go over these. */
        buffer_add(&exchange->handler.input, (size_t)received);
        buffer_clear(&exchange->handler.input);
        exchange->moved += (size_t)received;
        linger_more(session);
    }
}

static void linger_more(struct session *session)
{
    struct sessions *all = session_all(session);
    struct exchange *exchange = session->exchange;
    struct buffer *dropped = &exchange->handler.input; /* the handler has done with it */
    int64_t left_ms = exchange->linger_deadline_ms - clock_now_ms();

    if (left_ms <= 0 || sessions_are_aborting(all) || exchange->moved >= LINGER_BYTES_MAX ||
        buffer_reserve(dropped, LINGER_BUFFER_MAX, all->rules.memory) < 0) {
        end_in_order(session);
        return;
    }
    iocp_op_set_timeout(&session->op, (int)left_ms);
    if (iocp_begin_receive(session->socket, &session->op, dropped->bytes, dropped->capacity,
                           on_lingered, all) < 0)
        end_in_order(session);
}

void session_finish(struct session *session)
{
    struct sessions *all = session_all(session);
    int linger_ms = LINGER_MS;

    if (session->peer_ended || !session->has_spoken || session_take_up(session) < 0 ||
        (!session->exchange->said_end && iocp_socket_shutdown(session->socket, SHUT_WR) < 0)) {
        end_in_order(session);
        return;
    }
    /* A large message's memory is not kept for that. */
    if (session->exchange->handler.input.capacity > BUFFER_FIRST)
        buffer_release(&session->exchange->handler.input, all->rules.memory);
    if (all->idle_timeout_ms > 0 && all->idle_timeout_ms < linger_ms)
        linger_ms = all->idle_timeout_ms;
    session->exchange->linger_deadline_ms = clock_now_ms() + linger_ms;
    linger_more(session);
}
