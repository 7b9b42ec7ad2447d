/* strace.c - see strace.h. */
/* SPDX-License-Identifier: MIT */
#include "strace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_FOUND 127

/* In the child, between fork and exec. */
static _Noreturn void become(const struct echo_server *server, int says, int count, pid_t parent)
{
    char pid[16], table[32];

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(EXIT_NOT_FOUND);
    (void)snprintf(pid, sizeof pid, "%d", (int)server->pid);
    (void)snprintf(table, sizeof table, "/dev/fd/%d", count);
    if (dup2(says, STDERR_FILENO) < 0 || fcntl(count, F_SETFD, 0) < 0)
        _exit(EXIT_NOT_FOUND);
    execlp("strace", "strace", "-f", "-c", "-U", "calls,name", "-o", table, "-p", pid,
           (char *)NULL);
    _exit(EXIT_NOT_FOUND);
}

/* The next line of what it says, whatever signals come to this process; false: it has ended. */
static bool read_line(const struct strace *strace, char *line, int size)
{
    while (!fgets(line, size, strace->says)) {
        if (!ferror(strace->says) || errno != EINTR)
            return false;
        clearerr(strace->says);
    }
    return true;
}

/* It says so for each thread that it finds; what follows those lines comes at its end. */
static bool is_attached(const struct strace *strace)
{
    char line[256];

    while (read_line(strace, line, sizeof line))
        if (strstr(line, "attached"))
            return true;
    return false;
}

/* Without the table: it ended by itself. */
static int end(struct strace *strace)
{
    int status = 0;

    while (waitpid(strace->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)fclose(strace->says);
    close(strace->count);
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_FOUND ? -ENOENT : -EPERM;
}

int strace_start(struct strace *strace, const struct echo_server *server)
{
    pid_t parent = getpid();
    int error, wires[2];

    strace->count = memfd_create("calls", MFD_CLOEXEC);
    if (strace->count < 0)
        return -errno;
    if (pipe2(wires, O_CLOEXEC) < 0) {
        error = -errno;
        goto close_count;
    }
    strace->says = fdopen(wires[0], "r");
    strace->pid = strace->says ? fork() : -1;
    if (strace->pid == 0)
        become(server, wires[1], strace->count, parent);
    error = -errno;
    close(wires[1]);
    if (strace->pid < 0)
        goto close_says;
    return is_attached(strace) ? 0 : end(strace);

close_says:
    if (strace->says)
        (void)fclose(strace->says);
    else
        close(wires[0]);
close_count:
    close(strace->count);
    return error;
}

/* The sum is the number in the line that ends in "total". */
static int read_total(int table, uint64_t *calls)
{
    char line[256];
    int error = -EBADMSG;
    FILE *file = lseek(table, 0, SEEK_SET) == 0 ? fdopen(dup(table), "r") : NULL;

    while (file && fgets(line, sizeof line, file)) {
        if (strstr(line, "total")) {
            *calls = strtoull(line, NULL, 10);
            error = 0;
        }
    }
    if (file)
        (void)fclose(file);
    return error;
}

int strace_stop(struct strace *strace, uint64_t *calls)
{
    char line[256];
    int error;

    kill(strace->pid, SIGINT);
    while (read_line(strace, line, sizeof line)) /* until it has ended */
        continue;
    error = read_total(strace->count, calls);
    (void)end(strace);
    return error;
}
