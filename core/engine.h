/* engine.h - the whole contract of an engine, and the table of engines. */
/* SPDX-License-Identifier: MIT */
/*
 * An engine carries the operations of the sockets of one lane out. It never publishes a
 * completion and never calls back: operations that are done are returned, by submit or by
 * wait, in a list, with their results in them.
 *
 * A thread that has nothing to run waits in the engine for operations to be done: one thread
 * at a time, or, in a shared engine, as many as there are seats for.
 */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"
#include "spin.h"

struct engine;
struct iocp_socket;
struct lane;
struct seat;

/* Why an engine cannot be had here; empty: it can. */
struct engine_note {
    char text[120];
};

struct engine_ops {
    const char *name; /* as given to iocp_port_create */
    size_t size;      /* of the engine's structure, which begins with a struct engine */
    bool shared;      /* any number of threads wait in it, each in a seat of its own */

    /* Make a zeroed engine ready. 0; -ENOTSUP: the kernel refuses, and the engine's note may say
     * why; -EMFILE, -ENOMEM. */
    int (*start)(struct engine *engine);

    /* The end: no socket is open and nobody sits. */
    void (*stop)(struct engine *engine);

    /*
     * The oldest operation of the channel is new. What is done at once goes to `done`.
     * Called under the socket's lock. 0, or an error: the operation cannot be begun.
     */
    int (*submit)(struct engine *engine, struct channel *channel, struct op_list *done);

    /* Operations were taken out of the channel. Called under the socket's lock. */
    void (*withdraw)(struct engine *engine, struct channel *channel);

    /* The socket is about to be closed; both channels are empty, but for a send that is being
     * carried out. Called under its lock. */
    void (*detach)(struct engine *engine, struct iocp_socket *socket);

    /* Shared engines alone: a free seat, or NULL. Called under the port's lock, as is rise. */
    struct seat *(*sit)(struct engine *engine);
    void (*rise)(struct engine *engine, struct seat *seat);

    /* The others alone: a descriptor that is readable when wait would not have to wait. (It may be
     * watched once a wait has returned nothing.) */
    int (*descriptor)(struct engine *engine);

    /* Wait until something is done, until woken, or until the deadline. No lock is held. */
    void (*wait)(struct engine *engine, struct seat *seat, int64_t deadline_ns,
                 struct op_list *done);

    /* End the wait in this seat (the others: NULL), or the next one there. Any thread. */
    void (*wake)(struct engine *engine, struct seat *seat);
};

struct engine {
    const struct engine_ops *ops;
    struct lane *lane;
    struct engine_note note; /* why "auto" passed over better ones; constant once started */

    /* Somebody sits: what is left for the next wait to do needs a wake. Written under the port's
     * lock, before the wait begins; an engine reads it after it has left something to do. */
    atomic_bool attended;
    struct spin spin; /* of the thread that waits; not of shared engines */
};

/* Start the engine of that name, or with NULL or "auto" the best that works. 0, -EINVAL (no
 * such engine), -ENOTSUP, -ENOMEM, -EMFILE. */
int engine_create(const char *name, struct lane *lane, struct engine **engine);

/* Why a better engine was passed over, in one line; NULL: none was. */
const char *engine_passed_over(const struct engine *engine);

/* Stop and free an engine. */
void engine_free(struct engine *engine);

/* All of them, best first: the order in which "auto" tries them. NULL behind the last. */
extern const struct engine_ops *const engine_table[];

extern const struct engine_ops engine_blocking;
extern const struct engine_ops engine_epoll;
extern const struct engine_ops engine_uring;

#endif
