/* peer.c - what all peers share. */
/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include "load.h"

int peer_add(struct peer *peer, int descriptor)
{
    return peer->ops->add(peer, descriptor);
}

size_t peer_live(struct peer *peer)
{
    return peer->ops->live(peer);
}

int peer_stop(struct peer *peer)
{
    return peer->ops->stop(peer);
}

bool peer_is_sleeper(struct peer *peer, unsigned char *message)
{
    unsigned number = atomic_fetch_add_explicit(&peer->messages, 1, memory_order_relaxed) + 1;

    if (peer->options.sleep_every == 0 || number % peer->options.sleep_every != 0)
        return false;
    message[0] = LOAD_SLEPT;
    return true;
}
