/* child.c - see child.h. */
/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int child_start(struct child *child, void (*body)(int wire, void *argument), void *argument)
{
    pid_t parent = getpid();
    int wires[2];
    int error;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wires) < 0)
        return -errno;
    child->pid = fork();
    if (child->pid == 0) {
        /* The parent may have ended before this was asked for. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
            close(wires[0]);
            body(wires[1], argument);
        }
        _exit(0);
    }
    error = -errno;
    close(wires[1]);
    child->wire = wires[0];
    if (child->pid > 0)
        return 0;
    close(wires[0]);
    return error;
}

int child_wait(struct child *child)
{
    int status = 0;

    close(child->wire);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}
