/* blocked.h - what the kernel says of another thread of the process. */
/* SPDX-License-Identifier: MIT */
#ifndef CORE_BLOCKED_H
#define CORE_BLOCKED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* The processor time the thread has used; -1: it has ended. */
int64_t blocked_cpu_time_ns(clockid_t cpu_clock);

/* Is the thread asleep: for an event, a lock, a disk? Not: it runs, or waits for a processor. */
bool blocked_is_asleep(pid_t thread);

#endif
