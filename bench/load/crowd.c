/* crowd.c - see crowd.h. */
/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"

#define SPEAK 0 /* as a wish; any other number is the count to grow to */

struct members {
    const struct crowd *crowd;
    int *descriptors;
    size_t count;
    unsigned char *message;
    unsigned char *echo;
};

static int grow(struct members *members, size_t count)
{
    for (; members->count < count; members->count++) {
        int descriptor = connections_connect(&members->crowd->server, members->count);

        if (descriptor < 0)
            return descriptor;
        members->descriptors[members->count] = descriptor;
    }
    return 0;
}

/* What member `index` says. */
static void write_message(const struct members *members, size_t index)
{
    memset(members->message, (int)(index % 255 + 1), members->crowd->message_size);
    members->message[0] = 0; /* the mark, see load.h */
}

static int say(const struct members *members, size_t index)
{
    size_t size = members->crowd->message_size;
    ssize_t count;

    write_message(members, index);
    count = send(members->descriptors[index], members->message, size, MSG_NOSIGNAL);
    if (count < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return (size_t)count == size ? 0 : -ETIMEDOUT; /* cut short by SO_SNDTIMEO */
}

static int hear(const struct members *members, size_t index)
{
    size_t size = members->crowd->message_size;
    ssize_t count = recv(members->descriptors[index], members->echo, size, MSG_WAITALL);

    if (count < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    if (count == 0)
        return -ECONNRESET;
    write_message(members, index);
    return memcmp(members->message, members->echo, size) == 0 ? 0 : -EBADMSG;
}

static int speak_all(const struct members *members)
{
    int error = 0;

    for (size_t i = 0; i < members->count && error == 0; i++)
        error = say(members, i);
    for (size_t i = 0; i < members->count && error == 0; i++)
        error = hear(members, i);
    return error;
}

/* Wishes are fulfilled until the wire is closed. */
static void serve_wishes(int wire, struct members *members)
{
    uint64_t wish;

    while (recv(wire, &wish, sizeof wish, MSG_WAITALL) == (ssize_t)sizeof wish) {
        int32_t answer = wish == SPEAK ? speak_all(members) : grow(members, (size_t)wish);

        if (send(wire, &answer, sizeof answer, MSG_NOSIGNAL) < 0)
            return;
    }
}

/* The process ends after this, and with it all connections. */
static void run(int wire, void *argument)
{
    struct crowd *crowd = argument;
    struct members members = {.crowd = crowd};

    members.descriptors = calloc(crowd->capacity, sizeof *members.descriptors);
    members.message = calloc(1, crowd->message_size);
    members.echo = calloc(1, crowd->message_size);
    if (members.descriptors && members.message && members.echo)
        serve_wishes(wire, &members);
    free(members.echo);
    free(members.message);
    free(members.descriptors);
}

int crowd_start(struct crowd *crowd)
{
    return child_start(&crowd->child, run, crowd);
}

static int tell(struct crowd *crowd, uint64_t wish)
{
    return send(crowd->child.wire, &wish, sizeof wish, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int crowd_grow(struct crowd *crowd, size_t count)
{
    return tell(crowd, count);
}

int crowd_speak(struct crowd *crowd)
{
    return tell(crowd, SPEAK);
}

int crowd_answer(struct crowd *crowd)
{
    int32_t answer;

    if (recv(crowd->child.wire, &answer, sizeof answer, MSG_WAITALL) != (ssize_t)sizeof answer)
        return -ECHILD;
    return answer;
}

int crowd_end(struct crowd *crowd)
{
    return child_wait(&crowd->child);
}
