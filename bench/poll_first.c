/* poll_first.c - preloaded under valgrind: wait in poll for what is to come back from an io_uring.
 */
/* SPDX-License-Identifier: MIT */
/*
 * valgrind does not know that io_uring_enter may block, and lets no other thread run meanwhile. In
 * poll it does. A ring may need its thread to enter before anything is there to be polled: so that
 * looks each millisecond.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static long fetch(int fd, unsigned to_submit)
{
    return syscall(SYS_io_uring_enter, fd, to_submit, 0, IORING_ENTER_GETEVENTS, NULL, 0);
}

/* Until there is something, or for that time; negative: for ever. */
static void wait_for_returns(int fd, int64_t left_ms)
{
    struct pollfd ring = {.fd = fd, .events = POLLIN};

    for (; left_ms != 0 && poll(&ring, 1, 1) <= 0; left_ms -= left_ms > 0)
        (void)fetch(fd, 0);
    (void)fetch(fd, 0);
}

/* As libiocp calls it. */
__attribute__((visibility("default"))) int io_uring_enter2(unsigned int fd, unsigned int to_submit,
                                                           unsigned int min_complete,
                                                           unsigned int flags, sigset_t *sig,
                                                           size_t size)
{
    const struct io_uring_getevents_arg *limits = (void *)sig;
    const struct __kernel_timespec *left = (void *)(uintptr_t)limits->ts;
    long result = fetch((int)fd, to_submit);

    (void)flags;
    (void)size;
    if (result < 0)
        return -errno;
    if (min_complete > 0)
        wait_for_returns((int)fd, left ? left->tv_sec * 1000 + left->tv_nsec / 1000000 + 1 : -1);
    return (int)result;
}

/* As the peer does. */
__attribute__((visibility("default"))) int io_uring_submit_and_wait(struct io_uring *uring,
                                                                    unsigned wait_nr)
{
    int result = io_uring_submit(uring);

    if (result >= 0 && wait_nr > 0)
        wait_for_returns(uring->ring_fd, -1);
    return result;
}
