/* engine_uring_buffers.c - the buffers a ring receives into, lent to the kernel. */
/* SPDX-License-Identifier: MIT */
#include "engine_uring_buffers.h"

#include <errno.h>
#include <sys/mman.h>

/* The kernel wants the ring of what is lent at the beginning of a page. */
enum {
    CACHE_LINE = 64,
    LENT_SIZE = BUFFER_COUNT * sizeof(struct io_uring_buf),
    STRIDE = BUFFER_SIZE + CACHE_LINE, /* or small messages would all meet in one set of a cache */
    MAPPING_SIZE = LENT_SIZE + BUFFER_COUNT * STRIDE,
};

_Static_assert((BUFFER_COUNT & (BUFFER_COUNT - 1)) == 0, "the kernel wants a power of two");

int buffers_open(struct buffers *buffers, struct io_uring *uring)
{
    struct io_uring_buf_reg where = {.ring_entries = BUFFER_COUNT, .bgid = BUFFER_GROUP};
    void *mapping =
        mmap(NULL, MAPPING_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int error;

    if (mapping == MAP_FAILED)
        return -ENOMEM;
    where.ring_addr = (uintptr_t)mapping;
    error = io_uring_register_buf_ring(uring, &where, 0);
    if (error < 0) {
        munmap(mapping, MAPPING_SIZE);
        return error;
    }
    buffers->lent = mapping;
    buffers->memory = (char *)mapping + LENT_SIZE;
    for (int i = 0; i < BUFFER_COUNT; i++)
        buffers_give_back(buffers, (uint16_t)i);
    return 0;
}

void buffers_close(struct buffers *buffers)
{
    munmap(buffers->lent, MAPPING_SIZE);
}

static char *buffer_at(const struct buffers *buffers, uint16_t number)
{
    return buffers->memory + (size_t)number * STRIDE;
}

void buffers_give_back(struct buffers *buffers, uint16_t number)
{
    io_uring_buf_ring_add(buffers->lent, buffer_at(buffers, number), BUFFER_SIZE, number,
                          io_uring_buf_ring_mask(BUFFER_COUNT), 0);
    io_uring_buf_ring_advance(buffers->lent, 1);
}

void unread_add(struct buffers *buffers, struct unread *unread, uint16_t number, size_t count)
{
    buffers->filled[number].count = (uint16_t)count;
    if (unread->buffers == 0)
        unread->first = number;
    else
        buffers->filled[unread->last].next = number;
    unread->last = number;
    unread->buffers++;
}

struct iovec unread_first(const struct buffers *buffers, const struct unread *unread)
{
    return (struct iovec){
        .iov_base = buffer_at(buffers, unread->first) + unread->start,
        .iov_len = (size_t)buffers->filled[unread->first].count - unread->start,
    };
}

bool unread_take(const struct buffers *buffers, struct unread *unread, size_t count,
                 uint16_t *number)
{
    const struct filled *first = &buffers->filled[unread->first];

    unread->start = (uint16_t)(unread->start + count);
    if (unread->start < first->count)
        return false;
    *number = unread->first;
    unread->first = first->next;
    unread->start = 0;
    unread->buffers--;
    return true;
}
