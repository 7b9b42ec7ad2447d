/* peer_message.h - bytes that wait in memory to be sent back; and messages that are slept over. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PEERS_PEER_MESSAGE_H
#define BENCH_PEERS_PEER_MESSAGE_H

#include <stddef.h>

#include "peer_options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All zero: empty, and without memory. */
struct peer_message {
    unsigned char *bytes;
    size_t size;
    size_t sent; /* of them */
    size_t capacity;
};

/* Where the next bytes may be received: at least one, *room. To be counted in `size` by the caller.
 * NULL: no memory. */
unsigned char *peer_message_room(struct peer_message *message, size_t *room);

/* Returns 0 or -ENOMEM. */
int peer_message_append(struct peer_message *message, const void *bytes, size_t size);

/* Make it empty and free its memory. */
void peer_message_free(struct peer_message *message);

/* Called once for each received message, before it is sent back: is it to be slept over? If so it
 * is marked. Any thread. */
bool peer_message_is_sleeper(const struct peer_options *options, unsigned char *bytes);

void peer_sleep(const struct peer_options *options);

/* Both, for those who need no more. */
void peer_message_received(const struct peer_options *options, unsigned char *bytes);

#ifdef __cplusplus
}
#endif

#endif
