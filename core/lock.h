/* lock.h - a mutex whose use clang can check, and conditions on the monotonic clock. */
/* SPDX-License-Identifier: MIT */
/*
 * Failures  Only a bug makes these calls fail, so a failure ends the process with a message.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"

/* They stand on a declaration: clang does not look at them on a definition. */
#ifdef __clang__
#define CAPABILITY(name) __attribute__((capability(name)))
#define REQUIRES(...)    __attribute__((requires_capability(__VA_ARGS__)))
#define ACQUIRE(...)     __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASE(...)     __attribute__((release_capability(__VA_ARGS__)))
#define UNCHECKED        __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(name)
#define REQUIRES(...)
#define ACQUIRE(...)
#define RELEASE(...)
#define UNCHECKED
#endif

struct CAPABILITY("mutex") lock {
    pthread_mutex_t mutex;
};

static inline void lock_acquire(struct lock *lock) ACQUIRE(*lock) UNCHECKED;
static inline void lock_release(struct lock *lock) RELEASE(*lock) UNCHECKED;
static inline bool condition_wait(pthread_cond_t *condition, struct lock *lock, int64_t deadline_ns)
    REQUIRES(*lock);

/* End the process if a call of pthreads has failed. */
static inline void lock_check(int error, const char *call)
{
    if (error == 0)
        return;
    (void)fprintf(stderr, "libiocp: %s: %s\n", call, strerror(error));
    abort();
}

static inline void lock_init(struct lock *lock)
{
    lock_check(pthread_mutex_init(&lock->mutex, NULL), "pthread_mutex_init");
}

static inline void lock_destroy(struct lock *lock)
{
    lock_check(pthread_mutex_destroy(&lock->mutex), "pthread_mutex_destroy");
}

static inline void lock_acquire(struct lock *lock)
{
    lock_check(pthread_mutex_lock(&lock->mutex), "pthread_mutex_lock");
}

static inline void lock_release(struct lock *lock)
{
    lock_check(pthread_mutex_unlock(&lock->mutex), "pthread_mutex_unlock");
}

/* A condition whose timed waits look at the monotonic clock. */
static inline void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    lock_check(pthread_condattr_init(&attributes), "pthread_condattr_init");
    lock_check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC),
               "pthread_condattr_setclock");
    lock_check(pthread_cond_init(condition, &attributes), "pthread_cond_init");
    lock_check(pthread_condattr_destroy(&attributes), "pthread_condattr_destroy");
}

static inline void condition_destroy(pthread_cond_t *condition)
{
    lock_check(pthread_cond_destroy(condition), "pthread_cond_destroy");
}

static inline void condition_signal(pthread_cond_t *condition)
{
    lock_check(pthread_cond_signal(condition), "pthread_cond_signal");
}

/* Sleep until signalled, for no reason at all, or, then false, until the deadline. */
static inline bool condition_wait(pthread_cond_t *condition, struct lock *lock, int64_t deadline_ns)
{
    const struct timespec deadline = deadline_timespec(deadline_ns);
    const int error = pthread_cond_timedwait(condition, &lock->mutex, &deadline);

    if (error == ETIMEDOUT)
        return false;
    lock_check(error, "pthread_cond_timedwait");
    return true;
}

#endif
