/* load.h - a load on an echo server: connections that send, wait for the echo, and send again. */
/* SPDX-License-Identifier: MIT */
/*
 * Clients    All in the calling thread, on an epoll of its own; nothing of libiocp.
 * Echo       Every byte is compared with what was sent, but for the first, the mark: it is sent
 *            as 0, and the server makes it LOAD_SLEPT where its callback has slept.
 * Latency    From the moment before the send to the last byte of the echo.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

#define LOAD_SLEPT 1

struct load_options {
    struct sockaddr_in server;
    size_t connections;
    size_t message_size; /* at least 1 */
    int64_t warm_up_ns;  /* not measured */
    int64_t measured_ns;
    int64_t pause_ns;    /* from an echo to the connection's next message */
    int64_t patience_ns; /* what is not echoed by then is late */
};

enum load_error {
    LOAD_REFUSED, /* no connection */
    LOAD_RESET,   /* the server ended a connection */
    LOAD_WRONG,   /* bytes that were not sent */
    LOAD_LATE,    /* no echo, or no connection, within the patience */
    LOAD_FAILED,  /* anything else */
    LOAD_ERRORS
};

/* All zero before the run. Round trips are those whose message was sent in the measured time. */
struct load_result {
    struct histogram others; /* in ns */
    struct histogram slept;
    double rate; /* of both, a second */
    uint64_t errors[LOAD_ERRORS];
    int error; /* the first one, a negative errno; -EBADMSG: wrong bytes */
};

/*
 * Connect all, then run the load. Returns when every message is echoed, or late; a connection
 * with an error is ended, the others go on. Without all connections there is no load.
 *
 * Returns  0: look into result->errors. Else a negative errno of this machine's own.
 */
int load_run(const struct load_options *options, struct load_result *result);

uint64_t load_error_count(const struct load_result *result);

/* What an error is called in a report. */
const char *load_error_name(enum load_error error);

#endif
