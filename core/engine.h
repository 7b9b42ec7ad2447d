/* engine.h - the whole contract of an engine, and the table of engines. */
/* SPDX-License-Identifier: MIT */
/*
 * An engine carries the operations of the sockets of one port out. It never publishes a
 * completion and never calls back: operations that are done are returned, by submit or by
 * wait, in a list, with their results in them.
 *
 * A thread that has nothing to run sits down in the engine (sit), waits in it for operations
 * to be done (wait), and rises again (rise). Who finds no seat sleeps elsewhere.
 */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "channel.h"

struct engine;
struct iocp_port;
struct iocp_socket;
struct seat;

struct engine_ops {
    const char *name; /* as given to iocp_port_create */
    size_t size;      /* of the engine's structure, which begins with a struct engine */

    /* Make a zeroed engine ready. 0; -ENOTSUP: the kernel refuses; -EMFILE, -ENOMEM. */
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

    /* The socket is about to be closed; both channels are empty. Called under its lock. */
    void (*detach)(struct engine *engine, struct iocp_socket *socket);

    /* A free seat, or NULL. Called under the port's lock, as is rise. */
    struct seat *(*sit)(struct engine *engine);
    void (*rise)(struct engine *engine, struct seat *seat);

    /* Wait until something is done, until woken, or until the deadline. No lock is held. */
    void (*wait)(struct engine *engine, struct seat *seat, int64_t deadline_ns,
                 struct op_list *done);

    /* End the wait in this seat, or the next one there. Any thread. */
    void (*wake)(struct engine *engine, struct seat *seat);
};

struct engine {
    const struct engine_ops *ops;
    struct iocp_port *port;
};

/* Start the engine of that name, or with NULL or "auto" the best that works. 0, -EINVAL (no
 * such engine), -ENOTSUP, -ENOMEM, -EMFILE. */
int engine_create(const char *name, struct iocp_port *port, struct engine **engine);

/* Stop and free an engine. */
void engine_free(struct engine *engine);

extern const struct engine_ops engine_blocking;
extern const struct engine_ops engine_epoll;

#endif
