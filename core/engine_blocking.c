/* engine_blocking.c - a waiter blocks in one call for one socket: the shape taken literally. */
/* SPDX-License-Identifier: MIT */
/*
 * Channels with operations stand in a line. A waiter takes the first and blocks until that
 * socket is ready or the waiter is woken; then it makes the call. So it can be woken although
 * it blocks: it waits for the socket and for an eventfd of its own.
 *
 * If channels stand in line while all waiters block, each waiter gives a silent socket up after
 * a slice, and it goes to the back of the line. So silent sockets delay the others, but do not
 * shut them out.
 *
 * Locking  The line's lock is taken last, while a socket's or the port's lock is held.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "lock.h"
#include "socket.h"

/* How long a waiter stays with a silent socket while others stand in line. */
enum { SLICE_NS = 2000000 };

struct seat {
    struct seat *next_free;  /* guarded by the port's lock */
    struct seat *next;       /* of all seats; guarded by the line's lock */
    struct channel *channel; /* which its waiter blocks for; guarded by the line's lock */
    bool sitting;            /* its waiter is inside wait; guarded by the line's lock */
    bool hurried;            /* its waiter will be back after a slice; guarded by the line's lock */
    atomic_bool called;      /* set by wake, cleared by the wait which that ends */
    int wake_fd;
};

struct blocking_engine {
    struct engine engine;
    struct seat *free; /* guarded by the port's lock */
    struct lock lock;
    struct seat *seats;    /* guarded by lock, as all below */
    struct channel *first; /* the line */
    struct channel *last;
};

static struct blocking_engine *self_of(struct engine *engine)
{
    return (struct blocking_engine *)engine;
}

static struct seat *new_seat(struct blocking_engine *self)
{
    struct seat *seat = calloc(1, sizeof *seat);

    if (seat == NULL)
        return NULL;
    seat->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (seat->wake_fd < 0) {
        free(seat);
        return NULL;
    }
    lock_acquire(&self->lock);
    seat->next = self->seats;
    self->seats = seat;
    lock_release(&self->lock);
    return seat;
}

/* The first seat is made here: without any, nothing would ever be done. */
static int blocking_start(struct engine *engine)
{
    struct blocking_engine *self = self_of(engine);
    int error;

    lock_init(&self->lock);
    self->free = new_seat(self);
    if (self->free != NULL)
        return 0;
    error = -errno;
    lock_destroy(&self->lock);
    return error;
}

static void blocking_stop(struct engine *engine)
{
    struct blocking_engine *self = self_of(engine);

    for (struct channel *channel; (channel = self->first) != NULL;) {
        self->first = channel->behind;
        socket_drop(channel->socket); /* closed: nobody looks at it any more */
    }
    for (struct seat *seat; (seat = self->seats) != NULL;) {
        self->seats = seat->next;
        close(seat->wake_fd);
        free(seat);
    }
    lock_destroy(&self->lock);
}

static struct seat *blocking_sit(struct engine *engine)
{
    struct blocking_engine *self = self_of(engine);
    struct seat *seat = self->free;

    if (seat == NULL)
        return new_seat(self);
    self->free = seat->next_free;
    return seat;
}

static void blocking_rise(struct engine *engine, struct seat *seat)
{
    struct blocking_engine *self = self_of(engine);

    seat->next_free = self->free;
    self->free = seat;
}

static void join_line(struct blocking_engine *self, struct channel *channel) REQUIRES(self->lock);
static struct channel *leave_line(struct blocking_engine *self) REQUIRES(self->lock);
static void nudge(struct blocking_engine *self) REQUIRES(self->lock);
static void release_seat_of(struct blocking_engine *self, const struct channel *channel)
    REQUIRES(self->lock);

static void join_line(struct blocking_engine *self, struct channel *channel)
{
    channel->behind = NULL;
    if (self->first == NULL)
        self->first = channel;
    else
        self->last->behind = channel;
    self->last = channel;
}

static struct channel *leave_line(struct blocking_engine *self)
{
    struct channel *channel = self->first;

    if (channel != NULL)
        self->first = channel->behind;
    return channel;
}

/* A channel joined the line: bring a waiter that has none to it; else one that would stay with
 * its own for ever. The others come by themselves. */
static void nudge(struct blocking_engine *self)
{
    struct seat *found = NULL;

    for (struct seat *seat = self->seats; seat != NULL; seat = seat->next) {
        if (!seat->sitting || seat->hurried)
            continue;
        found = seat;
        if (seat->channel == NULL)
            break;
    }
    if (found == NULL)
        return;
    found->hurried = true;
    (void)eventfd_write(found->wake_fd, 1);
}

static void release_seat_of(struct blocking_engine *self, const struct channel *channel)
{
    for (struct seat *seat = self->seats; seat != NULL; seat = seat->next) {
        if (seat->channel == channel)
            (void)eventfd_write(seat->wake_fd, 1);
    }
}

static void line_up(struct blocking_engine *self, struct channel *channel)
{
    lock_acquire(&self->lock);
    join_line(self, channel);
    nudge(self);
    lock_release(&self->lock);
}

static int blocking_submit(struct engine *engine, struct channel *channel, struct op_list *done)
{
    (void)done;
    if (channel->lined_up)
        return 0;
    channel->lined_up = true;
    socket_hold(channel->socket);
    line_up(self_of(engine), channel);
    return 0;
}

static void blocking_withdraw(struct engine *engine, struct channel *channel)
{
    struct blocking_engine *self = self_of(engine);

    if (!channel->lined_up || channel->waiting.first != NULL)
        return;
    lock_acquire(&self->lock);
    release_seat_of(self, channel);
    lock_release(&self->lock);
}

static void blocking_detach(struct engine *engine, struct iocp_socket *socket)
{
    blocking_withdraw(engine, &socket->in);
    blocking_withdraw(engine, &socket->out);
}

static struct channel *take_channel(struct blocking_engine *self, struct seat *seat, bool *hurried)
{
    struct channel *channel;

    lock_acquire(&self->lock);
    channel = leave_line(self);
    seat->channel = channel;
    seat->sitting = true;
    *hurried = seat->hurried = self->first != NULL;
    lock_release(&self->lock);
    return channel;
}

static void give_up_channel(struct blocking_engine *self, struct seat *seat)
{
    lock_acquire(&self->lock);
    seat->channel = NULL;
    seat->sitting = false;
    lock_release(&self->lock);
}

/* What is to be waited for; with -1, which poll passes over: nothing. */
static struct pollfd readiness_of(struct channel *channel)
{
    struct pollfd wanted = {.fd = -1};

    lock_acquire(&channel->socket->lock);
    wanted.fd = channel->waiting.first != NULL ? channel->socket->fd : -1;
    wanted.events = channel->outward ? POLLOUT : POLLIN;
    lock_release(&channel->socket->lock);
    return wanted;
}

/*
 * Block until the socket is ready (then true), the waiter is woken, or the deadline. If the
 * descriptor is closed and used anew meanwhile, detach has written to the eventfd before.
 */
static bool block(struct seat *seat, struct channel *channel, bool hurried, int64_t deadline_ns)
{
    struct pollfd fds[2] = {{.fd = seat->wake_fd, .events = POLLIN}, {.fd = -1}};
    eventfd_t count;

    if (channel != NULL) {
        fds[1] = readiness_of(channel);
        if (fds[1].fd < 0)
            return false;
    }
    if (hurried) {
        const int64_t slice_end_ns = clock_now_ns() + SLICE_NS;

        deadline_ns = slice_end_ns < deadline_ns ? slice_end_ns : deadline_ns;
    }
    if (poll(fds, 2, deadline_left_ms(deadline_ns)) <= 0)
        return false;
    if (fds[0].revents != 0)
        (void)eventfd_read(seat->wake_fd, &count);
    return fds[1].revents != 0;
}

static void line_up_again(struct blocking_engine *self, struct channel *channel)
{
    lock_acquire(&self->lock);
    join_line(self, channel);
    lock_release(&self->lock);
}

/* Make the call if it can be made; what is left to do lines up again. Nobody is brought to it:
 * who gave it up takes the next of the line itself, or passes the nudge on. */
static void serve(struct blocking_engine *self, struct channel *channel, bool ready,
                  struct op_list *done)
{
    struct iocp_socket *socket = channel->socket;
    bool over;

    lock_acquire(&socket->lock);
    if (ready && socket->fd >= 0) {
        channel->ready = true;
        channel_run(channel, done);
    }
    over = socket->fd < 0 || channel->waiting.first == NULL;
    if (over)
        channel->lined_up = false;
    else
        line_up_again(self, channel);
    lock_release(&socket->lock);

    if (over)
        socket_drop(socket);
}

/* The waiter goes, and may have been the one who was brought to the line. */
static void pass_nudge_on(struct blocking_engine *self)
{
    lock_acquire(&self->lock);
    if (self->first != NULL)
        nudge(self);
    lock_release(&self->lock);
}

static void blocking_wait(struct engine *engine, struct seat *seat, int64_t deadline_ns,
                          struct op_list *done)
{
    struct blocking_engine *self = self_of(engine);

    do {
        bool hurried;
        struct channel *channel = take_channel(self, seat, &hurried);
        bool ready = block(seat, channel, hurried, deadline_ns);

        give_up_channel(self, seat);
        if (channel != NULL)
            serve(self, channel, ready, done);
    } while (done->first == NULL && !atomic_exchange(&seat->called, false) &&
             clock_now_ns() < deadline_ns);

    pass_nudge_on(self);
}

static void blocking_wake(struct engine *engine, struct seat *seat)
{
    (void)engine;
    atomic_store(&seat->called, true);
    (void)eventfd_write(seat->wake_fd, 1);
}

const struct engine_ops engine_blocking = {
    .name = "blocking",
    .size = sizeof(struct blocking_engine),
    .shared = true,
    .start = blocking_start,
    .stop = blocking_stop,
    .submit = blocking_submit,
    .withdraw = blocking_withdraw,
    .detach = blocking_detach,
    .sit = blocking_sit,
    .rise = blocking_rise,
    .wait = blocking_wait,
    .wake = blocking_wake,
};
