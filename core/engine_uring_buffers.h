/* engine_uring_buffers.h - the buffers a ring receives into, lent to the kernel. */
/* SPDX-License-Identifier: MIT */
/*
 * A receive that waits in the kernel names no memory; the kernel takes one of these when bytes
 * are there. So an idle connection costs none. What nobody wants yet stays in them, in order.
 *
 * Locking  Whoever gives a buffer back holds the ring's lock. A filled one is guarded by the lock
 *          of the socket that has it.
 */
#ifndef CORE_ENGINE_URING_BUFFERS_H
#define CORE_ENGINE_URING_BUFFERS_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "socket.h"

enum { BUFFER_COUNT = 512, BUFFER_SIZE = 4096, BUFFER_GROUP = 0 };

/* What a filled buffer holds. */
struct filled {
    uint16_t next;
    uint16_t count;
};

struct buffers {
    struct io_uring_buf_ring *lent; /* what the kernel may take */
    char *memory;
    struct filled filled[BUFFER_COUNT];
};

/* Lend all buffers to the kernel. 0; -EINVAL: it does not know how to take them; -ENOMEM. */
int buffers_open(struct buffers *buffers, struct io_uring *uring);

/* The ring is closed. */
void buffers_close(struct buffers *buffers);

void buffers_give_back(struct buffers *buffers, uint16_t number);

/* `count` bytes have come, in a buffer. */
void unread_add(struct buffers *buffers, struct unread *unread, uint16_t number, size_t count);

/* The oldest of the bytes, in one buffer. There are some. */
struct iovec unread_first(const struct buffers *buffers, const struct unread *unread);

/* `count` of these have been taken. True: the buffer is empty, and is to be given back. */
bool unread_take(const struct buffers *buffers, struct unread *unread, size_t count,
                 uint16_t *number);

#endif
