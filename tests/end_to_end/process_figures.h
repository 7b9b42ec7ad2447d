/* process_figures.h - what a program under test has used of the machine, by the kernel's account.
 */
/* SPDX-License-Identifier: MIT */
/* Failures and Threads as in server_process.h. */
#ifndef END_TO_END_PROCESS_FIGURES_H
#define END_TO_END_PROCESS_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#include "server_process.h"

/* The most memory that it has had resident at any time, in bytes. */
size_t process_memory_peak(const struct server_process *process);

/* Expect that it never was more than `size`. A sanitizer has memory of its own for each byte and
 * keeps what is freed: with one nothing is expected. */
void expect_memory_at_most(const struct server_process *process, size_t size);

/* Is the server built with a sanitizer? */
bool process_is_sanitized(void);

/* From now on it can have `size` bytes of address space more than it has; SIZE_MAX: any. A
 * sanitizer could not do with that. */
void process_limit_memory(const struct server_process *process, size_t size);

/* What one of its threads has done so far. */
struct thread_figures {
    uint64_t sleeps; /* so often it has gone to sleep */
    uint64_t processor_ns;
};

/* Those of the thread of that name. */
struct thread_figures process_thread_figures(const struct server_process *process,
                                             const char *name);

#endif
