/* session.h - one client: what it consists of, its start and its ends. */
/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <iocp/op.h>
#include <iocp/socket.h>

#include "sessions.h"

/* What a session needs only while something is in hand, or may soon be. */
struct exchange {
    struct handler handler;
    size_t moved; /* bytes of the reply sent so far; after it: bytes read and dropped */
    int64_t message_deadline_ms; /* when all of the message has to be there; 0: none is begun */
    int64_t byte_deadline_ms;    /* in its middle: when the next byte has to be; 0: not yet set */
    int64_t linger_deadline_ms;
    bool finishing; /* the reply in hand is the last one */
    bool said_end;  /* its last piece was sent with the end */
};

/* A client that is silent costs no more than this: small. What all sessions have in common is the
 * context of each operation. */
struct session {
    struct iocp_op op; /* first: it names the session */
    struct iocp_socket *socket;
    struct exchange *exchange; /* NULL: none */
    uint32_t woken_ms;         /* when bytes came for which there was no buffer */
    uint8_t times;             /* bytes came without a longer pause */
    bool has_spoken;
    bool peer_ended;
    bool last_look; /* the stop has begun: what comes now is the last to come */
};

/* All sessions, among which it is. */
static inline struct sessions *session_all(const struct session *session)
{
    return iocp_op_context(&session->op);
}

static inline struct session *session_of(struct iocp_op *op)
{
    return (struct session *)op;
}

/*
 * Begin a session on a connected descriptor; a worker opens it. It ends and frees itself.
 *
 * Ownership  The descriptor is taken over in any case: after a failure it is closed.
 * Returns    0. -ENOMEM, -ESHUTDOWN.
 */
int session_start(struct sessions *sessions, int fd);

/* Have what is needed for something in hand, 0 or -ENOMEM; and give it back. */
int session_take_up(struct session *session);
void session_put_down(struct session *session);

/* With nothing of a message in hand: the next one, unless there shall be none. */
void session_be_idle(struct session *session);

/* Send the reply that the handler has; then be idle, or finish if it is the last one. */
void session_reply(struct session *session);

/* The two ends of a session, which is gone or as good as gone when they return: everything is said,
 * so let the client know and see it off; or an operation has failed. */
void session_finish(struct session *session);
void session_end_failed(struct session *session, int error);

#endif
