/* engine_uring_ring.c - one io_uring: its making, its two queues. */
/* SPDX-License-Identifier: MIT */
#include "engine_uring_ring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

enum { ENTRIES = 512, RETURNS = 4096 };

/* Any thread may take the ring over at any time, so it is bound to none; and what comes back is
 * not to interrupt the thread that put it in. An entry the kernel dislikes does not stop those
 * behind it. */
static const unsigned ring_flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                                   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                                   IORING_SETUP_CLAMP;

/* A wait with a time-out; no loss when more comes back than there is room for. */
static const unsigned needed_features = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;

static const int needed_operations[] = {
    IORING_OP_ASYNC_CANCEL, IORING_OP_POLL_ADD, IORING_OP_READ, IORING_OP_RECV, IORING_OP_SEND,
};

static unsigned unread_entries(const struct ring *ring) REQUIRES(ring->lock);
static void hand_over_all(struct ring *ring) REQUIRES(ring->lock);

static int lacks(struct engine_note *note, const char *what)
{
    (void)snprintf(note->text, sizeof note->text, "the kernel's io_uring lacks %s", what);
    return -ENOTSUP;
}

static int refused(struct engine_note *note, int error)
{
    (void)snprintf(note->text, sizeof note->text, "io_uring is refused by the kernel: %s",
                   strerror(-error));
    return -ENOTSUP;
}

static int set_up(struct io_uring *uring, struct engine_note *note)
{
    struct io_uring_params parameters = {.flags = ring_flags, .cq_entries = RETURNS};
    int error = io_uring_queue_init_params(ENTRIES, uring, &parameters);

    switch (error) {
    case -ENOSYS:
    case -EPERM:
    case -EACCES:
        return refused(note, error);
    case -EINVAL:
        return lacks(note, "cooperative completions");
    default:
        return error;
    }
}

static bool knows_operations(struct io_uring *uring)
{
    struct io_uring_probe *known = io_uring_get_probe_ring(uring);
    bool all = known != NULL;

    for (size_t i = 0; all && i < sizeof needed_operations / sizeof *needed_operations; i++)
        all = io_uring_opcode_supported(known, needed_operations[i]);
    io_uring_free_probe(known);
    return all;
}

/* Cancel what is not there: a kernel that can do it says so. */
static bool knows_cancel(struct io_uring *uring)
{
    struct io_uring_sync_cancel_reg nothing = {.addr = UINT64_MAX, .fd = -1};

    return io_uring_register_sync_cancel(uring, &nothing) == -ENOENT;
}

static int probe(struct io_uring *uring, struct engine_note *note)
{
    if ((uring->features & needed_features) != needed_features)
        return lacks(note, "waits with a time-out");
    if (!knows_operations(uring))
        return lacks(note, "operations on sockets");
    if (!knows_cancel(uring))
        return lacks(note, "cancelling at once");
    return 0;
}

int ring_open(struct ring *ring, struct engine_note *note)
{
    struct io_uring *uring = &ring->uring;
    int error = set_up(uring, note);

    if (error < 0)
        return error;
    error = probe(uring, note);
    if (error == 0)
        error = buffers_open(&ring->buffers, uring);
    if (error == -EINVAL)
        error = lacks(note, "rings of buffers");
    if (error < 0) {
        io_uring_queue_exit(uring);
        return error;
    }
    lock_init(&ring->lock);
    return 0;
}

void ring_close(struct ring *ring)
{
    io_uring_queue_exit(&ring->uring);
    buffers_close(&ring->buffers);
    lock_destroy(&ring->lock);
}

/* Entries that the kernel has not read yet. */
static unsigned unread_entries(const struct ring *ring)
{
    const struct io_uring_sq *queue = &ring->uring.sq;

    return *queue->ktail - io_uring_smp_load_acquire(queue->khead);
}

/* The kernel has no memory for a moment if it leaves some. */
static void hand_over_all(struct ring *ring)
{
    unsigned count;

    while ((count = unread_entries(ring)) > 0)
        (void)io_uring_enter((unsigned)ring->uring.ring_fd, count, 0, 0, NULL);
}

uint32_t ring_put(struct ring *ring, const struct io_uring_sqe *entry)
{
    struct io_uring_sq *queue = &ring->uring.sq;
    unsigned place;

    lock_acquire(&ring->lock);
    if (unread_entries(ring) == queue->ring_entries)
        hand_over_all(ring);
    place = *queue->ktail;
    queue->sqes[place & queue->ring_mask] = *entry;
    io_uring_smp_store_release(queue->ktail, place + 1);
    ring->outstanding++;
    lock_release(&ring->lock);
    return place;
}

void ring_hand_over(struct ring *ring)
{
    lock_acquire(&ring->lock);
    hand_over_all(ring);
    lock_release(&ring->lock);
}

void ring_hand_over_to(struct ring *ring, uint32_t place)
{
    lock_acquire(&ring->lock);
    /* Between head and tail, however often the numbers have wrapped around? */
    if (*ring->uring.sq.ktail - place <= unread_entries(ring))
        hand_over_all(ring);
    lock_release(&ring->lock);
}

void ring_cancel(struct ring *ring, uint64_t mark)
{
    struct io_uring_sync_cancel_reg what = {.addr = mark, .fd = -1};

    /* Not there: it is coming back already. */
    (void)io_uring_register_sync_cancel(&ring->uring, &what);
}

void ring_enter(struct ring *ring, int64_t deadline_ns)
{
    struct io_uring_getevents_arg limits = {0};
    struct __kernel_timespec left;
    unsigned wanted = 1;
    unsigned count;

    if (deadline_ns != DEADLINE_NONE) {
        const int64_t left_ns = deadline_ns - clock_now_ns();

        wanted = left_ns > 0;
        left.tv_sec = left_ns / 1000000000;
        left.tv_nsec = left_ns % 1000000000;
        limits.ts = wanted ? (uintptr_t)&left : 0;
    }
    lock_acquire(&ring->lock);
    count = unread_entries(ring);
    lock_release(&ring->lock);

    /* It fails if a signal or the deadline ends it, and if the kernel has no memory for a moment:
     * what is there then is taken out all the same, and the caller comes back. */
    (void)io_uring_enter2((unsigned)ring->uring.ring_fd, count, wanted,
                          IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, (void *)&limits,
                          sizeof limits);
}

bool ring_has_returns(const struct ring *ring)
{
    const struct io_uring_cq *queue = &ring->uring.cq;

    return *queue->khead != io_uring_smp_load_acquire(queue->ktail);
}

unsigned ring_take(struct ring *ring, struct returned returned[], unsigned capacity)
{
    struct io_uring_cq *queue = &ring->uring.cq;
    unsigned head = *queue->khead;
    unsigned count = io_uring_smp_load_acquire(queue->ktail) - head;
    unsigned ended = 0;

    if (count > capacity)
        count = capacity;
    for (unsigned i = 0; i < count; i++, head++) {
        const struct io_uring_cqe *cqe = &queue->cqes[head & queue->ring_mask];

        returned[i] = (struct returned){cqe->user_data, cqe->res, cqe->flags};
        ended += (cqe->flags & IORING_CQE_F_MORE) == 0;
    }
    io_uring_smp_store_release(queue->khead, head);

    lock_acquire(&ring->lock);
    ring->outstanding -= ended;
    lock_release(&ring->lock);
    return count;
}

void ring_give_back(struct ring *ring, uint16_t buffer)
{
    lock_acquire(&ring->lock);
    buffers_give_back(&ring->buffers, buffer);
    lock_release(&ring->lock);
}
