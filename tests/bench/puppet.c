/* puppet.c - see puppet.h. */
/* SPDX-License-Identifier: MIT */
#include "puppet.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "loopback.h"
#include "measure.h"

#define PIECE_SIZE 65536

static void end_connection(struct puppet *puppet, size_t index)
{
    size_t last = --puppet->count;

    close(puppet->connections[index]);
    puppet->connections[index] = puppet->connections[last];
    puppet->positions[index] = puppet->positions[last];
    puppet->over[index] = puppet->over[last];
}

static void accept_one(struct puppet *puppet)
{
    int descriptor = accept4(puppet->listener, NULL, NULL, SOCK_CLOEXEC);

    if (descriptor < 0)
        abort();
    if (puppet->manner == TOO_EARLY)
        (void)send(descriptor, "", 1, MSG_NOSIGNAL);
    puppet->connections[puppet->count] = descriptor;
    puppet->over[puppet->count] = false;
    puppet->positions[puppet->count++] = 0;
    puppet->accepted++;
}

/* The bytes of `piece` as this puppet would have them. */
static void falsify(struct puppet *puppet, uint64_t position, size_t count)
{
    size_t size = puppet->message_size;

    if (puppet->manner == HONEST)
        return;
    for (size_t i = 0; i < count; i++) {
        size_t in_message = (size_t)((position + i) % size);

        if (puppet->manner == REPEATS && position + i < size)
            puppet->first[in_message] = puppet->piece[i];
        if (puppet->manner == REPEATS)
            puppet->piece[i] = puppet->first[in_message];
        if (puppet->manner == WRONG_BYTE && in_message == size - 1)
            puppet->piece[i] ^= 1;
        if (puppet->manner == MARKS_ALL && in_message == 0)
            puppet->piece[i] = LOAD_SLEPT;
        if (puppet->manner == WRONG_MARK && in_message == 0)
            puppet->piece[i] = LOAD_SLEPT + 1;
    }
}

static void echo(struct puppet *puppet, size_t index, size_t count)
{
    uint64_t position = puppet->positions[index];
    size_t more = puppet->manner == TOO_MUCH && (position + count) % puppet->message_size == 0;
    size_t to = puppet->manner == SWAPS ? puppet->count - 1 - index : index;

    falsify(puppet, position, count);
    puppet->positions[index] += count;
    for (size_t sent = 0; sent < count + more;) {
        ssize_t part =
            send(puppet->connections[to], puppet->piece + sent, count + more - sent, MSG_NOSIGNAL);

        if (part < 0)
            return; /* the client has had enough, and its end comes next */
        sent += (size_t)part;
    }
}

static void pause_by_manner(struct puppet *puppet, uint64_t before)
{
    uint64_t size = puppet->message_size, now = puppet->received / size;

    if (puppet->manner == SLOW ||
        (puppet->manner == STALLS && before / size < puppet->after && now >= puppet->after))
        measure_sleep_ns(puppet->for_ns);
}

static void serve(struct puppet *puppet, size_t index)
{
    uint64_t before = puppet->received;
    ssize_t count;

    if (puppet->manner == SWAPS && puppet->accepted < 2)
        return;
    count = recv(puppet->connections[index], puppet->piece, PIECE_SIZE, 0);
    puppet->over[index] = count == 0 && (puppet->manner == NEVER_ENDS || puppet->manner == SILENT);
    if (puppet->over[index])
        return;
    if (count <= 0 || puppet->manner == ENDS || (puppet->manner == SWAPS && puppet->count < 2)) {
        end_connection(puppet, index);
        return;
    }
    puppet->received += (uint64_t)count;
    pause_by_manner(puppet, before);
    if (puppet->manner != SILENT)
        echo(puppet, index, (size_t)count);
}

/* Returns false: the bell has rung. */
static bool turn(struct puppet *puppet)
{
    struct pollfd ready[PUPPET_CONNECTIONS + 2];
    size_t count = puppet->count;

    ready[0] = (struct pollfd){.fd = puppet->bell, .events = POLLIN};
    ready[1] = (struct pollfd){.fd = puppet->listener, .events = POLLIN};
    for (size_t i = 0; i < count; i++)
        ready[i + 2] =
            (struct pollfd){.fd = puppet->connections[i], .events = puppet->over[i] ? 0 : POLLIN};
    if (poll(ready, count + 2, -1) < 0 || ready[0].revents)
        return false;
    /* Backwards, as an ended one's place is taken by the last. */
    for (size_t i = count; i-- > 0;)
        if (ready[i + 2].revents)
            serve(puppet, i);
    if (ready[1].revents && puppet->count < PUPPET_CONNECTIONS)
        accept_one(puppet);
    return true;
}

static void *run(void *self)
{
    struct puppet *puppet = self;

    while (turn(puppet))
        if (puppet->manner == LEAVES && puppet->accepted >= puppet->after)
            break;
    close(puppet->listener);
    while (puppet->count > 0)
        end_connection(puppet, 0);
    return NULL;
}

void puppet_load(struct puppet *puppet, struct load_options *options, struct load_result *result)
{
    puppet->message_size = options->message_size;
    puppet->bell = eventfd(0, EFD_CLOEXEC);
    puppet->listener = loopback_listen();
    options->server = loopback_address(puppet->listener);
    puppet->piece = calloc(1, PIECE_SIZE + 1);
    puppet->first = calloc(1, options->message_size);
    cr_assert(ge(int, puppet->bell, 0));
    cr_assert(ne(ptr, puppet->piece, NULL));
    cr_assert(ne(ptr, puppet->first, NULL));
    cr_assert(zero(int, pthread_create(&puppet->thread, NULL, run, puppet)));

    cr_expect(zero(int, load_run(options, result)));

    cr_assert(zero(int, eventfd_write(puppet->bell, 1)));
    pthread_join(puppet->thread, NULL);
    close(puppet->bell);
    free(puppet->first);
    free(puppet->piece);
}
