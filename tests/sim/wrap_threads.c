/* wrap_threads.c - locks, futexes and threads as simulated threads see them. */
/* SPDX-License-Identifier: MIT */
/*
 * A lock keeps what it is in the caller's own storage, so memory that is gone too early is seen by
 * the address sanitizer. What is undefined ends the run.
 *
 * Core's locks are either such ones, or its own, on simulated futexes: those do not see what is
 * undefined, but have to wake whoever sleeps at them.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chance.h"
#include "fault.h"
#include "lock.h"
#include "locks.h"
#include "schedule.h"
#include "wrap.h"

/* In the storage of a lock or of a pthread_mutex_t; a zeroed one is free. */
struct mutex {
    unsigned holder; /* a thread's number; or one of these */
};

enum { NOBODY = 0, DESTROYED = INT_MAX };

_Static_assert(sizeof(struct mutex) <= sizeof(struct lock), "it has to fit");
_Static_assert(sizeof(struct mutex) <= sizeof(pthread_mutex_t), "it has to fit");

static bool are_core_s_own;

/* What a futex is slept at for. */
static _Thread_local const char *purpose = "futex";

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

void WRAP(lock_init)(struct lock *lock);
void WRAP(lock_destroy)(struct lock *lock);
void WRAP(lock_acquire)(struct lock *lock);
void WRAP(lock_release)(struct lock *lock);
void REAL(lock_destroy)(struct lock *lock);
void REAL(lock_acquire)(struct lock *lock);
void REAL(lock_release)(struct lock *lock);
int WRAP(pthread_mutex_init)(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int WRAP(pthread_mutex_destroy)(pthread_mutex_t *mutex);
int WRAP(pthread_mutex_lock)(pthread_mutex_t *mutex);
int WRAP(pthread_mutex_unlock)(pthread_mutex_t *mutex);
int WRAP(pthread_create)(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                         void *argument);
int WRAP(pthread_join)(pthread_t id, void **result);
int WRAP(pthread_once)(pthread_once_t *once, void (*initialize)(void));
int WRAP(pthread_key_create)(pthread_key_t *key, void (*destructor)(void *));
void *WRAP(pthread_getspecific)(pthread_key_t key);
int WRAP(pthread_setspecific)(pthread_key_t key, const void *value);
int WRAP(pthread_setname_np)(pthread_t id, const char *name);
int WRAP(sched_yield)(void);
long WRAP(syscall)(long number, ...);

static void make_free(void *memory)
{
    *(struct mutex *)memory = (struct mutex){.holder = NOBODY};
}

static void destroy(void *memory)
{
    struct mutex *mutex = memory;

    if (mutex->holder != NOBODY)
        schedule_fail("a lock is destroyed that is %s",
                      mutex->holder == DESTROYED ? "destroyed already" : "held");
    mutex->holder = DESTROYED;
}

static bool is_free(const void *subject)
{
    const struct mutex *mutex = subject;

    return mutex->holder == NOBODY;
}

static void acquire(void *memory)
{
    const unsigned self = schedule_number(schedule_self());
    struct mutex *mutex = memory;

    schedule_point("lock");
    if (mutex->holder == DESTROYED)
        schedule_fail("a destroyed lock is acquired");
    if (mutex->holder == self)
        schedule_fail("a thread acquires a lock twice");
    while (mutex->holder != NOBODY)
        (void)schedule_until("lock", is_free, mutex, SCHEDULE_NEVER);
    mutex->holder = self;
}

static void release(void *memory)
{
    struct mutex *mutex = memory;

    if (mutex->holder != schedule_number(schedule_self()))
        schedule_fail("a lock is released by a thread that does not have it");
    mutex->holder = NOBODY;
    schedule_point("unlock"); /* it may be gone after this */
}

void locks_choose(bool core_s_own)
{
    are_core_s_own = core_s_own;
}

/* A free one is the same to both. */
void WRAP(lock_init)(struct lock *lock)
{
    make_free(lock);
}

void WRAP(lock_destroy)(struct lock *lock)
{
    if (are_core_s_own)
        REAL(lock_destroy)(lock);
    else
        destroy(lock);
}

void WRAP(lock_acquire)(struct lock *lock) UNCHECKED
{
    if (!are_core_s_own) {
        acquire(lock);
        return;
    }
    schedule_point("lock");
    purpose = "lock";
    REAL(lock_acquire)(lock);
    purpose = "futex";
}

void WRAP(lock_release)(struct lock *lock) UNCHECKED
{
    if (!are_core_s_own) {
        release(lock);
        return;
    }
    REAL(lock_release)(lock);
    schedule_point("unlock"); /* it may be gone after this */
}

int WRAP(pthread_mutex_init)(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    (void)attributes;
    make_free(mutex);
    return 0;
}

int WRAP(pthread_mutex_destroy)(pthread_mutex_t *mutex)
{
    destroy(mutex);
    return 0;
}

int WRAP(pthread_mutex_lock)(pthread_mutex_t *mutex)
{
    acquire(mutex);
    return 0;
}

int WRAP(pthread_mutex_unlock)(pthread_mutex_t *mutex)
{
    release(mutex);
    return 0;
}

int WRAP(pthread_create)(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                         void *argument)
{
    (void)attributes;
    if (fault_strikes(FAULT_THREAD))
        return EAGAIN;
    *id = schedule_id(schedule_start(start, argument));
    schedule_point("pthread_create");
    return 0;
}

int WRAP(pthread_join)(pthread_t id, void **result)
{
    struct thread *thread = schedule_thread_of(id);
    void *value;

    if (thread == NULL)
        schedule_fail("a thread is joined that is none");
    value = schedule_join(thread);
    if (result != NULL)
        *result = value;
    return 0;
}

/* Nobody else runs before the initializer comes to a switch point, and ours have none. */
int WRAP(pthread_once)(pthread_once_t *once, void (*initialize)(void))
{
    if (*once == PTHREAD_ONCE_INIT) {
        initialize();
        *once = PTHREAD_ONCE_INIT + 1;
    }
    return 0;
}

int WRAP(pthread_key_create)(pthread_key_t *key, void (*destructor)(void *))
{
    static unsigned keys;

    if (keys == SCHEDULE_KEYS_MAX)
        return EAGAIN;
    schedule_set_destructor(keys, destructor);
    *key = keys++;
    return 0;
}

void *WRAP(pthread_getspecific)(pthread_key_t key)
{
    return *schedule_slot(schedule_self(), key);
}

int WRAP(pthread_setspecific)(pthread_key_t key, const void *value)
{
    memcpy(schedule_slot(schedule_self(), key), &value, sizeof value);
    return 0;
}

int WRAP(pthread_setname_np)(pthread_t id, const char *name)
{
    (void)id;
    schedule_note("is named %s", name);
    return 0;
}

int WRAP(sched_yield)(void)
{
    schedule_point("sched_yield");
    return 0;
}

static int64_t futex_deadline(int command, const struct timespec *timeout)
{
    if (timeout == NULL)
        return SCHEDULE_NEVER;
    if (command == FUTEX_WAIT_BITSET)
        return nanoseconds(timeout);
    return schedule_now_ns() + nanoseconds(timeout);
}

static long futex_wait(const unsigned *word, int command, unsigned expected,
                       const struct timespec *timeout)
{
    schedule_point(purpose);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
        errno = EAGAIN;
        return -1;
    }
    if (!schedule_sleep_at(purpose, word, futex_deadline(command, timeout))) {
        errno = ETIMEDOUT;
        return -1;
    }
    return 0;
}

long WRAP(syscall)(long number, ...)
{
    const unsigned *word;
    unsigned value;
    int command;
    va_list arguments;
    const struct timespec *timeout;

    if (number == SYS_gettid)
        return (long)schedule_number(schedule_self());
    if (number != SYS_futex)
        schedule_fail("system call %ld is not simulated", number);
    va_start(arguments, number);
    word = va_arg(arguments, const unsigned *);
    command = va_arg(arguments, int) & FUTEX_CMD_MASK;
    value = va_arg(arguments, unsigned);
    timeout = va_arg(arguments, const struct timespec *);
    va_end(arguments);

    if (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET)
        return futex_wait(word, command, value, timeout);
    if (command != FUTEX_WAKE)
        schedule_fail("futex command %d is not simulated", command);
    schedule_point("futex"); /* the word may be gone before anybody is woken */
    value = (unsigned)schedule_wake(word, (int)value);
    schedule_point("futex");
    return (long)value;
}
