/* strace.h - how many system calls a server makes, counted by strace for a while. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SERVERS_STRACE_H
#define BENCH_SERVERS_STRACE_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "echo_server.h"

struct strace {
    pid_t pid;
    FILE *says; /* its stderr */
    int count;  /* a file in memory: its table */
};

/* Count from now on. Returns 0; -ENOENT: strace is not installed, -EPERM: it may not look, or
 * another negative errno. */
int strace_start(struct strace *strace, const struct echo_server *server);

/* Count no more, and tell how many it were. Returns 0, or -EBADMSG: no table came. */
int strace_stop(struct strace *strace, uint64_t *calls);

#endif
