/* trial.h - what one seed plays: a port, who takes from it, connections, and threads that act. */
/* SPDX-License-Identifier: MIT */
/*
 * Everything stands in one place in static storage, as the order of addresses must not differ
 * from one run of a seed to the next. There are no locks: of simulated threads one runs at a
 * time, and none loses its turn but inside a wrapped call.
 */
#ifndef SIM_TRIAL_H
#define SIM_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iocp/event.h>
#include <iocp/pool.h>
#include <iocp/port.h>
#include <iocp/socket.h>

#include "net.h"

enum {
    CONNECTIONS_MAX = 6,
    ECHOES_MAX = 4,
    EXCHANGES_EACH_WAY = 24, /* so many calls are more than one turn of a channel */
    EXCHANGE_BYTES = 96,
    ECHO_BYTES = 64,
    RECEIPTS_MAX = 256,
    LOG_BYTES = 4096,
    POSTS_MAX = 12,
    ACTORS_MAX = 4,
    TAKERS_MAX = 4,
    POSTERS_MAX = 33,
};

enum exchange_kind {
    EXCHANGE_POST,
    EXCHANGE_RECEIVE,
    EXCHANGE_SEND,
    EXCHANGE_ACCEPT,
    EXCHANGE_CONNECT,
};

/* One operation, begun again and again. */
struct exchange {
    struct iocp_vector_op op;
    enum exchange_kind kind;
    struct connection *connection; /* NULL: a post */
    uint8_t bytes[EXCHANGE_BYTES];
    unsigned size;
    unsigned tag; /* of a send's bytes; of a post, its place among its poster's */
    unsigned poster;
    unsigned begun;         /* with a callback */
    unsigned run;           /* callbacks */
    struct iocp_event done; /* the operation's, if has_event */
    int64_t begun_ns;
    int timeout_ms;
    bool has_event;
    bool claimed; /* from before its begin until its result was looked at */
    bool has_callback;
};

/* What became of one operation, at its place in the order of the stream. */
struct receipt {
    bool present;
    int result; /* negative errno, or 0 */
    size_t count;
    size_t size;
    size_t at;    /* a receive: where its bytes stand in the log */
    unsigned tag; /* a send */
};

struct connection {
    struct iocp_socket *socket;
    const struct net_stream *stream;
    struct exchange exchanges[2][EXCHANGES_EACH_WAY]; /* inward, outward */
    struct receipt receipts[2][RECEIPTS_MAX];
    uint8_t log[LOG_BYTES];
    size_t logged;
    size_t first; /* bytes that came with its accept */
    unsigned number;
    bool disturbed;  /* somebody has asked for a cancel or a close */
    bool closing;    /* somebody has begun to close it */
    bool shutting;   /* somebody has begun to shut its sending down */
    bool shut;       /* somebody has done so */
    bool may_be_cut; /* a send had a deadline */
    unsigned closed_times;
    bool tail_unknown; /* a send failed to begin, but may have sent something */
    bool listens;
};

/* A connection that belongs to its own callbacks, which send back what comes and free it. */
struct echo {
    struct iocp_socket *socket; /* NULL: freed */
    const struct net_stream *stream;
    struct iocp_op op;
    char bytes[ECHO_BYTES];
    unsigned begun;
    unsigned run;
    bool sending;
};

struct trial {
    struct iocp_port *port;
    struct iocp_pool *pool; /* NULL: threads of the trial take */
    unsigned takers;
    unsigned concurrency;
    unsigned connection_count;
    unsigned echo_count;
    unsigned actions_left;
    unsigned exchanges_each_way; /* used, of those that each connection has */
    unsigned close_odds;         /* of the wishes to close one in so many is granted */
    struct connection connections[CONNECTIONS_MAX];
    struct echo echoes[ECHOES_MAX];
    struct exchange posts[POSTS_MAX];
    unsigned next_tag;
    size_t in_flight; /* operations with a callback that has not run */
    size_t packets_posted;
    size_t packets_met;
    size_t runs;
    struct iocp_event quiet; /* set: in_flight has come to 0 */
    unsigned walks;          /* over all sockets, that cancel; in progress */
    unsigned last_posted[POSTERS_MAX];
    unsigned last_met[POSTERS_MAX];
    bool port_closing;
    bool over; /* nothing is to be begun any more */
};

extern struct trial trial;

/* The first thread of a seed's run, with the engine of that name, or with NULL any. */
void *trial_play(void *engine);

/* begin.c: begin it in one of the ways there are; returns what that begin does. */
int begin_operation(struct exchange *exchange, iocp_callback *callback);
uint8_t send_byte(unsigned tag, size_t place);

/* exchange.c: begin a claimed exchange (false: it is settled already, or could not begin); look
 * at results and put them down. */
bool exchange_begin(struct exchange *exchange, int timeout_ms, bool with_callback);
struct exchange *exchange_claim_idle(struct exchange *exchanges, unsigned count);
void exchange_settle(struct exchange *exchange);

/* connection.c: make connections and see whether their books are right. */
struct connection *connection_make(struct iocp_socket *socket, enum exchange_kind inward,
                                   enum exchange_kind outward);
void take_in(struct iocp_socket *accepted, const uint8_t *first, size_t count);
void connection_check(const struct connection *connection);
void connection_free(struct connection *connection);
void echo_make(struct iocp_socket *socket, const uint8_t *first, size_t count);
void echo_check(const struct echo *echo);

/* owed.c: all that can complete does so, with nobody's help. */
void await_what_is_owed(void);
void draw_script(struct net_script *script);

/* duet.c: threads that wait for each other by events. */
void duet_start(void);
void duet_join(void);

/* actions.c: do something, as drawn; in a callback, or in a thread of its own. */
void act(void);
void dawdle(void);

/* actions.c: how many threads may run callbacks. Each says when it begins (with a completion, or
 * with a batch of them), and when it ends. */
void callback_enter(void);
void callback_leave(void);
void batch_enter(void);
void batch_leave(void);

/* The count of operations in flight. */
void flight_begins(void);
void flight_ends(void);

#endif
