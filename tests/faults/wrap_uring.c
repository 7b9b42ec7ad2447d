/* wrap_uring.c - calls of io_uring, and what comes back from it. */
/* SPDX-License-Identifier: MIT */
/*
 * An operation that is to fail does not reach the socket: the kernel gets one that does nothing in
 * its place, and when that comes back its result is exchanged. So no byte is lost.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "engine_uring_ring.h"
#include "shim.h"

enum { EXCHANGES_MAX = 256, VAIN_ODDS = 4 };

int REAL(io_uring_queue_init_params)(unsigned entries, struct io_uring *uring,
                                     struct io_uring_params *parameters);
struct io_uring_probe *REAL(io_uring_get_probe_ring)(struct io_uring *uring);
int REAL(io_uring_register_buf_ring)(struct io_uring *uring, struct io_uring_buf_reg *where,
                                     unsigned flags);
int REAL(io_uring_register_sync_cancel)(struct io_uring *uring,
                                        struct io_uring_sync_cancel_reg *what);
int REAL(io_uring_enter)(unsigned fd, unsigned count, unsigned wanted, unsigned flags,
                         sigset_t *signals);
int REAL(io_uring_enter2)(unsigned fd, unsigned count, unsigned wanted, unsigned flags,
                          sigset_t *limits, size_t size);
uint32_t REAL(ring_put)(struct ring *ring, const struct io_uring_sqe *entry);
unsigned REAL(ring_take)(struct ring *ring, struct returned returned[], unsigned capacity);
int WRAP(io_uring_queue_init_params)(unsigned entries, struct io_uring *uring,
                                     struct io_uring_params *parameters);
struct io_uring_probe *WRAP(io_uring_get_probe_ring)(struct io_uring *uring);
int WRAP(io_uring_register_buf_ring)(struct io_uring *uring, struct io_uring_buf_reg *where,
                                     unsigned flags);
int WRAP(io_uring_register_sync_cancel)(struct io_uring *uring,
                                        struct io_uring_sync_cancel_reg *what);
int WRAP(io_uring_enter)(unsigned fd, unsigned count, unsigned wanted, unsigned flags,
                         sigset_t *signals);
int WRAP(io_uring_enter2)(unsigned fd, unsigned count, unsigned wanted, unsigned flags,
                          sigset_t *limits, size_t size);
uint32_t WRAP(ring_put)(struct ring *ring, const struct io_uring_sqe *entry);
unsigned WRAP(ring_take)(struct ring *ring, struct returned returned[], unsigned capacity);

/* Results to be exchanged. A mark is in the ring once at a time. */
static struct exchange {
    const struct ring *ring; /* NULL: free */
    uint64_t mark;
    int result;
} exchanges[EXCHANGES_MAX];
static pthread_mutex_t exchanges_lock = PTHREAD_MUTEX_INITIALIZER;

int WRAP(io_uring_queue_init_params)(unsigned entries, struct io_uring *uring,
                                     struct io_uring_params *parameters)
{
    int error = shim_fails(CALL_URING_INIT);

    return error != 0 ? -error : REAL(io_uring_queue_init_params)(entries, uring, parameters);
}

struct io_uring_probe *WRAP(io_uring_get_probe_ring)(struct io_uring *uring)
{
    return shim_fails(CALL_URING_PROBE) ? NULL : REAL(io_uring_get_probe_ring)(uring);
}

int WRAP(io_uring_register_buf_ring)(struct io_uring *uring, struct io_uring_buf_reg *where,
                                     unsigned flags)
{
    int error = shim_fails(CALL_URING_BUFFERS);

    return error != 0 ? -error : REAL(io_uring_register_buf_ring)(uring, where, flags);
}

/* A signal ends the wait for what is to be cancelled, not the cancelling; where there is nothing to
 * be cancelled, there is no wait. */
int WRAP(io_uring_register_sync_cancel)(struct io_uring *uring,
                                        struct io_uring_sync_cancel_reg *what)
{
    int result = REAL(io_uring_register_sync_cancel)(uring, what);
    int error = result == -ENOENT ? 0 : shim_fails(CALL_URING_CANCEL);

    return error != 0 ? -error : result;
}

/* What submits fails before it has; what only waits is interrupted; what does neither succeeds. */
static int enter_error(unsigned count, unsigned wanted)
{
    int error = 0;

    if (count > 0)
        error = shim_fails(CALL_URING_SUBMIT);
    else if (wanted > 0)
        error = shim_fails(CALL_URING_WAIT);
    if (error == 0 && count + wanted > 0 && shim_draws(VAIN_ODDS))
        error = count > 0 ? EAGAIN : EINTR;
    return error;
}

int WRAP(io_uring_enter)(unsigned fd, unsigned count, unsigned wanted, unsigned flags,
                         sigset_t *signals)
{
    int error = enter_error(count, wanted);

    return error != 0 ? -error : REAL(io_uring_enter)(fd, count, wanted, flags, signals);
}

int WRAP(io_uring_enter2)(unsigned fd, unsigned count, unsigned wanted, unsigned flags,
                          sigset_t *limits, size_t size)
{
    int error = enter_error(count, wanted);

    return error != 0 ? -error : REAL(io_uring_enter2)(fd, count, wanted, flags, limits, size);
}

static int entry_error(const struct io_uring_sqe *entry)
{
    switch (entry->opcode) {
    case IORING_OP_RECV:
        return shim_fails(CALL_URING_RECEIVE);
    case IORING_OP_SEND:
        return shim_fails(CALL_URING_SEND);
    case IORING_OP_POLL_ADD:
        return shim_fails(CALL_URING_POLL);
    case IORING_OP_READ:
        return shim_fails(CALL_URING_READ);
    default:
        return 0; /* a recall, whose result nobody looks at */
    }
}

/* False: there is no room. */
static bool note_exchange(const struct ring *ring, uint64_t mark, int error)
{
    struct exchange *place = exchanges;

    pthread_mutex_lock(&exchanges_lock);
    while (place < exchanges + EXCHANGES_MAX && place->ring != NULL)
        place++;
    if (place < exchanges + EXCHANGES_MAX)
        *place = (struct exchange){ring, mark, -error};
    pthread_mutex_unlock(&exchanges_lock);
    return place < exchanges + EXCHANGES_MAX;
}

uint32_t WRAP(ring_put)(struct ring *ring, const struct io_uring_sqe *entry)
{
    struct io_uring_sqe changed = *entry;
    int error = entry_error(entry);

    if (error == 0 && entry->opcode != IORING_OP_ASYNC_CANCEL && shim_draws(VAIN_ODDS))
        error = shim_draws(2) ? EINTR : ECANCELED;
    if (error == 0 && entry->opcode == IORING_OP_SEND && shim_dribbles())
        changed.len = 1;
    if (error != 0 && note_exchange(ring, entry->user_data, error)) {
        io_uring_prep_nop(&changed);
        changed.user_data = entry->user_data;
    }
    return REAL(ring_put)(ring, &changed);
}

static void exchange(const struct ring *ring, struct returned *returned)
{
    pthread_mutex_lock(&exchanges_lock);
    for (struct exchange *place = exchanges; place < exchanges + EXCHANGES_MAX; place++) {
        if (place->ring != ring || place->mark != returned->mark)
            continue;
        returned->result = place->result;
        place->ring = NULL;
        break;
    }
    pthread_mutex_unlock(&exchanges_lock);
}

unsigned WRAP(ring_take)(struct ring *ring, struct returned returned[], unsigned capacity)
{
    unsigned count = REAL(ring_take)(ring, returned, capacity);

    for (unsigned i = 0; i < count; i++)
        exchange(ring, &returned[i]);
    return count;
}
