/* peer_message.c - bytes that wait in memory to be sent back; and messages that are slept over. */
/* SPDX-License-Identifier: MIT */
#include "peer_message.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"

#define CAPACITY_MIN ((size_t)4096)

static atomic_uint messages;

static int hold(struct peer_message *message, size_t size)
{
    size_t capacity = message->capacity ? message->capacity : CAPACITY_MIN;
    unsigned char *bytes;

    while (capacity < size)
        capacity *= 2;
    if (capacity == message->capacity)
        return 0;
    bytes = realloc(message->bytes, capacity);
    if (!bytes)
        return -ENOMEM;
    message->bytes = bytes;
    message->capacity = capacity;
    return 0;
}

unsigned char *peer_message_room(struct peer_message *message, size_t *room)
{
    if (hold(message, message->size + 1) < 0)
        return NULL;
    *room = message->capacity - message->size;
    return message->bytes + message->size;
}

int peer_message_append(struct peer_message *message, const void *bytes, size_t size)
{
    int error = hold(message, message->size + size);

    if (error < 0)
        return error;
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
    return 0;
}

void peer_message_free(struct peer_message *message)
{
    free(message->bytes);
    *message = (struct peer_message){0};
}

/* Which of a group: anything, but the same in every run and every peer. */
static unsigned draw(unsigned group, unsigned size)
{
    uint32_t mixed = (group ^ group >> 16) * 0x7feb352dU;

    mixed = (mixed ^ mixed >> 15) * 0x846ca68bU;
    return (mixed ^ mixed >> 16) % size;
}

bool peer_message_is_sleeper(const struct peer_options *options, unsigned char *bytes)
{
    unsigned number;

    if (options->sleep_every == 0)
        return false;
    number = atomic_fetch_add_explicit(&messages, 1, memory_order_relaxed);
    if (number % options->sleep_every != draw(number / options->sleep_every, options->sleep_every))
        return false;
    bytes[0] = LOAD_SLEPT;
    return true;
}

/* To a point in time: whatever ends a sleep early does not shorten it. */
void peer_sleep(const struct peer_options *options)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += options->sleep_ms / 1000;
    end.tv_nsec += options->sleep_ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
        ;
}

void peer_message_received(const struct peer_options *options, unsigned char *bytes)
{
    if (peer_message_is_sleeper(options, bytes))
        peer_sleep(options);
}
