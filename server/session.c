/* session.c - one client: what it says is waited for, received, and given to the handler. */
/* SPDX-License-Identifier: MIT */
/*
 * A session has one operation in flight, and each callback begins the next one or ends the
 * session: so no two threads are ever inside the same session, and it needs no lock.
 *
 *     on_opened ─┬─▶ receive_what_is_there ─▶ follow
 *                └─▶ session_be_idle                     the stop has begun
 *
 *     session_be_idle ─┬─▶ wait_for_bytes ─▶ on_readable ─▶ receive_what_is_there ─▶ follow
 *                      ├─▶ receive_more ─▶ on_received ─▶ follow   the client is busy
 *                      └─▶ session_finish                          the stop has begun
 *
 *     follow ─┬─▶ receive_more ─▶ on_received ─▶ follow  the handler wants more
 *             ├─▶ session_reply ─▶ on_sent               session_reply.c: after the last one
 *             │                                          session_finish, else session_be_idle
 *             ├─▶ session_be_idle                        the handler has done with it
 *             └─▶ session_finish ─▶ on_lingered ─▶ end   session_end.c
 *
 *     receive_more ─▶ session_reply                      no memory for the rest: the last one
 */
#include "session.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

/* A client is busy that has said something so many times without a longer pause. Then its buffer is
 * kept from one time to the next, for WARM_MS; who says something now and then has none between. */
#define BUSY_TIMES    4
#define BUSY_PAUSE_MS 200
#define WARM_MS       1000

/* A client whose first bytes have arrived when the stop begins is served: with nothing in hand, a
 * session looks once more for this long. */
#define LAST_LOOK_MS 50

static void wait_for_bytes(struct session *session, int timeout_ms);
static void receive_more(struct session *session);

int session_take_up(struct session *session)
{
    const struct sessions *all = session_all(session);

    if (session->exchange)
        return 0;
    session->exchange = calloc(1, sizeof *session->exchange);
    if (!session->exchange)
        return -ENOMEM;
    handler_init(&session->exchange->handler, all->handler, &all->rules);
    return 0;
}

void session_put_down(struct session *session)
{
    if (!session->exchange)
        return;
    handler_destroy(&session->exchange->handler);
    free(session->exchange);
    session->exchange = NULL;
}

static bool has_buffer(const struct session *session)
{
    return session->exchange && session->exchange->handler.input.capacity > 0;
}

/* Nothing is in hand: keep no more than has to be. */
static void rest(struct session *session, int timeout_ms)
{
    if (session->exchange && handler_is_fresh(&session->exchange->handler))
        session_put_down(session);
    else if (session->exchange)
        buffer_release(&session->exchange->handler.input, session_all(session)->rules.memory);
    wait_for_bytes(session, timeout_ms);
}

void session_be_idle(struct session *session)
{
    struct sessions *all = session_all(session);

    if (session->last_look) {
        session_finish(session);
    } else if (sessions_are_draining(all)) {
        session->last_look = true;
        rest(session, LAST_LOOK_MS);
    } else if (session->times >= BUSY_TIMES && has_buffer(session)) {
        receive_more(session);
    } else {
        rest(session, all->idle_timeout_ms);
    }
}

/* Do what the handler has decided. */
static void follow(struct session *session, enum handler_next next)
{
    struct exchange *exchange = session->exchange;

    exchange->finishing = next == HANDLER_FINISH;
    if (exchange->handler.reply_size > 0)
        session_reply(session);
    else if (exchange->finishing)
        session_finish(session);
    else if (handler_is_idle(&exchange->handler))
        session_be_idle(session);
    else
        receive_more(session);
}

static bool is_idle(const struct session *session)
{
    return !session->exchange || handler_is_idle(&session->exchange->handler);
}

/* With nothing in hand, a receive waits WARM_MS with a buffer, and the rest of the idle time-out
 * without one; if the time-out is shorter than that, all of it with a buffer. */
static bool may_be_warm(const struct session *session)
{
    const int idle_timeout_ms = session_all(session)->idle_timeout_ms;

    return is_idle(session) && (idle_timeout_ms == 0 || idle_timeout_ms > WARM_MS);
}

static int cold_timeout_ms(const struct sessions *all)
{
    return all->idle_timeout_ms ? all->idle_timeout_ms - WARM_MS : 0;
}

/* A receive came back without bytes and without an end of the stream. */
static void receive_failed(struct session *session, int error)
{
    struct sessions *all = session_all(session);
    bool idle = is_idle(session);
    bool warm = has_buffer(session) && may_be_warm(session);

    if (idle && (error == -ECANCELED || (error == -ETIMEDOUT && session->last_look))) {
        session_be_idle(session);
    } else if (error == -ECANCELED && !sessions_are_aborting(all)) {
        receive_more(session);
    } else if (error == -ETIMEDOUT && warm) {
        rest(session, cold_timeout_ms(all));
    } else {
        session_end_failed(session, error);
    }
}

/* What a receive came to; the bytes stand in the handler's room. */
static void go_on(struct session *session, ssize_t received)
{
    if (received < 0) {
        receive_failed(session, (int)received);
    } else if (received == 0) {
        session->peer_ended = true;
        follow(session, handler_ended(&session->exchange->handler));
    } else {
        session->has_spoken = true;
        session->exchange->byte_deadline_ms = 0;
        follow(session, handler_received(&session->exchange->handler, (size_t)received));
    }
}

static void on_received(struct iocp_op *op, void *context)
{
    struct session *session = session_of(op);

    (void)context;
    go_on(session, iocp_end_receive(session->socket, op));
}

/* What is left of a limit that begins now, unless it has begun before. A limit of 0 is none. */
static int64_t left_of(int limit_ms, int64_t *deadline_ms, int64_t now_ms)
{
    if (limit_ms == 0)
        return INT64_MAX;
    if (*deadline_ms == 0)
        *deadline_ms = now_ms + limit_ms;
    return *deadline_ms - now_ms;
}

/*
 * How long the next receive may wait. In the middle of a message that is what is left for the next
 * byte, and no longer than what is left for the whole of it: neither a byte now and then nor a stop
 * that takes back each receive holds the connection. 0, -ETIMEDOUT; -ECANCELED: no longer at all.
 */
static int choose_timeout(struct session *session, int *timeout_ms)
{
    struct sessions *all = session_all(session);
    struct exchange *exchange = session->exchange;

    if (sessions_are_aborting(all)) /* who sends fast never waits, so nothing can be taken back */
        return -ECANCELED;
    *timeout_ms = may_be_warm(session) ? WARM_MS : all->idle_timeout_ms;
    if (is_idle(session))
        return 0;
    const int64_t now_ms = clock_now_ms();
    const int64_t byte_ms = left_of(all->idle_timeout_ms, &exchange->byte_deadline_ms, now_ms);
    const int64_t message_ms =
        left_of(all->message_timeout_ms, &exchange->message_deadline_ms, now_ms);
    const int64_t left_ms = byte_ms < message_ms ? byte_ms : message_ms;
    if (left_ms <= 0)
        return -ETIMEDOUT;
    *timeout_ms = left_ms <= INT_MAX ? (int)left_ms : 0;
    return 0;
}

/* The message in hand needs more memory than there is. */
static void refuse(struct session *session)
{
    handler_lacks_memory(&session->exchange->handler);
    session->exchange->finishing = true;
    session_reply(session);
}

static void receive_more(struct session *session)
{
    struct sessions *all = session_all(session);
    int timeout_ms;
    void *room;
    size_t size;

    int result = choose_timeout(session, &timeout_ms);
    if (result == 0)
        result = session_take_up(session);
    if (result == 0)
        result = handler_room(&session->exchange->handler, &room, &size);
    if (result == -ENOMEM && !is_idle(session)) {
        refuse(session);
        return;
    }
    if (result == 0) {
        iocp_op_set_timeout(&session->op, timeout_ms);
        result = iocp_begin_receive(session->socket, &session->op, room, size, on_received, all);
    }
    if (result < 0)
        session_end_failed(session, result);
}

static void note_time(struct session *session)
{
    uint32_t now_ms = (uint32_t)clock_now_ms();

    if (now_ms - session->woken_ms > BUSY_PAUSE_MS)
        session->times = 0;
    if (session->times < BUSY_TIMES)
        session->times++;
    session->woken_ms = now_ms;
}

/* Give the handler bytes which it has no room for yet: room to measure. */
static int hand_over(struct session *session, const void *bytes, size_t size)
{
    void *room;
    int result = session_take_up(session);

    if (result == 0 && size > 0)
        result = handler_room_for(&session->exchange->handler, size, &room);
    if (result == 0 && size > 0)
        memcpy(room, bytes, size);
    return result;
}

/* This receive does not wait for anybody: with `certain`, something is there; else it is taken back
 * if nothing is. So nothing is posted for it. When many silent clients speak at once, each takes
 * the memory that its bytes need, and no buffer. */
static void receive_what_is_there(struct session *session, bool certain)
{
    char bytes[BUFFER_FIRST];
    int result = iocp_begin_receive(session->socket, &session->op, bytes, sizeof bytes, NULL,
                                    session_all(session));

    if (result < 0) {
        session_end_failed(session, result);
        return;
    }
    if (!certain && !iocp_op_completed(&session->op)) {
        int asked = iocp_socket_cancel(session->socket, &session->op);

        (void)asked; /* it fails if something has come after all: the end tells */
    }
    ssize_t received = iocp_end_receive(session->socket, &session->op);
    if (received >= 0)
        result = hand_over(session, bytes, (size_t)received);
    if (result < 0)
        session_end_failed(session, result);
    else
        go_on(session, received);
}

static void on_readable(struct iocp_op *op, void *context)
{
    struct session *session = session_of(op);
    ssize_t received = iocp_end_receive(session->socket, op);

    (void)context;
    if (received < 0) {
        receive_failed(session, (int)received);
    } else {
        note_time(session);
        receive_what_is_there(session, true);
    }
}

/* An idle client costs no buffer: this receive takes nothing, it only tells. */
static void wait_for_bytes(struct session *session, int timeout_ms)
{
    iocp_op_set_timeout(&session->op, timeout_ms);
    int result = iocp_begin_receive(session->socket, &session->op, NULL, 0, on_readable,
                                    session_all(session));
    if (result < 0)
        session_end_failed(session, result);
}

static void on_opened(struct iocp_op *op, void *context)
{
    struct session *session = session_of(op);

    sessions_opened(context);
    if (sessions_are_draining(context))
        session_be_idle(session);
    else
        receive_what_is_there(session, false); /* the first bytes often come with the client */
}

int session_start(struct sessions *sessions, int fd)
{
    struct session *session = calloc(1, sizeof *session);
    int result = -ENOMEM;

    if (!session)
        goto close_fd;
    result = iocp_socket_adopt_accepted(sessions->port, fd, (uintptr_t)session, &session->socket);
    if (result < 0)
        goto free_session;
    sessions_add(sessions);
    result = iocp_port_post_callback(sessions->port, &session->op, (uintptr_t)session, on_opened,
                                     sessions);
    if (result == 0)
        return 0;
    sessions_opened(sessions);
    iocp_socket_free(session->socket);
    free(session);
    sessions_remove(sessions, SESSION_FAILED);
    return result;

free_session:
    free(session);
close_fd:
    close(fd);
    return result;
}
