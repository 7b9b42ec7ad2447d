/* run.h - runs of programs, several at once: their output goes to files. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include <stddef.h>
#include <sys/types.h>

#define RUN_ARGUMENTS_MAX 8
#define RUN_PATH_SIZE     1024

struct run {
    const char *name;                        /* names its files too */
    const char *engine;                      /* its IOCP_TEST_ENGINE; NULL: none */
    const char *argv[RUN_ARGUMENTS_MAX + 1]; /* the program's path first */
    char log[RUN_PATH_SIZE];                 /* all that it prints */
    pid_t process;
    int status; /* 0: it ended well. -1: it is running, or never ran */
};

/* Run them all, twice as many at a time as there are processors. */
void run_all(struct run runs[], size_t count);

#endif
