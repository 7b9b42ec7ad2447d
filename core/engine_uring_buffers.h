/* engine_uring_buffers.h - the buffers a ring receives into, lent to the kernel. */
/* SPDX-License-Identifier: MIT */
/*
 * A receive that waits in the kernel names no memory; the kernel takes one of these when bytes
 * are there. So an idle connection costs none.
 *
 * Locking  Whoever gives a buffer back holds the ring's lock.
 */
#ifndef CORE_ENGINE_URING_BUFFERS_H
#define CORE_ENGINE_URING_BUFFERS_H

#include <liburing.h>
#include <stdint.h>

enum { BUFFER_COUNT = 128, BUFFER_SIZE = 4096, BUFFER_GROUP = 0 };

struct buffers {
    struct io_uring_buf_ring *lent; /* what the kernel may take */
    char *memory;
};

/* Lend all buffers to the kernel. 0; -EINVAL: it does not know how to take them; -ENOMEM. */
int buffers_open(struct buffers *buffers, struct io_uring *uring);

/* The ring is closed. */
void buffers_close(struct buffers *buffers);

char *buffers_at(const struct buffers *buffers, uint16_t number);
void buffers_give_back(struct buffers *buffers, uint16_t number);

#endif
