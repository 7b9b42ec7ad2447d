/* engine_epoll.c - one waiter watches all sockets, then makes the calls that can be made. */
/* SPDX-License-Identifier: MIT */
/*
 * An operation is tried when it is begun; one with its data (room) there costs that one call.
 * A socket whose operation has to wait is registered once, edge-triggered, for both
 * directions. What a channel knows, `ready`, is changed under the socket's lock by the call
 * that would have to wait and by the event, so no wake-up is lost between them.
 *
 * An event holds a pointer. So a registered socket is held, and when it is closed the hold is
 * dropped by the next thread that begins a wait: then all events collected before are dealt
 * with, and later ones cannot name the socket.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "lock.h"
#include "socket.h"

enum { EVENTS_PER_WAIT = 128 };

static const uint32_t watched = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

struct epoll_engine {
    struct engine engine;
    int epoll_fd;
    int wake_fd;
    struct lock lock;
    struct channel *retired; /* of closed sockets, still held; guarded by lock */
};

static struct epoll_engine *self_of(struct engine *engine)
{
    return (struct epoll_engine *)engine;
}

static int epoll_start(struct engine *engine)
{
    struct epoll_engine *self = self_of(engine);
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = NULL};
    int error;

    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll_fd < 0)
        return errno == ENOSYS || errno == EPERM ? -ENOTSUP : -errno;
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->wake_fd < 0) {
        error = -errno;
        goto close_epoll;
    }
    if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &wake) < 0) {
        error = -errno;
        goto close_wake;
    }
    lock_init(&self->lock);
    return 0;

close_wake:
    close(self->wake_fd);
close_epoll:
    close(self->epoll_fd);
    return error;
}

static void drop_retired(struct epoll_engine *self)
{
    struct channel *channel;

    lock_acquire(&self->lock);
    channel = self->retired;
    self->retired = NULL;
    lock_release(&self->lock);

    while (channel != NULL) {
        struct channel *next = channel->behind;

        socket_drop(channel->socket);
        channel = next;
    }
}

static void epoll_stop(struct engine *engine)
{
    struct epoll_engine *self = self_of(engine);

    drop_retired(self);
    lock_destroy(&self->lock);
    close(self->wake_fd);
    close(self->epoll_fd);
}

/* Register, or ask for an event about what is ready already. */
static int watch(struct epoll_engine *self, struct iocp_socket *socket)
{
    struct epoll_event event = {.events = watched, .data.ptr = socket};
    int call = socket->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (epoll_ctl(self->epoll_fd, call, socket->fd, &event) < 0)
        return -errno;
    if (!socket->registered) {
        socket_hold(socket);
        socket->short_is_not_all = false;
    }
    socket->registered = true;
    return 0;
}

static int epoll_submit(struct engine *engine, struct channel *channel, struct op_list *done)
{
    struct iocp_socket *socket = channel->socket;
    enum channel_state state = channel_run(channel, done);

    if (state == CHANNEL_UNDONE || (state == CHANNEL_BLOCKED && !socket->registered))
        return watch(self_of(engine), socket);
    return 0;
}

static void epoll_withdraw(struct engine *engine, struct channel *channel)
{
    (void)engine;
    (void)channel;
    /* An event without an operation only sets `ready`: nothing is to be taken back. */
}

static void epoll_detach(struct engine *engine, struct iocp_socket *socket)
{
    struct epoll_engine *self = self_of(engine);

    if (!socket->registered)
        return;
    /* Not left to close: the descriptor may have been duplicated. */
    (void)epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, socket->fd, NULL);
    socket->registered = false;

    lock_acquire(&self->lock);
    socket->in.behind = self->retired;
    self->retired = &socket->in;
    lock_release(&self->lock);
}

static int epoll_descriptor(struct engine *engine)
{
    return self_of(engine)->epoll_fd;
}

static bool run_if(bool wanted, struct channel *channel, struct op_list *done)
{
    if (!wanted)
        return false;
    channel->ready = true;
    return channel_run(channel, done) == CHANNEL_UNDONE;
}

static void on_event(struct epoll_engine *self, struct iocp_socket *socket, uint32_t events,
                     struct op_list *done)
{
    const uint32_t ended = EPOLLHUP | EPOLLERR;

    lock_acquire(&socket->lock);
    if (socket->fd >= 0) {
        if (events & (EPOLLRDHUP | EPOLLPRI | ended))
            socket->short_is_not_all = true;
        const bool in_undone =
            run_if(events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI | ended), &socket->in, done);
        const bool out_undone = run_if(events & (EPOLLOUT | ended), &socket->out, done);

        if (in_undone || out_undone)
            (void)watch(self, socket); /* a change of what is registered needs no memory */
    }
    lock_release(&socket->lock);
}

static void drain_wake(struct epoll_engine *self)
{
    eventfd_t count;

    (void)eventfd_read(self->wake_fd, &count);
}

/* Events of sockets, at most EVENTS_PER_WAIT; how many, or less than none. */
static int collect(struct epoll_engine *self, struct epoll_event events[], int64_t deadline_ns)
{
    const int limit_ms = deadline_left_ms(deadline_ns);
    const int looks = limit_ms != 0 ? spin_looks(&self->engine.spin) : 0;
    int count = 0;

    for (int i = 0; i < looks && count == 0; i++)
        count = epoll_wait(self->epoll_fd, events, EVENTS_PER_WAIT, 0);
    if (looks > 0)
        spin_ended(&self->engine.spin, count > 0);
    return count > 0 ? count : epoll_wait(self->epoll_fd, events, EVENTS_PER_WAIT, limit_ms);
}

static void epoll_wait_events(struct engine *engine, struct seat *seat, int64_t deadline_ns,
                              struct op_list *done)
{
    struct epoll_engine *self = self_of(engine);
    struct epoll_event events[EVENTS_PER_WAIT];
    int count;

    (void)seat;
    drop_retired(self);
    count = collect(self, events, deadline_ns);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            drain_wake(self);
        else
            on_event(self, events[i].data.ptr, events[i].events, done);
    }
}

static void epoll_wake(struct engine *engine, struct seat *seat)
{
    (void)seat;
    (void)eventfd_write(self_of(engine)->wake_fd, 1);
}

const struct engine_ops engine_epoll = {
    .name = "epoll",
    .size = sizeof(struct epoll_engine),
    .start = epoll_start,
    .stop = epoll_stop,
    .submit = epoll_submit,
    .withdraw = epoll_withdraw,
    .detach = epoll_detach,
    .descriptor = epoll_descriptor,
    .wait = epoll_wait_events,
    .wake = epoll_wake,
};
