/* slow_crowd.c - see slow_crowd.h. */
/* SPDX-License-Identifier: MIT */
#include "slow_crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"
#include "measure.h"

#define TURN_MS    20
#define EVENTS_MAX 256
#define OTHERS     64 /* descriptors that are not members */

struct member {
    int descriptor; /* -1: ended */
    int64_t begun_ns;
};

struct members {
    const struct slow_crowd *crowd;
    struct member *each;
    struct histogram *ages;
    size_t left;
    uint64_t said; /* bytes of all, in turn; one who is gone has its turn, too */
    int epoll;
};

static void say_a_byte(struct member *member)
{
    if (member->descriptor >= 0)
        (void)send(member->descriptor, "s", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int connect_one(struct members *members, size_t index)
{
    struct member *member = &members->each[index];
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u64 = index};

    member->descriptor = connections_connect(&members->crowd->server, index);
    if (member->descriptor < 0)
        return member->descriptor;
    member->begun_ns = measure_now_ns();
    say_a_byte(member);
    members->left++;
    if (epoll_ctl(members->epoll, EPOLL_CTL_ADD, member->descriptor, &event) < 0)
        return -errno;
    return 0;
}

static int connect_all(struct members *members)
{
    int error = connections_allow(members->crowd->count + OTHERS);

    for (size_t i = 0; i < members->crowd->count && error == 0; i++)
        error = connect_one(members, i);
    return error;
}

/* Those whose time has come, `elapsed_ns` after all were connected. */
static void say_what_is_due(struct members *members, int64_t elapsed_ns)
{
    const size_t count = members->crowd->count;
    const double pauses = (double)elapsed_ns / (double)members->crowd->pause_ns;
    const uint64_t due = (uint64_t)(pauses * (double)count);

    for (; members->said < due; members->said++)
        say_a_byte(&members->each[members->said % count]);
}

/* The server says nothing to them: whoever hears of it is ended. */
static void look(struct members *members)
{
    struct epoll_event events[EVENTS_MAX];
    const int count = epoll_wait(members->epoll, events, EVENTS_MAX, TURN_MS);
    const int64_t now_ns = measure_now_ns();

    for (int i = 0; i < count; i++) {
        struct member *member = &members->each[events[i].data.u64];

        histogram_add(members->ages, (uint64_t)(now_ns - member->begun_ns));
        close(member->descriptor);
        member->descriptor = -1;
        members->left--;
    }
}

static void trickle(struct members *members)
{
    const int64_t begun_ns = measure_now_ns();
    int64_t elapsed_ns = 0;

    while (members->left > 0 && elapsed_ns < members->crowd->patience_ns) {
        look(members);
        elapsed_ns = measure_now_ns() - begun_ns;
        say_what_is_due(members, elapsed_ns);
    }
}

static int send_all(int wire, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t count = send(wire, at, size, MSG_NOSIGNAL);
        if (count < 0)
            return -errno;
        at += count;
        size -= (size_t)count;
    }
    return 0;
}

/* The process ends after this, and with it all connections. */
static void run(int wire, void *argument)
{
    struct members members = {.crowd = argument, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    int32_t error = -ENOMEM;

    members.each = calloc(members.crowd->count, sizeof *members.each);
    members.ages = calloc(1, sizeof *members.ages);
    if (members.each && members.ages)
        error = connect_all(&members);
    if (send_all(wire, &error, sizeof error) == 0 && error == 0) {
        trickle(&members);
        (void)send_all(wire, members.ages, sizeof *members.ages);
    }
    free(members.ages);
    free(members.each);
    close(members.epoll);
}

int slow_crowd_start(struct slow_crowd *crowd)
{
    return child_start(&crowd->child, run, crowd);
}

static int receive_all(struct slow_crowd *crowd, void *bytes, size_t size)
{
    return recv(crowd->child.wire, bytes, size, MSG_WAITALL) == (ssize_t)size ? 0 : -ECHILD;
}

int slow_crowd_await(struct slow_crowd *crowd)
{
    int32_t answer;

    return receive_all(crowd, &answer, sizeof answer) < 0 ? -ECHILD : answer;
}

int slow_crowd_end(struct slow_crowd *crowd, struct histogram *ages)
{
    int error = receive_all(crowd, ages, sizeof *ages);
    int ended = child_wait(&crowd->child);

    return error < 0 ? error : ended;
}
