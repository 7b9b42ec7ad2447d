/* engine_uring_ring.h - one io_uring: what goes in, from any thread, and what comes out. */
/* SPDX-License-Identifier: MIT */
/*
 * Threads  Entries are put in by any thread; one thread at a time enters the ring to wait, and
 *          takes out of it what has come back.
 * Locking  The lock guards the submission queue and the buffers that are lent. It is taken
 *          last, while a socket's lock is held.
 */
#ifndef CORE_ENGINE_URING_RING_H
#define CORE_ENGINE_URING_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine.h"
#include "engine_uring_buffers.h"
#include "lock.h"

struct ring {
    struct io_uring uring;
    struct lock lock;
    struct buffers buffers;
    unsigned outstanding; /* entries that have not come back; guarded by lock */
};

/* What has come back: an entry's mark, a result, which buffer the kernel took, whether more comes.
 */
struct returned {
    uint64_t mark;
    int result;
    unsigned flags;
};

/* 0. -ENOTSUP: the kernel refuses, or lacks something; the note says which. -ENOMEM, -EMFILE. */
int ring_open(struct ring *ring, struct engine_note *note);
void ring_close(struct ring *ring);

/* Put an entry in; the next ring_enter hands it to the kernel. Returns its place in the order
 * of all entries. */
uint32_t ring_put(struct ring *ring, const struct io_uring_sqe *entry);

/* See to it that the kernel has read all entries; the one at that place. */
void ring_hand_over(struct ring *ring);
void ring_hand_over_to(struct ring *ring, uint32_t place);

/* Let the entry with that mark, which the kernel has read, come back soon if it waits there. */
void ring_cancel(struct ring *ring, uint64_t mark);

/* Hand over what was put in, and wait until something has come back, or until the deadline. */
void ring_enter(struct ring *ring, int64_t deadline_ns);

/* Has something come back? */
bool ring_has_returns(const struct ring *ring);

/* Take out what has come back; returns how many. */
unsigned ring_take(struct ring *ring, struct returned returned[], unsigned capacity);

/* The kernel may take the buffer again. */
void ring_give_back(struct ring *ring, uint16_t buffer);

#endif
