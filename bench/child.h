/* child.h - a part of the bench in a process of its own, which cannot outlive its parent. */
/* SPDX-License-Identifier: MIT */
/* Its clients then have descriptors of their own, and use none of the server's memory or locks. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <sys/types.h>

struct child {
    pid_t pid;
    int wire; /* a socket to the child */
};

/*
 * Run `body` in a new process, with the other end of the wire; the process ends when it returns.
 *
 * Threads  The caller's must be the only one.
 * Returns  0 or a negative errno.
 */
int child_start(struct child *child, void (*body)(int wire, void *argument), void *argument);

/* Wait until it has ended by itself; a closed wire is how it is asked to. Returns 0; -ECHILD: it
 * was killed. */
int child_wait(struct child *child);

#endif
