/* futex.h - sleep until a word changes. */
/* SPDX-License-Identifier: MIT */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

/* Uses the address alone: the word may be gone. */
static inline void futex_wake_all(const atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Sleep while the word is as expected, until the deadline at the most. */
static inline void futex_sleep(const atomic_uint *word, unsigned expected, int64_t deadline_ns)
{
    struct timespec deadline = deadline_timespec(deadline_ns);

    syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, &deadline, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

#endif
