/* futex.h - sleep until a word changes. */
/* SPDX-License-Identifier: MIT */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

/* Wake up to `count` threads. Uses the address alone: the word may be gone. */
static inline void futex_wake(const atomic_uint *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/* Sleep while the word is as expected; false: until the deadline. */
static inline bool futex_sleep(const atomic_uint *word, unsigned expected, int64_t deadline_ns)
{
    struct timespec deadline = deadline_timespec(deadline_ns);

    return syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, &deadline, NULL,
                   FUTEX_BITSET_MATCH_ANY) == 0 ||
           errno != ETIMEDOUT;
}

#endif
