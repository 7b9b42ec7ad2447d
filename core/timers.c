/* timers.c - when to look at which socket: a heap of deadlines. */
/* SPDX-License-Identifier: MIT */
#include "timers.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "socket.h"

enum { FIRST_CAPACITY = 64, NOT_IN = 0 };

void timers_init(struct timers *timers)
{
    *timers = (struct timers){0};
    lock_init(&timers->lock);
}

void timers_destroy(struct timers *timers)
{
    free(timers->heap);
    lock_destroy(&timers->lock);
}

int timers_reserve(struct timers *timers)
{
    int error = 0;

    lock_acquire(&timers->lock);
    if (timers->reserved == timers->capacity) {
        size_t capacity = timers->capacity == 0 ? FIRST_CAPACITY : 2 * timers->capacity;
        struct timer *heap = reallocarray(timers->heap, capacity + 1, sizeof *heap);

        if (heap == NULL) {
            error = -ENOMEM;
        } else {
            timers->heap = heap;
            timers->capacity = capacity;
        }
    }
    if (error == 0)
        timers->reserved++;
    lock_release(&timers->lock);
    return error;
}

static void put(struct timers *timers, size_t place, struct timer timer)
{
    timers->heap[place] = timer;
    timer.socket->timer_place = (uint32_t)place;
}

static void sift_up(struct timers *timers, size_t place, struct timer timer)
{
    while (place > 1 && timer.time_ns < timers->heap[place / 2].time_ns) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct timers *timers, size_t place, struct timer timer)
{
    for (size_t child; (child = 2 * place) <= timers->count; place = child) {
        if (child < timers->count && timers->heap[child + 1].time_ns < timers->heap[child].time_ns)
            child++;
        if (timer.time_ns <= timers->heap[child].time_ns)
            break;
        put(timers, place, timers->heap[child]);
    }
    put(timers, place, timer);
}

static void take_out(struct timers *timers, struct iocp_socket *socket)
{
    size_t place = socket->timer_place;
    struct timer last = timers->heap[timers->count];

    socket->timer_place = NOT_IN;
    timers->count--;
    if (last.socket == socket)
        return;
    if (place > 1 && last.time_ns < timers->heap[place / 2].time_ns)
        sift_up(timers, place, last);
    else
        sift_down(timers, place, last);
}

void timers_leave(struct timers *timers, struct iocp_socket *socket)
{
    lock_acquire(&timers->lock);
    if (socket->timer_place != NOT_IN)
        take_out(timers, socket);
    timers->reserved--;
    lock_release(&timers->lock);
}

bool timers_arm(struct timers *timers, struct iocp_socket *socket, int64_t time_ns)
{
    bool earliest = false;

    lock_acquire(&timers->lock);
    if (socket->timer_place == NOT_IN)
        sift_up(timers, ++timers->count, (struct timer){time_ns, socket});
    else if (time_ns < timers->heap[socket->timer_place].time_ns)
        sift_up(timers, socket->timer_place, (struct timer){time_ns, socket});
    earliest = timers->heap[1].socket == socket;
    lock_release(&timers->lock);
    return earliest;
}

int64_t timers_next(struct timers *timers)
{
    int64_t time_ns;

    lock_acquire(&timers->lock);
    time_ns = timers->count > 0 ? timers->heap[1].time_ns : DEADLINE_NONE;
    lock_release(&timers->lock);
    return time_ns;
}

struct iocp_socket *timers_take(struct timers *timers, int64_t now_ns)
{
    struct iocp_socket *socket = NULL;

    lock_acquire(&timers->lock);
    if (timers->count > 0 && timers->heap[1].time_ns <= now_ns) {
        socket = timers->heap[1].socket;
        socket_hold(socket);
        take_out(timers, socket);
    }
    lock_release(&timers->lock);
    return socket;
}
