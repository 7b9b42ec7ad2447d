/* channel_calls.h - the system calls that carry the operations of a channel out. */
/* SPDX-License-Identifier: MIT */
/*
 * They carry the operation that they are given as far as it goes without waiting. Which one that
 * is, and what becomes of it then, is for the channel to say (channel.h).
 *
 * Locking  The socket's lock is held.
 */
#ifndef CORE_CHANNEL_CALLS_H
#define CORE_CHANNEL_CALLS_H

#include <stddef.h>

struct iocp_op;
struct iocp_socket;

/* Make the call that is due. 0; of an accept, the descriptor; -EAGAIN: it would have to wait;
 * -EINPROGRESS: a part is done, and another call is due; or what the operation fails with. */
int channel_try(struct iocp_socket *socket, struct iocp_op *op);

/* Receive once into the parts; `count` says how much. 0 or an error, as above. */
int channel_try_receive(struct iocp_socket *socket, struct iocp_op *op);

/* Forget the first `count` bytes of the parts. */
void channel_advance(struct iocp_op *op, size_t count);

/* A call came to this error: if it says that the connection is broken, the socket is to know.
 * Returns what the operation fails with. */
int channel_latch_error(struct iocp_socket *socket, int error);

#endif
