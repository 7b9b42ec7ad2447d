/* clients.h - the clients of a load, and how its files share them. */
/* SPDX-License-Identifier: MIT */
/*
 * load.c      the loop, and the time
 * pace.c      whose next message begins when
 * stream.c    the connections of clients who keep them
 * once.c      a connection for each message
 * exchange.c  bytes to and fro
 * account.c   what becomes of an operation: latencies, errors
 *
 * Clock  `now_ns` is read anew before what begins is sent, and after the last byte of what ends
 *        was received, once for all the messages in the same piece. An echo that lies in the
 *        kernel while other clients are served ends when it is received, not when it came.
 */
#ifndef BENCH_CLIENTS_H
#define BENCH_CLIENTS_H

#include "load.h"
#include "schedule.h"

/* A message in flight. */
struct moment {
    int64_t sent_ns;
    int64_t due_ns; /* open loop: as planned */
    bool slept;
};

/* Its messages are numbered from 0, its bytes make one stream through all its connections. */
struct client {
    int descriptor; /* -1: none */
    bool given_up;
    bool failed;      /* its next connection waits for the next look */
    bool resting;     /* closed loop: it is in the line of those who pause */
    uint64_t begun;   /* messages: the next one's number */
    uint64_t ended;   /* answered, or lost */
    uint64_t dropped; /* open loop: of its share of the plan, not numbered */
    uint64_t sent;    /* bytes */
    uint64_t echoed;
    int64_t room_ns;        /* since when it has room for another message */
    int64_t due_ns;         /* while it rests */
    struct client *next;    /* in that line */
    struct moment *moments; /* of those in flight: number & mask */
};

enum phase { WARMING, MEASURING, DRAINING };

struct load {
    const struct load_options *options;
    struct load_result *result;
    struct client *clients;
    struct moment *moments; /* of all clients */
    size_t depth, mask;
    unsigned char *pattern;
    unsigned char *piece; /* what was received last, or is sent marked */
    int epoll;
    size_t opened; /* connections, ever */

    enum phase phase;
    int64_t now_ns;
    int64_t start_ns; /* of the measured time; before: never */
    int64_t end_ns;   /* of it; draining: known */
    int64_t until_ns; /* of the phase */
    int64_t cpu_ns;
    size_t live;     /* clients not given up */
    size_t flying;   /* messages in flight */
    size_t retrying; /* clients that have failed */

    struct schedule schedule; /* open loop */
    uint64_t planned;         /* messages of all whose moment has come */
    int64_t next_ns;          /* the moment of the next one */

    struct client *first; /* closed loop: those who pause; all alike, so the line is in order */
    struct client **last;
};

static inline size_t client_index(const struct load *load, const struct client *client)
{
    return (size_t)(client - load->clients);
}

static inline struct moment *client_moment(const struct load *load, const struct client *client,
                                           uint64_t message)
{
    return &client->moments[message & load->mask];
}

static inline bool load_is_open(const struct load *load)
{
    return load->options->rate > 0;
}

static inline bool load_is_stopped(const struct load *load)
{
    return load->options->stop && atomic_load(load->options->stop);
}

/* Begin to send from now on. */
void pace_start(struct load *load);

/* Begin what is due and has room, of all clients or of one. */
void pace_all(struct load *load);
void pace_client(struct load *load, struct client *client);

/* A message of the client's has ended just now. */
void pace_ended(struct load *load, struct client *client);

/* When pace_all has the next thing to do; INT64_MAX: not by itself. */
int64_t pace_next_ns(const struct load *load);

/* Connect until there is an error, or a stop. */
void stream_connect_all(struct load *load);

/* Connect for the message begun just now, and send it. */
void once_open(struct load *load, struct client *client);

/* Send what has begun. */
void exchange_send(struct load *load, struct client *client);

/* Receive what is there. `ending`: the end of the stream is, too. */
void exchange_receive(struct load *load, struct client *client, bool ending);

/* Message number `client->begun` is sent now; the oldest one in flight has ended now. */
void account_begun(struct load *load, struct client *client);
void account_ended(struct load *load, struct client *client);

/* The client's oldest message in line is never sent. */
void account_dropped(struct load *load, struct client *client);

/* The client's connection has failed; it is closed. */
void account_failure(struct load *load, struct client *client, int error);

/* The run is over. */
void account_unanswered(struct load *load);

#endif
