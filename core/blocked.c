/* blocked.c - what the kernel says of another thread of the process. */
/* SPDX-License-Identifier: MIT */
#include "blocked.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int64_t blocked_cpu_time_ns(clockid_t cpu_clock)
{
    struct timespec used;

    if (clock_gettime(cpu_clock, &used) < 0)
        return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

bool blocked_is_asleep(pid_t thread)
{
    char path[64], line[128];
    ssize_t length;
    const char *name_end;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    length = read(fd, line, sizeof line - 1);
    close(fd);
    if (length <= 0)
        return false;
    line[length] = '\0';

    /* "1234 (name) S ...": the name, of 15 bytes at most, may hold anything. */
    name_end = strrchr(line, ')');
    return name_end != NULL && (name_end[2] == 'S' || name_end[2] == 'D');
}
