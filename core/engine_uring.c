/* engine_uring.c - the kernel carries operations out; a waiter waits for what comes back. */
/* SPDX-License-Identifier: MIT */
/*
 * An operation stays the library's own: what stands in the ring is armed for its channel, names
 * no memory of the operation, and so need not come back before that can be cancelled, closed or
 * past its deadline. A receive, once armed, stays so, and fetches bytes for whichever operations
 * are then the oldest; what none of them takes stays unread in the socket for the next one. It is
 * recalled when too much stays unread, and when so much comes at once that a look whether there
 * is something, and a call into the caller's own memory, are cheaper than a copy.
 *
 * Only a send is handed over as it is. It never waits in the kernel, so it comes back with the
 * submission it went in with; until then it cannot be taken out of its channel.
 *
 * The thread that runs the lane's callbacks leaves its receives and sends to be submitted all at
 * once when it next waits. What other threads begin is tried at once.
 *
 * While anything is armed for it a socket is held. If that comes back cancelled although nobody
 * asked for that, the thread that submitted it has ended: it is armed again.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "engine_uring_ring.h"
#include "lane.h"
#include "socket.h"

enum { RETURNS_PER_WAIT = 128 };

/* Of one socket, before its receive is recalled. */
enum { UNREAD_BUFFERS_MAX = 8 };

/* A mark is the channel's address, with what is armed in its low bits; or one of these. */
enum { MARK_OF_WAKE = 0, MARK_OF_RECALL = 1, ARMED_BITS = 3 };

_Static_assert((int)BUFFER_SIZE == (int)BULK, "a full buffer is a bulky receive");

_Static_assert(_Alignof(struct channel) > ARMED_BITS, "the low bits are free");
_Static_assert((int)ARMED_SEND <= (int)ARMED_BITS, "they hold what is armed");

struct uring_engine {
    struct engine engine;
    struct ring ring;
    int wake_fd;
    bool wake_armed;     /* of the thread that waits, as the next one */
    uint64_t wake_count; /* the kernel writes it */
};

static struct uring_engine *self_of(struct engine *engine)
{
    return (struct uring_engine *)engine;
}

static int uring_start(struct engine *engine)
{
    struct uring_engine *self = self_of(engine);
    int error;

    self->wake_fd = eventfd(0, EFD_CLOEXEC); /* blocking: the kernel waits for it */
    if (self->wake_fd < 0)
        return -errno;
    error = ring_open(&self->ring, &engine->note);
    if (error < 0)
        close(self->wake_fd);
    return error;
}

static void uring_wake(struct engine *engine, struct seat *seat)
{
    (void)seat;
    (void)eventfd_write(self_of(engine)->wake_fd, 1);
}

static int uring_descriptor(struct engine *engine)
{
    return self_of(engine)->ring.uring.ring_fd;
}

/* Into the ring. */

static void arm_wake(struct uring_engine *self)
{
    struct io_uring_sqe entry = {0};

    if (self->wake_armed)
        return;
    io_uring_prep_read(&entry, self->wake_fd, &self->wake_count, sizeof self->wake_count, 0);
    io_uring_sqe_set_data64(&entry, MARK_OF_WAKE);
    (void)ring_put(&self->ring, &entry);
    self->wake_armed = true;
}

static uint64_t mark_of(const struct channel *channel)
{
    return (uintptr_t)channel | channel->armed;
}

static bool has_armed(const struct iocp_socket *socket)
{
    return socket->in.armed != ARMED_NONE || socket->out.armed != ARMED_NONE;
}

static void put(struct uring_engine *self, struct channel *channel, struct io_uring_sqe *entry,
                enum channel_armed armed)
{
    if (!has_armed(channel->socket))
        socket_hold(channel->socket);
    channel->armed = (uint8_t)armed;
    io_uring_sqe_set_data64(entry, mark_of(channel));
    channel->place = ring_put(&self->ring, entry);
}

static void arm_poll(struct uring_engine *self, struct channel *channel)
{
    struct io_uring_sqe entry = {0};

    io_uring_prep_poll_add(&entry, channel->socket->fd, channel->outward ? POLLOUT : POLLIN);
    put(self, channel, &entry, ARMED_POLL);
}

/* The kernel is not to try first: it would most often be in vain. */
static void arm_receive(struct uring_engine *self, struct channel *channel)
{
    struct io_uring_sqe entry = {0};

    io_uring_prep_recv_multishot(&entry, channel->socket->fd, NULL, 0, 0);
    entry.flags |= IOSQE_BUFFER_SELECT;
    entry.buf_group = BUFFER_GROUP;
    entry.ioprio |= IORING_RECVSEND_POLL_FIRST;
    channel->ready = false; /* what is there comes by itself */
    put(self, channel, &entry, ARMED_RECEIVE);
}

/* The armed receive is to come back for good. */
static void recall(struct uring_engine *self, struct channel *channel)
{
    struct io_uring_sqe entry = {0};

    if (channel->socket->recalled)
        return;
    io_uring_prep_cancel64(&entry, mark_of(channel), 0);
    io_uring_sqe_set_data64(&entry, MARK_OF_RECALL);
    (void)ring_put(&self->ring, &entry);
    channel->socket->recalled = true;
}

static void arm_send(struct uring_engine *self, struct channel *channel)
{
    const struct iovec *part = channel->waiting.first->parts;
    struct io_uring_sqe entry = {0};

    io_uring_prep_send(&entry, channel->socket->fd, part->iov_base,
                       part->iov_len < INT_MAX ? part->iov_len : INT_MAX,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
    put(self, channel, &entry, ARMED_SEND);
}

static void arm(struct uring_engine *self, struct channel *channel)
{
    const struct iocp_op *op = channel->waiting.first;

    channel->socket->short_is_not_all = false; /* what comes from now on comes by itself */
    if (op->kind == OP_RECEIVE && op_size(op) > 0 && !channel->socket->bulky)
        arm_receive(self, channel);
    else
        arm_poll(self, channel);
}

/* What has been received stands before what may still be in the kernel. */
static void deliver_unread(struct uring_engine *self, struct iocp_socket *socket,
                           struct op_list *done)
{
    struct buffers *buffers = &self->ring.buffers;
    struct unread *unread = &socket->unread;

    while (unread->buffers > 0 && socket->in.waiting.first != NULL) {
        struct iovec bytes = unread_first(buffers, unread);
        size_t used =
            channel_deliver(&socket->in, bytes.iov_base, bytes.iov_len, unread->buffers > 1, done);
        uint16_t emptied;

        if (unread_take(buffers, unread, used, &emptied))
            ring_give_back(&self->ring, emptied);
    }
    while (socket->ended && socket->in.waiting.first != NULL)
        channel_deliver_end(&socket->in, 0, done);
}

/*
 * A reset that comes while the kernel hands out the bytes before it is forgotten: the armed receive
 * goes on waiting. So who waits for more, and has not sent since, asks whether the connection still
 * stands; a recalled receive comes back, and the next call tells.
 */
static void ask_if_unsure(struct uring_engine *self, struct iocp_socket *socket)
{
    struct pollfd broken = {.fd = socket->fd};

    if (!socket->unsure || socket->in.armed != ARMED_RECEIVE || socket->in.waiting.first == NULL ||
        socket->out.waiting.first != NULL)
        return;
    socket->unsure = false;
    if (poll(&broken, 1, 0) > 0)
        recall(self, &socket->in);
}

/* Carry out what can be done at once; for the rest the channel is armed. */
static void go_on(struct uring_engine *self, struct channel *channel, struct op_list *done)
{
    if (!channel->outward)
        deliver_unread(self, channel->socket, done);
    if (channel->armed == ARMED_NONE && channel_run(channel, done) != CHANNEL_EMPTY)
        arm(self, channel);
    ask_if_unsure(self, channel->socket);
}

/* Is it a send which a later submission may carry out as it is? */
static bool is_simple_send(const struct channel *channel)
{
    const struct iocp_socket *socket = channel->socket;
    const struct iocp_op *op = channel->waiting.first;

    return op->kind == OP_SEND && op->part_count == 1 && op->parts->iov_len > 0 && channel->ready &&
           channel->armed == ARMED_NONE && socket->error == 0 && !socket->skip_on_success &&
           !socket->sends_shut;
}

static int uring_submit(struct engine *engine, struct channel *channel, struct op_list *done)
{
    struct uring_engine *self = self_of(engine);
    bool here = lane_runs_here(engine->lane);
    enum channel_armed before = channel->armed;
    bool recalled = channel->socket->recalled;

    if (here && is_simple_send(channel)) {
        arm_send(self, channel);
    } else {
        if (before == ARMED_NONE && (!here || channel->socket->skip_on_success))
            channel->ready = true;
        go_on(self, channel, done);
    }
    /* Whoever sits has looked at what is to be submitted before. */
    if ((channel->armed != before || channel->socket->recalled != recalled) &&
        atomic_load(&engine->attended))
        uring_wake(engine, NULL);
    return 0;
}

static void uring_withdraw(struct engine *engine, struct channel *channel)
{
    (void)engine;
    (void)channel;
    /* What is armed stays so for the next operation. */
}

/* The kernel must have read what names the descriptor before that is closed, and must not hold the
 * connection open after it; but until the thread that submitted it comes by the kernel it does. */
static void call_back(struct uring_engine *self, struct channel *channel)
{
    if (channel->armed == ARMED_NONE)
        return;
    ring_hand_over_to(&self->ring, channel->place);
    if (channel->armed != ARMED_SEND)
        ring_cancel(&self->ring, mark_of(channel));
}

static void give_unread_back(struct uring_engine *self, struct unread *unread)
{
    struct buffers *buffers = &self->ring.buffers;
    uint16_t emptied;

    while (unread->buffers > 0) {
        if (unread_take(buffers, unread, unread_first(buffers, unread).iov_len, &emptied))
            ring_give_back(&self->ring, emptied);
    }
}

static void uring_detach(struct engine *engine, struct iocp_socket *socket)
{
    struct uring_engine *self = self_of(engine);

    call_back(self, &socket->in);
    call_back(self, &socket->out);
    give_unread_back(self, &socket->unread);
}

/* Out of the ring. */

static void on_bytes(struct uring_engine *self, struct iocp_socket *socket,
                     const struct returned *returned, struct op_list *done)
{
    uint16_t buffer = (uint16_t)(returned->flags >> IORING_CQE_BUFFER_SHIFT);

    if (socket->fd < 0 || returned->result <= 0) {
        ring_give_back(&self->ring, buffer);
        return;
    }
    socket->bulky = returned->result == BUFFER_SIZE;
    socket->unsure = true;
    unread_add(&self->ring.buffers, &socket->unread, buffer, (size_t)returned->result);
    deliver_unread(self, socket, done);
    if (socket->in.armed == ARMED_RECEIVE &&
        (socket->bulky || socket->unread.buffers > UNREAD_BUFFERS_MAX))
        recall(self, &socket->in);
}

static void on_receive(struct uring_engine *self, struct channel *channel,
                       const struct returned *returned, struct op_list *done)
{
    struct iocp_socket *socket = channel->socket;

    if (channel->armed == ARMED_NONE) {
        socket->recalled = false;
        channel->ready = true; /* it does not say whether it has left something */
    }
    if (returned->flags & IORING_CQE_F_BUFFER)
        on_bytes(self, socket, returned, done);
    if (returned->result > 0)
        return;

    switch (returned->result) {
    case -ENOBUFS:
    case -ECANCELED:
    case -EAGAIN:
    case -EINTR:
        break;
    case 0:
        socket->ended = true;
        break;
    default:
        channel_deliver_end(channel, returned->result, done);
    }
}

static void on_send(struct channel *channel, const struct returned *returned, struct op_list *done)
{
    channel_sent(channel, returned->result, done);
    if (returned->result > 0)
        channel->socket->unsure = false; /* it stood behind the bytes that have come so far */
    if (channel->socket->fd < 0)
        socket_leave(channel->socket, done->last->result < 0);
}

static void on_return(struct uring_engine *self, const struct returned *returned,
                      struct op_list *done)
{
    enum channel_armed armed = returned->mark & ARMED_BITS;
    struct channel *channel = (void *)(uintptr_t)(returned->mark - armed);
    struct iocp_socket *socket = channel->socket;
    bool was_last = false;

    lock_acquire(&socket->lock);
    if (!(returned->flags & IORING_CQE_F_MORE)) {
        channel->armed = ARMED_NONE;
        was_last = !has_armed(socket);
    }
    if (armed == ARMED_RECEIVE)
        on_receive(self, channel, returned, done);
    else if (armed == ARMED_SEND)
        on_send(channel, returned, done);
    else if (returned->result >= 0)
        channel->ready = true;
    if (socket->fd >= 0)
        go_on(self, channel, done);
    lock_release(&socket->lock);

    if (was_last)
        socket_drop(socket);
}

/* Some; all, if nothing is done by them. */
static void take_returns(struct uring_engine *self, struct op_list *done)
{
    struct returned returned[RETURNS_PER_WAIT];
    unsigned count;

    do {
        count = ring_take(&self->ring, returned, RETURNS_PER_WAIT);
        for (unsigned i = 0; i < count; i++) {
            if (returned[i].mark == MARK_OF_WAKE)
                self->wake_armed = false;
            else if (returned[i].mark != MARK_OF_RECALL)
                on_return(self, &returned[i], done);
        }
    } while (count == RETURNS_PER_WAIT && done->first == NULL);
}

static void enter(struct uring_engine *self, int64_t deadline_ns)
{
    const int looks = deadline_ns > 0 ? spin_looks(&self->engine.spin) : 0;
    bool found = false;

    for (int i = 0; i < looks && !found; i++) {
        ring_enter(&self->ring, 0);
        found = ring_has_returns(&self->ring);
    }
    if (looks > 0)
        spin_ended(&self->engine.spin, found);
    if (!found)
        ring_enter(&self->ring, deadline_ns);
}

static void uring_wait(struct engine *engine, struct seat *seat, int64_t deadline_ns,
                       struct op_list *done)
{
    struct uring_engine *self = self_of(engine);

    (void)seat;
    arm_wake(self);
    enter(self, deadline_ns);
    take_returns(self, done);
    if (done->first != NULL)
        return;
    /* The caller may watch the descriptor now. */
    arm_wake(self);
    ring_hand_over(&self->ring);
}

static void uring_stop(struct engine *engine)
{
    struct uring_engine *self = self_of(engine);
    struct op_list done = {0};

    uring_wake(engine, NULL); /* so that this comes back too */
    while (self->ring.outstanding > 0) {
        ring_enter(&self->ring, DEADLINE_NONE);
        take_returns(self, &done);
    }
    assert(done.first == NULL); /* the lane was emptied when the port was closed */
    ring_close(&self->ring);
    close(self->wake_fd);
}

const struct engine_ops engine_uring = {
    .name = "io_uring",
    .size = sizeof(struct uring_engine),
    .start = uring_start,
    .stop = uring_stop,
    .submit = uring_submit,
    .withdraw = uring_withdraw,
    .detach = uring_detach,
    .descriptor = uring_descriptor,
    .wait = uring_wait,
    .wake = uring_wake,
};
