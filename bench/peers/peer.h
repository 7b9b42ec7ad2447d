/* peer.h - echo servers inside this process: the library, and what it is measured against. */
/* SPDX-License-Identifier: MIT */
/*
 * A peer sends every message of PEER_MESSAGE_SIZE bytes back. Before some of them it sleeps, in
 * the callback that received the message, and marks them (LOAD_SLEPT in the first byte).
 *
 * Threads  A peer's functions are called by one thread, the one that started it.
 */
#ifndef BENCH_PEERS_PEER_H
#define BENCH_PEERS_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_MESSAGE_SIZE 64

struct peer_options {
    const char *engine; /* the library's alone, as the next three */
    unsigned workers;
    unsigned concurrency;
    bool bracketed;       /* tell the library of each sleep: iocp_blocking_begin and end */
    unsigned sleep_every; /* one callback in so many; 0: none */
    int64_t sleep_ns;
};

struct peer {
    const struct peer_ops *ops;
    struct peer_options options;
    atomic_uint messages; /* by which the sleepers are told from the others */
};

struct peer_ops {
    int (*add)(struct peer *peer, int descriptor);
    size_t (*live)(struct peer *peer);
    int (*stop)(struct peer *peer);
};

/* Start one without connections. Returns 0, -ENOTSUP (the engine), or another negative errno. */
int peer_start_library(const struct peer_options *options, struct peer **peer);
int peer_start_epoll_loop(const struct peer_options *options, struct peer **peer);

/* Serve a connected, non-blocking descriptor, which is the peer's from now on, also on failure. */
int peer_add(struct peer *peer, int descriptor);

/* How many connections it still serves. */
size_t peer_live(struct peer *peer);

/* End it and free it. Returns 0, or a negative errno: something did not end in time. */
int peer_stop(struct peer *peer);

/* What a connection takes of the memory of peer_start_library's server: not the library's. */
size_t peer_library_connection_size(void);

/* Called once for each message, after it was received and before it is sent back: is this one to
 * be slept over? If so it is marked. */
bool peer_is_sleeper(struct peer *peer, unsigned char *message);

#endif
