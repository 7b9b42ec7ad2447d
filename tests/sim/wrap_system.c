/* wrap_system.c - clocks, processors, memory, and what /proc says, as simulated threads see it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chance.h"
#include "fault.h"
#include "memory.h"
#include "net.h"
#include "schedule.h"
#include "wrap.h"

/* The clocks of threads' processor time are numbered from here. */
enum { CPU_CLOCK_FIRST = 5000 };

static size_t blocks; /* of memory that simulated threads have and have not freed */

int WRAP(clock_gettime)(clockid_t clock, struct timespec *time);
int WRAP(pthread_getcpuclockid)(pthread_t id, clockid_t *clock);
pid_t WRAP(gettid)(void);
int WRAP(sched_getaffinity)(pid_t process, size_t size, cpu_set_t *set);
int REAL(open)(const char *path, int flags, ...);
int WRAP(open)(const char *path, int flags, ...);

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(aligned_alloc)(size_t alignment, size_t size);
void *REAL(reallocarray)(void *block, size_t count, size_t size);
void REAL(free)(void *block);
void *WRAP(malloc)(size_t size);
void *WRAP(calloc)(size_t count, size_t size);
void *WRAP(aligned_alloc)(size_t alignment, size_t size);
void *WRAP(reallocarray)(void *block, size_t count, size_t size);
void WRAP(free)(void *block);

int WRAP(clock_gettime)(clockid_t clock, struct timespec *time)
{
    int64_t now_ns = schedule_now_ns();

    if (clock == CLOCK_THREAD_CPUTIME_ID)
        now_ns = schedule_cpu_ns(schedule_self());
    if (clock > CPU_CLOCK_FIRST) {
        const struct thread *thread =
            schedule_thread_by_number((unsigned)(clock - CPU_CLOCK_FIRST));

        if (thread == NULL) {
            errno = EINVAL;
            return -1;
        }
        now_ns = schedule_cpu_ns(thread);
    }
    *time = (struct timespec){now_ns / 1000000000, now_ns % 1000000000};
    return 0;
}

int WRAP(pthread_getcpuclockid)(pthread_t id, clockid_t *clock)
{
    const struct thread *thread = schedule_thread_of(id);

    if (thread == NULL)
        return ESRCH;
    *clock = CPU_CLOCK_FIRST + (clockid_t)schedule_number(thread);
    return 0;
}

pid_t WRAP(gettid)(void)
{
    return (pid_t)schedule_number(schedule_self());
}

int WRAP(sched_getaffinity)(pid_t process, size_t size, cpu_set_t *set)
{
    (void)process;
    memset(set, 0, size);
    CPU_SET(0, set);
    CPU_SET(1, set);
    return 0;
}

/* Of all files there is only the state of threads. When the program ends, it may leave others:
 * which lines of it have run. */
int WRAP(open)(const char *path, int flags, ...)
{
    static const char tasks[] = "/proc/self/task/";

    if (!schedule_is_on())
        return REAL(open)(path, flags, 0666);
    if (strncmp(path, tasks, sizeof tasks - 1) != 0)
        schedule_fail("%s is not simulated", path);
    return net_open_status((unsigned)strtoul(path + sizeof tasks - 1, NULL, 10));
}

size_t memory_blocks(void)
{
    return blocks;
}

static bool is_refused(void)
{
    if (!schedule_is_on() || !fault_strikes(FAULT_MEMORY))
        return false;
    errno = ENOMEM;
    return true;
}

static void *count(void *block)
{
    if (block != NULL)
        blocks++;
    return block;
}

void *WRAP(malloc)(size_t size)
{
    return is_refused() ? NULL : count(REAL(malloc)(size));
}

void *WRAP(calloc)(size_t number, size_t size)
{
    return is_refused() ? NULL : count(REAL(calloc)(number, size));
}

void *WRAP(aligned_alloc)(size_t alignment, size_t size)
{
    return is_refused() ? NULL : count(REAL(aligned_alloc)(alignment, size));
}

void *WRAP(reallocarray)(void *block, size_t number, size_t size)
{
    void *made = is_refused() ? NULL : REAL(reallocarray)(block, number, size);

    return block == NULL ? count(made) : made;
}

void WRAP(free)(void *block)
{
    if (block != NULL)
        blocks--;
    REAL(free)(block);
}
