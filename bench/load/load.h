/* load.h - a load on an echo server: what its clients do, and what became of it. */
/* SPDX-License-Identifier: MIT */
/*
 * Clients    All in the calling thread, on an epoll of its own; nothing of libiocp.
 * Loop       Closed: a client sends its next message when an echo has made room for it. Open:
 *            messages have their moments beforehand, whatever the server does; one whose client
 *            has no room waits in line, and its latency runs from its moment all the same.
 * End        When the measured time is over, nothing new is begun but the lines of an open loop.
 *            They, and what is in flight, have the patience to be answered; then all is over.
 *            What of an open loop's plan has no answer even so does not vanish: it counts in
 *            `latency` with the time it has waited - on a failed connection, at least with the
 *            patience - and is told as `unanswered`. So an overload ends in time, and shows.
 * Dropping   Who wants to see an overload go on and on has lines no longer than the depth: where
 *            another message would have to wait, the oldest in line is dropped, as clients do who
 *            have lost interest. It is never sent, has no latency, and is told as `dropped`: all
 *            that was planned is in `latency` or dropped.
 * Errors     Each ends a connection, and what was in flight on it. A stream's client is given
 *            up, as is one that was refused; the others try again within LOAD_RETRY_NS.
 * Echo       Every byte is compared with what was sent. Only in a marked load the first byte of
 *            a message is sent as 0, and comes back as LOAD_SLEPT where the server has slept.
 * Threads    One at a time.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

#define LOAD_SLEPT     1
#define LOAD_DEPTH_MAX 1024
#define LOAD_RATE_MAX  1e8
#define LOAD_RETRY_NS  INT64_C(100000000)

enum load_kind {
    LOAD_STREAM,  /* connections that stay: message, echo, message */
    LOAD_MESSAGE, /* connect, send one message, half-close, read its echo to the end; again */
    LOAD_CHURN,   /* connect, send one message, read its echo, reset; again */
};

/* Moments at which the caller may look at the server, shortly: the clients wait for it. None comes
 * if the load ends before it measures; else both do. */
enum load_moment { LOAD_MEASURING, LOAD_MEASURED };

struct load_options {
    enum load_kind kind;
    struct sockaddr_in server;
    size_t connections;  /* clients at once */
    size_t message_size; /* at least 1 */
    size_t depth;        /* LOAD_STREAM: messages in flight on a connection, 1 to LOAD_DEPTH_MAX */
    double rate;         /* open loop: messages a second of all together; 0: closed loop */
    bool drops;          /* open loop: see above */
    int64_t in_time_ns;  /* open loop: an answer so soon after its message's moment is in time */
    bool marked;
    int64_t warm_up_ns; /* not measured */
    int64_t measured_ns;
    int64_t pause_ns;    /* closed loop: from an echo to the connection's next message */
    int64_t patience_ns; /* what is not echoed by then, from its sending on, is late */
    /* The measured time in parts of equal length: each is given the latencies of the operations
     * that began (open loop: were planned) in it. NULL: nobody wants them. */
    struct histogram *parts;
    size_t part_count;
    void (*at)(enum load_moment moment, void *context); /* may be NULL */
    void *context;
    const atomic_bool *stop; /* may be NULL; true: end soon, with what there is */
};

enum load_error {
    LOAD_REFUSED, /* no connection */
    LOAD_RESET,   /* the server ended a connection */
    LOAD_WRONG,   /* bytes that were not sent */
    LOAD_LATE,    /* sent, or begun to connect, but no echo within the patience */
    LOAD_FAILED,  /* anything else */
    LOAD_ERRORS
};

/* All zero before the run. */
struct load_result {
    uint64_t completed; /* operations that ended in the measured time */
    double seconds;   /* the measured time; less than asked for if no client was left, or stopped */
    int64_t over_ns;  /* when it was over, by the clock of measure.h */
    double generator; /* processor time of this thread meanwhile, 1 = one whole processor */

    /* Latencies of the operations that began (open loop: were planned) in the measured time: to
     * the last byte, of LOAD_MESSAGE to the end of the stream. They begin with the connect, if
     * they have one of their own. */
    struct histogram latency;     /* open loop: from the planned moment, of all that were planned */
    struct histogram uncorrected; /* open loop: from the moment of sending, of the answered ones */
    struct histogram slept;       /* marked: those in which the server slept; not in the others */
    /* Open loop: how much later than it could have the generator sent, by its own fault. Those that
     * wait behind a late one are not late themselves: the maximum tells more than the percentiles.
     */
    struct histogram slip;
    uint64_t unanswered; /* open loop: so many in `latency` were never answered, or even sent */
    uint64_t dropped;    /* open loop: so many are not in `latency` */
    uint64_t in_time;    /* open loop: so many in `latency` were answered in time */

    uint64_t errors[LOAD_ERRORS];
    int error; /* negative errno of the first; 0: none */
};

/*
 * Put the load on until the time is over, then wait for what is in flight. A stream that not all
 * clients can connect for is none: nothing is measured.
 *
 * Returns  0: see the result, errors of connections too; a negative errno: the generator itself
 *          could not go on.
 */
int load_run(const struct load_options *options, struct load_result *result);

/* The sum of all classes. */
uint64_t load_error_count(const struct load_result *result);

const char *load_error_name(enum load_error error);

#endif
