/* peer_serve.h - how a peer program begins: its limits, its listeners, its threads. */
/* SPDX-License-Identifier: MIT */
/* Failures  A line on stderr says what failed. */
#ifndef BENCH_PEERS_PEER_SERVE_H
#define BENCH_PEERS_PEER_SERVE_H

#include <netinet/in.h>

#include "peer_options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PEER_BACKLOG 4096

/* As many descriptors as it may have, up to a million; and no signal when a client is gone. */
void peer_prepare(void);

/* Tell what failed with a negative errno. Returns the exit status, 1. */
int peer_failed(const struct peer_options *options, const char *what, int error);

/* A listener; the kernel spreads the clients over all that a user has on the port, in any number of
 * processes. TCP_NODELAY is on, and what it accepts inherits that. Returns the descriptor,
 * blocking; -1. */
int peer_listen(const struct peer_options *options);

/* Serve the clients of this listener, non-blocking, for ever. Returns the exit status otherwise. */
typedef int peer_loop(const struct peer_options *options, int listener);

/* The whole of a program with loops: read its command line, open a listener for each worker, and
 * run `loop` with each in a thread of its own. Returns the exit status. */
int peer_main(int argc, char *argv[], peer_loop *loop);

#ifdef __cplusplus
}
#endif

#endif
