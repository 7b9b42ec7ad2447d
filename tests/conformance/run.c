/* run.c - starts programs, and waits for their ends. */
/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: nothing of it outlives this program. */
static _Noreturn void become(const struct run *run, pid_t parent)
{
    int log = open(run->log, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(126);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(126);
    if (run->engine ? setenv("IOCP_TEST_ENGINE", run->engine, 1) : unsetenv("IOCP_TEST_ENGINE"))
        _exit(126);
    execv(run->argv[0], (char *const *)(const void *)run->argv);
    (void)dprintf(STDERR_FILENO, "%s cannot be run\n", run->argv[0]);
    _exit(127);
}

static void start(struct run *run)
{
    const pid_t parent = getpid();

    run->status = -1;
    run->process = fork();
    if (run->process == 0)
        become(run, parent);
}

/* Wait for one of those that were started. */
static void await_one(struct run runs[], size_t count)
{
    int status;
    pid_t process = wait(&status);

    for (size_t i = 0; i < count; i++)
        if (process > 0 && runs[i].process == process)
            runs[i].status = status;
}

void run_all(struct run runs[], size_t count)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    /* Twice as many as could compute: most tests wait most of the time. */
    const size_t at_once = processors > 1 ? 2 * (size_t)processors : 2;

    for (size_t i = 0; i < count; i++) {
        if (i >= at_once)
            await_one(runs, i);
        start(&runs[i]);
    }
    for (size_t i = 0; i < at_once && i < count; i++)
        await_one(runs, count);
}
