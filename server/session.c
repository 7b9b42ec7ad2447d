/* session.c - one client: receive, framing, handler, send, receive again. */
/* SPDX-License-Identifier: MIT */
/*
 * A session has one operation in flight, and each callback begins the next one or ends the
 * session: so no two threads are ever inside the same session, and it needs no lock.
 *
 *     on_opened ─▶ receive_more ─▶ on_received
 *     be_idle ─▶ wait_for_bytes ─▶ on_readable ─▶ receive_more ─▶ on_received
 *
 *     on_received ─▶ follow ─▶ receive_more              the handler wants more
 *                          └─▶ send_reply ─▶ on_sent ─▶ be_idle, or after the last one: finish
 *                          └─▶ finish ─▶ on_lingered ─▶ end
 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iocp/op.h>
#include <iocp/socket.h>

#include "clock.h"

/* A client is busy that has said something so many times without a longer pause. Then its buffer is
 * kept from one time to the next, for WARM_MS; who says something now and then has none between. */
#define BUSY_TIMES    4
#define BUSY_PAUSE_MS 200
#define WARM_MS       1000

/* A client whose first bytes have arrived when the stop begins is served: with nothing in hand, a
 * session looks once more for this long. */
#define LAST_LOOK_MS 50

/* A reply goes out in pieces of this size, each with the idle time-out of its own: a client
 * that reads slowly is served, one that does not read at all is not waited for. */
#define PIECE_SIZE ((size_t)256 * 1024)

/* After the last byte of a reply the client may still be sending. Closing at once would reset
 * the connection and could destroy the reply on its way; so read on, within these bounds. */
#define LINGER_MS         5000
#define LINGER_AT_STOP_MS 1000
#define LINGER_BYTES_MAX  ((size_t)64 << 20)
#define LINGER_BUFFER_MAX ((size_t)64 * 1024)

struct session {
    struct iocp_op op;
    struct iocp_socket *socket;
    struct sessions *all;
    struct handler handler;
    size_t moved; /* bytes of the reply sent so far; after it: bytes read and dropped */
    int64_t linger_deadline_ms;
    int64_t woken_ms; /* when bytes came for which there was no buffer */
    uint8_t times;    /* bytes came without a longer pause */
    bool finishing;   /* the reply in hand is the last one */
    bool peer_ended;
    bool last_look; /* the stop has begun: what comes now is the last to come */
};

static void wait_for_bytes(struct session *session, int timeout_ms);
static void receive_more(struct session *session);
static void linger_more(struct session *session);

static void end(struct session *session, enum session_outcome outcome)
{
    struct sessions *all = session->all;

    handler_destroy(&session->handler);
    iocp_socket_free(session->socket);
    free(session);
    sessions_remove(all, outcome);
}

static void end_failed(struct session *session, int error)
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
    if (session->handler.too_long)
        end(session, SESSION_TOO_LONG);
    else if (session->handler.incomplete)
        end(session, SESSION_INCOMPLETE);
    else
        end(session, SESSION_SERVED);
}

static void on_lingered(struct iocp_op *op, void *context)
{
    struct session *session = context;
    ssize_t received = iocp_end_receive(session->socket, op);

    if (received == -ECANCELED && !sessions_are_aborting(session->all)) {
        int64_t deadline_ms = clock_now_ms() + LINGER_AT_STOP_MS;
        if (deadline_ms < session->linger_deadline_ms)
            session->linger_deadline_ms = deadline_ms;
        linger_more(session);
    } else if (received <= 0) {
        end_in_order(session);
    } else {
        /* What comes is of no interest: the next bytes go over these. */
        buffer_add(&session->handler.input, (size_t)received);
        buffer_clear(&session->handler.input);
        session->moved += (size_t)received;
        linger_more(session);
    }
}

static void linger_more(struct session *session)
{
    struct buffer *dropped = &session->handler.input; /* the handler has done with it */
    int64_t left_ms = session->linger_deadline_ms - clock_now_ms();

    if (left_ms <= 0 || session->moved >= LINGER_BYTES_MAX ||
        buffer_reserve(dropped, LINGER_BUFFER_MAX, session->all->rules.spares) < 0) {
        end_in_order(session);
        return;
    }
    iocp_op_set_timeout(&session->op, (int)left_ms);
    if (iocp_begin_receive(session->socket, &session->op, dropped->bytes, dropped->capacity,
                           on_lingered, session) < 0)
        end_in_order(session);
}

/* Everything is said: let the client know, and see it off. */
static void finish(struct session *session)
{
    if (session->peer_ended || session->handler.received_total == 0 ||
        iocp_socket_shutdown(session->socket, SHUT_WR) < 0) {
        end_in_order(session);
        return;
    }
    /* A large message's memory is not kept for that. */
    if (session->handler.input.capacity > BUFFER_FIRST)
        buffer_release(&session->handler.input, session->all->rules.spares);
    session->linger_deadline_ms = clock_now_ms() + LINGER_MS;
    linger_more(session);
}

/* With nothing of a message in hand: the next one, unless there shall be none. */
static void be_idle(struct session *session)
{
    if (session->last_look) {
        finish(session);
    } else if (sessions_are_draining(session->all)) {
        session->last_look = true;
        wait_for_bytes(session, LAST_LOOK_MS);
    } else if (session->times >= BUSY_TIMES && session->handler.input.capacity > 0) {
        receive_more(session);
    } else {
        buffer_release(&session->handler.input, session->all->rules.spares);
        wait_for_bytes(session, session->all->idle_timeout_ms);
    }
}

static void on_sent(struct iocp_op *op, void *context);

static void send_reply(struct session *session)
{
    const struct handler *handler = &session->handler;
    const char *rest = (const char *)handler->reply + session->moved;
    size_t size = handler->reply_size - session->moved;

    iocp_op_set_timeout(&session->op, session->all->idle_timeout_ms);
    int result = iocp_begin_send(session->socket, &session->op, rest,
                                 size < PIECE_SIZE ? size : PIECE_SIZE, on_sent, session);
    if (result < 0)
        end_failed(session, result);
}

static void on_sent(struct iocp_op *op, void *context)
{
    struct session *session = context;
    ssize_t sent = iocp_end_send(session->socket, op);

    if (sent < 0) {
        /* Nobody reads: the kernel need not keep what is left of the reply. */
        iocp_socket_abort(session->socket);
        end_failed(session, (int)sent);
        return;
    }
    session->moved += (size_t)sent;
    if (session->moved < session->handler.reply_size) {
        send_reply(session);
        return;
    }
    session->moved = 0;
    handler_replied(&session->handler);
    if (session->finishing)
        finish(session);
    else
        be_idle(session);
}

/* Do what the handler has decided. */
static void follow(struct session *session, enum handler_next next)
{
    session->finishing = next == HANDLER_FINISH;
    if (session->handler.reply_size > 0)
        send_reply(session);
    else if (session->finishing)
        finish(session);
    else if (handler_is_idle(&session->handler))
        be_idle(session);
    else
        receive_more(session);
}

/* With nothing in hand, a receive waits WARM_MS with a buffer, and the rest of the idle time-out
 * without one; if the time-out is shorter than that, all of it with a buffer. */
static bool may_be_warm(const struct session *session)
{
    const int idle_timeout_ms = session->all->idle_timeout_ms;

    return handler_is_idle(&session->handler) &&
           (idle_timeout_ms == 0 || idle_timeout_ms > WARM_MS);
}

static int cold_timeout_ms(const struct sessions *all)
{
    return all->idle_timeout_ms ? all->idle_timeout_ms - WARM_MS : 0;
}

/* A receive came back without bytes and without an end of the stream. */
static void receive_failed(struct session *session, int error)
{
    bool idle = handler_is_idle(&session->handler);
    bool warm = session->handler.input.capacity > 0 && may_be_warm(session);

    if (idle && (error == -ECANCELED || (error == -ETIMEDOUT && session->last_look))) {
        be_idle(session);
    } else if (error == -ECANCELED && !sessions_are_aborting(session->all)) {
        receive_more(session);
    } else if (error == -ETIMEDOUT && warm) {
        buffer_release(&session->handler.input, session->all->rules.spares);
        wait_for_bytes(session, cold_timeout_ms(session->all));
    } else {
        end_failed(session, error);
    }
}

static void on_received(struct iocp_op *op, void *context)
{
    struct session *session = context;
    ssize_t received = iocp_end_receive(session->socket, op);

    if (received < 0) {
        receive_failed(session, (int)received);
    } else if (received == 0) {
        session->peer_ended = true;
        follow(session, handler_ended(&session->handler));
    } else {
        follow(session, handler_received(&session->handler, (size_t)received));
    }
}

static void receive_more(struct session *session)
{
    const int timeout_ms = may_be_warm(session) ? WARM_MS : session->all->idle_timeout_ms;
    void *room;
    size_t size;

    int result = handler_room(&session->handler, &room, &size);
    if (result == 0) {
        iocp_op_set_timeout(&session->op, timeout_ms);
        result =
            iocp_begin_receive(session->socket, &session->op, room, size, on_received, session);
    }
    if (result < 0)
        end_failed(session, result);
}

/* Something is there to be received: now a buffer is needed. */
static void on_readable(struct iocp_op *op, void *context)
{
    struct session *session = context;
    ssize_t received = iocp_end_receive(session->socket, op);
    int64_t now_ms = clock_now_ms();

    if (received < 0) {
        receive_failed(session, (int)received);
        return;
    }
    if (now_ms - session->woken_ms > BUSY_PAUSE_MS)
        session->times = 0;
    if (session->times < BUSY_TIMES)
        session->times++;
    session->woken_ms = now_ms;
    receive_more(session);
}

/* An idle client costs no buffer: this receive takes nothing, it only tells. */
static void wait_for_bytes(struct session *session, int timeout_ms)
{
    iocp_op_set_timeout(&session->op, timeout_ms);
    int result = iocp_begin_receive(session->socket, &session->op, NULL, 0, on_readable, session);
    if (result < 0)
        end_failed(session, result);
}

static void on_opened(struct iocp_op *op, void *context)
{
    struct session *session = context;

    (void)op;
    sessions_opened(session->all);
    if (sessions_are_draining(session->all))
        be_idle(session);
    else
        receive_more(session); /* most often the first bytes have come with the client */
}

int session_start(struct sessions *sessions, int fd)
{
    struct session *session = calloc(1, sizeof *session);
    int result = -ENOMEM;

    if (!session)
        goto close_fd;
    session->all = sessions;
    handler_init(&session->handler, sessions->handler, &sessions->rules);
    result = iocp_socket_adopt_accepted(sessions->port, fd, (uintptr_t)session, &session->socket);
    if (result < 0)
        goto free_session;
    sessions_add(sessions);
    result = iocp_port_post_callback(sessions->port, &session->op, (uintptr_t)session, on_opened,
                                     session);
    if (result < 0) {
        sessions_opened(sessions);
        end(session, SESSION_FAILED);
    }
    return result;

free_session:
    free(session);
close_fd:
    close(fd);
    return result;
}
