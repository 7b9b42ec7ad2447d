/* channel.h - one direction of a socket: its operations in order, their delivery and failure. */
/* SPDX-License-Identifier: MIT */
/*
 * Order    Only the oldest operation of a channel is ever carried out; so receives fill in the
 *          order of their begins and sends never interleave.
 * Stages   An accept and a connect with first data are two calls: an accept and a receive, a
 *          connect and a send. channel_run knows which is due; an engine that goes by the kind
 *          of an operation leaves both to it.
 * Locking  All of it is guarded by the socket's lock. The calls never wait, so they may be
 *          made under it.
 */
#ifndef CORE_CHANNEL_H
#define CORE_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "op.h"
#include "op_list.h"

struct iocp_socket;

/* What of a channel the io_uring engine has in its ring: one thing at most. */
enum channel_armed {
    ARMED_NONE,
    ARMED_POLL,    /* a look whether it is ready */
    ARMED_RECEIVE, /* receives, for whichever operations are the oldest when bytes come */
    ARMED_SEND,    /* the oldest operation itself, which comes back at once */
};

/* Small, as every connection has two. */
struct channel {
    struct op_list waiting; /* begun and not completed, oldest first */
    struct iocp_socket *socket;
    union {
        struct channel *behind; /* in the line, or list, of its engine */
        uint32_t place;         /* in the io_uring engine's ring, of what is armed */
    };
    uint64_t begun : 48; /* operations so far: the next one's sequence number */
    bool outward : 1;    /* sends and connects; else receives and accepts */
    bool ready : 1;      /* the next call may succeed; false: it would have to wait */
    bool lined_up : 1;   /* the blocking engine has it */
    uint8_t armed;       /* an enum channel_armed */
};

/* From so many bytes on, a receive is worth a call of its own into the caller's memory. */
enum { BULK = 4096 };

enum channel_state {
    CHANNEL_EMPTY,   /* nothing left to do */
    CHANNEL_BLOCKED, /* the oldest operation has to wait for the peer */
    CHANNEL_UNDONE,  /* its turn is over although more could be done now */
};

/*
 * Carry out what can be done without waiting, at most one turn's worth. Completed operations
 * go to `done` with their results; they are not published yet. A listener's may submit an
 * operation of a new socket meanwhile.
 */
enum channel_state channel_run(struct channel *channel, struct op_list *done);

/* The engine has received bytes, and `more` which it delivers next: hand them to the operations in
 * their order. Returns how many were handed out; fewer than `count`: no operation is left. */
size_t channel_deliver(struct channel *channel, const char *bytes, size_t count, bool more,
                       struct op_list *done);

/* The engine has come upon the end of the stream, 0, or upon an error. */
void channel_deliver_end(struct channel *channel, int result, struct op_list *done);

/* The oldest operation, a send, was carried out by the engine as one sendmsg(2) would. */
void channel_sent(struct channel *channel, int result, struct op_list *done);

/*
 * Let one operation fail with `error`. Behind a send that was cut short the others fail too.
 * A send that is being carried out stays: it fails when it comes back, unless it was complete.
 */
void channel_fail(struct channel *channel, struct iocp_op *op, int error, struct op_list *done);

/* Let all operations fail with `error`, in the same way; returns how many. */
int channel_fail_all(struct channel *channel, int error, struct op_list *done);

#endif
