/* own.c - what this process has: descriptors and threads. */
/* SPDX-License-Identifier: MIT */
#include "own.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <criterion/criterion.h>

static size_t count_entries(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;

    if (directory == NULL) {
        perror(path);
        abort();
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(directory);
    return count;
}

size_t open_descriptor_count(void)
{
    return count_entries("/proc/self/fd") - 1; /* the directory's own */
}

size_t thread_count(void)
{
    return count_entries("/proc/self/task");
}

void allow_descriptors(size_t count)
{
    struct rlimit limit;

    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= count)
        return;
    limit.rlim_cur = count;
    cr_assert(limit.rlim_max >= count && setrlimit(RLIMIT_NOFILE, &limit) == 0,
              "this needs ulimit -n %zu", count);
}
