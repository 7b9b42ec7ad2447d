/* connections.h - TCP connections inside this machine, as many as it takes. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CONNECTIONS_H
#define BENCH_CONNECTIONS_H

#include <netinet/in.h>
#include <stddef.h>

/* How long one connection, or one answer, is waited for. */
#define CONNECTIONS_PATIENCE_MS 10000

/* Let this process open that many descriptors. Returns 0, -EMFILE: the hard limit forbids it. */
int connections_allow(size_t count);

/*
 * Make connection number `index` to an address; it blocks, but never longer than the patience,
 * and however it ends, the server sees a reset and no port stays taken. The indexes are spread
 * over source addresses, each of which has only some 28,000 ports.
 *
 * Returns  A descriptor; -ETIMEDOUT, or connect(2)'s negative errno.
 */
int connections_connect(const struct sockaddr_in *address, size_t index);

/* As connections_connect, but it does not block: the connection is made, or fails, by itself. */
int connections_begin(const struct sockaddr_in *address, size_t index);

#endif
