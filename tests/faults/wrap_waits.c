/* wrap_waits.c - calls that wait for descriptors or words, and the end of a descriptor. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nudge.h"
#include "shim.h"

enum { WATCHED_MAX = 1024, VAIN_ODDS = 4 };

int REAL(epoll_create1)(int flags);
int REAL(epoll_ctl)(int epoll_fd, int call, int fd, struct epoll_event *event);
int REAL(epoll_wait)(int epoll_fd, struct epoll_event *events, int capacity, int timeout_ms);
int REAL(eventfd)(unsigned count, int flags);
int REAL(eventfd_read)(int fd, eventfd_t *count);
int REAL(eventfd_write)(int fd, eventfd_t count);
int REAL(poll)(struct pollfd *fds, nfds_t count, int timeout_ms);
int REAL(close)(int fd);
long REAL(syscall)(long number, ...);
int WRAP(epoll_create1)(int flags);
int WRAP(epoll_ctl)(int epoll_fd, int call, int fd, struct epoll_event *event);
int WRAP(epoll_wait)(int epoll_fd, struct epoll_event *events, int capacity, int timeout_ms);
int WRAP(eventfd)(unsigned count, int flags);
int WRAP(eventfd_read)(int fd, eventfd_t *count);
int WRAP(eventfd_write)(int fd, eventfd_t count);
int WRAP(poll)(struct pollfd *fds, nfds_t count, int timeout_ms);
int WRAP(close)(int fd);
long WRAP(syscall)(long number, ...);

/* What an epoll instance watches; epoll_fd 0: none does. */
static struct {
    int epoll_fd;
    struct epoll_event event;
} watched[WATCHED_MAX];
static pthread_mutex_t watched_lock = PTHREAD_MUTEX_INITIALIZER;

static void note_watched(int epoll_fd, int fd, const struct epoll_event *event)
{
    if (fd < 0 || fd >= WATCHED_MAX)
        return;
    pthread_mutex_lock(&watched_lock);
    watched[fd].epoll_fd = epoll_fd;
    if (event != NULL)
        watched[fd].event = *event;
    pthread_mutex_unlock(&watched_lock);
}

void nudge(int fd)
{
    if (fd < 0 || fd >= WATCHED_MAX)
        return;
    pthread_mutex_lock(&watched_lock);
    if (watched[fd].epoll_fd > 0)
        (void)REAL(epoll_ctl)(watched[fd].epoll_fd, EPOLL_CTL_MOD, fd, &watched[fd].event);
    pthread_mutex_unlock(&watched_lock);
}

int WRAP(epoll_create1)(int flags)
{
    return shim_fails(CALL_EPOLL_CREATE) ? -1 : REAL(epoll_create1)(flags);
}

/* Only what adds can fail: a change needs nothing. */
int WRAP(epoll_ctl)(int epoll_fd, int call, int fd, struct epoll_event *event)
{
    int result = call == EPOLL_CTL_ADD && shim_fails(CALL_EPOLL_ADD)
                     ? -1
                     : REAL(epoll_ctl)(epoll_fd, call, fd, event);

    if (result == 0)
        note_watched(call == EPOLL_CTL_DEL ? 0 : epoll_fd, fd, event);
    return result;
}

/* A call that does not wait is not interrupted. */
static bool is_interrupted(enum call call, int timeout_ms)
{
    if (timeout_ms == 0)
        return false;
    if (shim_fails(call))
        return true;
    if (!shim_draws(VAIN_ODDS))
        return false;
    errno = EINTR;
    return true;
}

int WRAP(epoll_wait)(int epoll_fd, struct epoll_event *events, int capacity, int timeout_ms)
{
    return is_interrupted(CALL_EPOLL_WAIT, timeout_ms)
               ? -1
               : REAL(epoll_wait)(epoll_fd, events, capacity, timeout_ms);
}

int WRAP(poll)(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return is_interrupted(CALL_POLL, timeout_ms) ? -1 : REAL(poll)(fds, count, timeout_ms);
}

int WRAP(eventfd)(unsigned count, int flags)
{
    return shim_fails(CALL_EVENTFD) ? -1 : REAL(eventfd)(count, flags);
}

int WRAP(eventfd_read)(int fd, eventfd_t *count)
{
    return shim_fails(CALL_EVENTFD_READ) ? -1 : REAL(eventfd_read)(fd, count);
}

/* It is refused only where the count is full already: others have written, and nobody has read. */
int WRAP(eventfd_write)(int fd, eventfd_t count)
{
    int error = shim_fails(CALL_EVENTFD_WRITE);
    int result = REAL(eventfd_write)(fd, count);

    if (error == 0)
        return result;
    errno = error;
    return -1;
}

/* A descriptor of that number may be watched anew as soon as it is closed. */
int WRAP(close)(int fd)
{
    note_watched(0, fd, NULL);
    return REAL(close)(fd);
}

static bool is_futex_wait(long number, int call)
{
    return number == SYS_futex &&
           ((call & FUTEX_CMD_MASK) == FUTEX_WAIT || (call & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET);
}

long WRAP(syscall)(long number, ...)
{
    long values[6];
    va_list arguments;

    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        values[i] = va_arg(arguments, long);
    va_end(arguments);
    if (is_futex_wait(number, (int)values[1]) && shim_fails(CALL_FUTEX_WAIT))
        return -1;
    if (is_futex_wait(number, (int)values[1]) && shim_draws(VAIN_ODDS)) {
        errno = EINTR;
        return -1;
    }
    return REAL(syscall)(number, values[0], values[1], values[2], values[3], values[4], values[5]);
}
