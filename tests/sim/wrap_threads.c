/* wrap_threads.c - mutexes, conditions, futexes and threads as simulated threads see them. */
/* SPDX-License-Identifier: MIT */
/*
 * A mutex and a condition keep what they are in the caller's own storage, so memory that is gone
 * too early is seen by the address sanitizer. What pthreads leave undefined ends the run.
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
#include "schedule.h"
#include "wrap.h"

/* In the storage of a pthread_mutex_t; a zeroed one is free. */
struct mutex {
    struct thread *owner;
    bool destroyed;
};

/* In the storage of a pthread_cond_t. */
struct condition {
    unsigned sleepers;
    bool destroyed;
};

_Static_assert(sizeof(struct mutex) <= sizeof(pthread_mutex_t), "it has to fit");
_Static_assert(sizeof(struct condition) <= sizeof(pthread_cond_t), "it has to fit");

static struct mutex *mutex_of(pthread_mutex_t *mutex)
{
    return (struct mutex *)(void *)mutex;
}

static struct condition *condition_of(pthread_cond_t *condition)
{
    return (struct condition *)(void *)condition;
}

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int WRAP(pthread_mutex_init)(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int WRAP(pthread_mutex_destroy)(pthread_mutex_t *mutex);
int WRAP(pthread_mutex_lock)(pthread_mutex_t *mutex);
int WRAP(pthread_mutex_trylock)(pthread_mutex_t *mutex);
int WRAP(pthread_mutex_unlock)(pthread_mutex_t *mutex);
int WRAP(pthread_cond_init)(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int WRAP(pthread_cond_destroy)(pthread_cond_t *condition);
int WRAP(pthread_cond_signal)(pthread_cond_t *condition);
int WRAP(pthread_cond_broadcast)(pthread_cond_t *condition);
int WRAP(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex);
int WRAP(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                 const struct timespec *deadline);
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

int WRAP(pthread_mutex_init)(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    (void)attributes;
    *mutex_of(mutex) = (struct mutex){0};
    return 0;
}

int WRAP(pthread_mutex_destroy)(pthread_mutex_t *mutex)
{
    struct mutex *self = mutex_of(mutex);

    if (self->owner != NULL || self->destroyed)
        schedule_fail("a mutex is destroyed that is %s",
                      self->destroyed ? "destroyed already" : "locked");
    self->destroyed = true;
    return 0;
}

static bool is_free(const void *subject)
{
    const struct mutex *mutex = subject;

    return mutex->owner == NULL;
}

static void acquire(struct mutex *mutex)
{
    if (mutex->destroyed)
        schedule_fail("a destroyed mutex is locked");
    if (mutex->owner == schedule_self())
        schedule_fail("a thread locks a mutex twice");
    while (mutex->owner != NULL)
        (void)schedule_until("pthread_mutex_lock", is_free, mutex, SCHEDULE_NEVER);
    if (mutex->destroyed)
        schedule_fail("a mutex is destroyed while a thread waits for it");
    mutex->owner = schedule_self();
}

static void release(struct mutex *mutex)
{
    if (mutex->owner != schedule_self())
        schedule_fail("a mutex is unlocked by a thread that does not have it");
    mutex->owner = NULL;
}

int WRAP(pthread_mutex_lock)(pthread_mutex_t *mutex)
{
    schedule_point("pthread_mutex_lock");
    acquire(mutex_of(mutex));
    return 0;
}

int WRAP(pthread_mutex_trylock)(pthread_mutex_t *mutex)
{
    schedule_point("pthread_mutex_trylock");
    if (mutex_of(mutex)->owner != NULL)
        return EBUSY;
    acquire(mutex_of(mutex));
    return 0;
}

int WRAP(pthread_mutex_unlock)(pthread_mutex_t *mutex)
{
    release(mutex_of(mutex));
    schedule_point("pthread_mutex_unlock"); /* the mutex may be gone after this */
    return 0;
}

int WRAP(pthread_cond_init)(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    (void)attributes;
    *condition_of(condition) = (struct condition){0};
    return 0;
}

int WRAP(pthread_cond_destroy)(pthread_cond_t *condition)
{
    struct condition *self = condition_of(condition);

    if (self->sleepers > 0 || self->destroyed)
        schedule_fail("a condition is destroyed %s", self->destroyed ? "twice" : "under a sleeper");
    self->destroyed = true;
    return 0;
}

static int wake(pthread_cond_t *condition, const char *where, int count)
{
    if (condition_of(condition)->destroyed)
        schedule_fail("a destroyed condition is signalled");
    (void)schedule_wake(condition, count);
    schedule_point(where);
    return 0;
}

int WRAP(pthread_cond_signal)(pthread_cond_t *condition)
{
    return wake(condition, "pthread_cond_signal", 1);
}

int WRAP(pthread_cond_broadcast)(pthread_cond_t *condition)
{
    return wake(condition, "pthread_cond_broadcast", INT_MAX);
}

static int sleep_on(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_ns)
{
    bool woken;

    if (condition_of(condition)->destroyed)
        schedule_fail("a thread sleeps on a destroyed condition");
    release(mutex_of(mutex));
    condition_of(condition)->sleepers++;
    woken = schedule_sleep_at("pthread_cond_wait", condition, deadline_ns);
    condition_of(condition)->sleepers--;
    acquire(mutex_of(mutex));
    return woken ? 0 : ETIMEDOUT;
}

int WRAP(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    return sleep_on(condition, mutex, SCHEDULE_NEVER);
}

int WRAP(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                 const struct timespec *deadline)
{
    return sleep_on(condition, mutex, nanoseconds(deadline));
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
    schedule_point("futex");
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
        errno = EAGAIN;
        return -1;
    }
    if (!schedule_sleep_at("futex", word, futex_deadline(command, timeout))) {
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
    value = (unsigned)schedule_wake(word, (int)value);
    schedule_point("futex");
    return (long)value;
}
