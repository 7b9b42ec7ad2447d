/* clock.h - the monotonic clock in nanoseconds, and deadlines on it. */
/* SPDX-License-Identifier: MIT */
/*
 * Rounding  Always away from now: a wait may end late, never early.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

#define DEADLINE_NONE INT64_MAX

static inline int64_t clock_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails only for clocks that do not exist */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The same for less, as it was at the latest tick: some milliseconds ago, or more. */
static inline int64_t clock_coarse_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The moment that is `timeout_ms` from now; never, if it is negative. */
static inline int64_t deadline_after_ms(int timeout_ms)
{
    return timeout_ms < 0 ? DEADLINE_NONE : clock_now_ns() + (int64_t)timeout_ms * 1000000;
}

/* The same for less; if the time-out is long, up to a tenth of it later. Between two ticks there
 * are 10 ms at most, but a virtual machine that is not given its processor gets some late: a
 * coarse clock that is behind by no more than `lag_max_ms` makes no deadline early. */
static inline int64_t deadline_after_about_ms(int timeout_ms)
{
    const int lag_max_ms = 50;

    if (timeout_ms < 10 * lag_max_ms)
        return deadline_after_ms(timeout_ms);
    return clock_coarse_ns() + ((int64_t)timeout_ms + lag_max_ms) * 1000000;
}

/* The milliseconds left, for poll(2) and its like: 0 if it has passed, -1 for no deadline. */
static inline int deadline_left_ms(int64_t deadline_ns)
{
    if (deadline_ns == DEADLINE_NONE)
        return -1;

    const int64_t left_ns = deadline_ns - clock_now_ns();
    if (left_ns <= 0)
        return 0;
    const int64_t left_ms = (left_ns - 1) / 1000000 + 1;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

/* The deadline for a sleep; none is some 290 years away. */
static inline struct timespec deadline_timespec(int64_t deadline_ns)
{
    return (struct timespec){
        .tv_sec = (time_t)(deadline_ns / 1000000000),
        .tv_nsec = (long)(deadline_ns % 1000000000),
    };
}

#endif
