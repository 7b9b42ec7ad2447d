/* rest.h - what a server holds when nobody is connected. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SERVERS_REST_H
#define BENCH_SERVERS_REST_H

#include <stddef.h>
#include <stdint.h>

#include "echo_server.h"

struct rest {
    size_t descriptors;
    uint64_t threads; /* the sum of sample.h */
};

/* Look at a server whose clients have just gone, until nothing goes any more. It is to have had
 * some: what it makes only when it is needed is then there. Returns 0 or a negative errno. */
int rest_find(const struct echo_server *server, struct rest *rest);

/*
 * All clients have gone again: wait until it holds no more descriptors than it did, but not for
 * ever.
 *
 * Returns  0; -EBADF: it holds more, or -ESRCH: it has other threads; or another negative errno.
 *          `now` is what it holds, unless it could not be looked at.
 */
int rest_await(const struct echo_server *server, const struct rest *due, struct rest *now);

#endif
