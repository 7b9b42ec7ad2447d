/* op.h - the life of an operation: idle, begun, completed, settled, ended. */
/* SPDX-License-Identifier: MIT */
#ifndef CORE_OP_H
#define CORE_OP_H

#include <iocp/op.h>

enum op_kind {
    OP_NONE, /* zeroed storage */
    OP_ACCEPT,
    OP_CONNECT,
    OP_RECEIVE,
    OP_SEND,
    OP_CALL,   /* iocp_port_post_callback */
    OP_PACKET, /* iocp_port_post; the port's own storage, the pointer stands in context */
};

/* Bits of iocp_op.state. The first four are only ever added until the next begin. */
enum op_state {
    OP_BEGUN = 1,     /* a socket's channel or the engine has it */
    OP_COMPLETED = 2, /* result and count are final; its event is being set */
    OP_SETTLED = 4,   /* end delivers the result */
    OP_ENDED = 8,     /* the result was delivered */
    OP_QUEUED = 16,   /* from settled on, with a callback: it waits for a thread to take it */
    OP_AWAITED = 32,  /* a thread sleeps until it is settled */
};

/* The bytes that its parts hold. */
size_t op_size(const struct iocp_op *op);

/* Is the operation between its begin and the moment when the caller has it back? */
bool op_in_flight(const struct iocp_op *op);

/* Make a fresh operation of `op`; the caller fills in what its kind needs. */
void op_begin(struct iocp_op *op, enum op_kind kind, struct iocp_socket *socket,
              iocp_callback *callback, void *context);

/* Take a begin back that failed. */
void op_revoke(struct iocp_op *op);

/*
 * Publish the result that stands in `op`: whoever asks sees it completed, and its event is
 * set. Without a callback it is settled too, and may be gone when this returns; with one it is
 * settled by one of the next two.
 */
void op_complete(struct iocp_op *op);

/* Until op_hand_back it is the port's: in its queue or with a lane, whose lock is held, or taken at
 * once by a thread that has found it. */
void op_queue(struct iocp_op *op);

/* It will never be queued, as the port is closed; it may be gone when this returns. */
void op_abandon(struct iocp_op *op);

/* It was taken: the caller has it back. */
void op_hand_back(struct iocp_op *op);

/* Wait until the operation is settled and mark it ended. 0, -EINVAL, -EALREADY as every end. */
int op_end(struct iocp_op *op, enum op_kind kind, const struct iocp_socket *socket);

#endif
