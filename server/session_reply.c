/* session_reply.c - the reply of a session: piece by piece, and what comes after it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "session.h"

/* A reply goes out in pieces of this size, each with the idle time-out of its own: a client
 * that reads slowly is served, one that does not read at all is not waited for. */
#define PIECE_SIZE ((size_t)256 * 1024)

static void on_sent(struct iocp_op *op, void *context);

/* The last piece takes the end along; but the transcript tells first that it was sent. */
static bool says_end(const struct exchange *exchange, size_t size)
{
    return exchange->finishing && size <= PIECE_SIZE && !exchange->handler.rules->transcript;
}

/* Nobody reads, or something is short: the kernel need not keep what is left of the reply, and the
 * client must not take what it has got for all. */
static void reply_failed(struct session *session, int error)
{
    iocp_socket_abort(session->socket);
    session_end_failed(session, error);
}

void session_reply(struct session *session)
{
    struct sessions *all = session_all(session);
    struct exchange *exchange = session->exchange;
    const char *unsent = (const char *)exchange->handler.reply + exchange->moved;
    size_t size = exchange->handler.reply_size - exchange->moved;
    int result;

    if (sessions_are_aborting(all)) {
        reply_failed(session, -ECANCELED);
        return;
    }
    exchange->said_end = says_end(exchange, size);
    iocp_op_set_timeout(&session->op, all->idle_timeout_ms);
    if (exchange->said_end)
        result =
            iocp_begin_send_shutdown(session->socket, &session->op, unsent, size, on_sent, all);
    else
        result = iocp_begin_send(session->socket, &session->op, unsent,
                                 size < PIECE_SIZE ? size : PIECE_SIZE, on_sent, all);
    if (result < 0)
        reply_failed(session, result);
}

static void on_sent(struct iocp_op *op, void *context)
{
    struct session *session = session_of(op);
    struct exchange *exchange = session->exchange;
    ssize_t sent = iocp_end_send(session->socket, op);

    (void)context;
    if (sent < 0) {
        reply_failed(session, (int)sent);
        return;
    }
    exchange->moved += (size_t)sent;
    if (exchange->moved < exchange->handler.reply_size) {
        session_reply(session);
        return;
    }
    exchange->moved = 0;
    exchange->message_deadline_ms = 0;
    handler_replied(&exchange->handler);
    if (exchange->finishing)
        session_finish(session);
    else
        session_be_idle(session);
}
