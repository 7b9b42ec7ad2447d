/* peer_options.h - the command line that all peer programs share. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PEERS_PEER_OPTIONS_H
#define BENCH_PEERS_PEER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peer_options {
    const char *program; /* its name, for messages */
    uint16_t port;       /* of 127.0.0.1 */
    unsigned workers;
    bool collect;         /* hold a message back until the client has ended its sending */
    unsigned sleep_every; /* one message in so many is slept over; 0: none */
    unsigned sleep_ms;

    const char *engine; /* libiocp's alone, as the next two */
    unsigned concurrency;
    bool brackets; /* tell the library of each sleep */
};

enum peer_kind { PEER_OTHER, PEER_LIBRARY };

/* Returns 0; 2 after a line on stderr that says what is wrong: the program's exit status. */
int peer_options_read(int argc, char *argv[], enum peer_kind kind, struct peer_options *options);

#ifdef __cplusplus
}
#endif

#endif
