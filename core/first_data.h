/* first_data.h - accepts that complete with the first bytes of their client. */
/* SPDX-License-Identifier: MIT */
/*
 * Such an accept has two stages. First it stands in its listener's channel, as every accept.
 * When it has got a connection it goes on as a receive in the `in` channel of the new socket:
 * so the listener's next accept is carried out, and a silent client keeps one operation waiting
 * and no other. Throughout, it remains an operation of the listener.
 *
 * In between the new socket is the library's own: no caller has it, so it has this one
 * operation. It names it in `accepting`, once in its life. When the operation
 *
 *   completes  with data, or because the connection has ended: the operation holds the socket
 *              until end hands it out;
 *   fails      cancelled, past its deadline, or with its listener: the socket is closed and
 *              freed. Nothing that a client does makes it fail; so an engine, which holds the
 *              socket's lock then, never has to close it.
 *
 * Locking    The listener's lock is held while the new socket is made, and while it is given up
 *            with its listener: so none appears behind a close or a cancel. Under it the new
 *            socket's lock is taken. Who has the latter never takes the former: what leads
 *            from listeners to new sockets is guarded by the port's lock.
 *            `accepting` is written under the socket's and the port's lock, and read under
 *            either.
 */
#ifndef CORE_FIRST_DATA_H
#define CORE_FIRST_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "op_list.h"

struct iocp_op;
struct iocp_socket;

/* Does this accept wait for first data? */
bool first_data_wanted(const struct iocp_op *op);

/* The accept has got a connection, its result: await its first data. If they are there, or if
 * the socket cannot be made, it is `done`; else it may be gone when this returns. Called under
 * the listener's lock. */
void first_data_await(struct iocp_op *op, struct op_list *done);

/* The receive came to `result`: the operation has succeeded, and holds the socket. Called under
 * the socket's lock. */
void first_data_take(struct iocp_socket *socket, struct iocp_op *op, int result);

/* Cancel `op`, or with NULL every accept of the listener that awaits first data. Called under
 * its lock; another socket has none. Returns how many. */
int first_data_cancel(struct iocp_socket *listener, const struct iocp_op *op, struct op_list *done);

/* Complete the accept that waits in this socket if it is past its deadline. False: none is. */
bool first_data_expire(struct iocp_socket *socket, int64_t now_ns);

#endif
