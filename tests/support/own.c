/* own.c - what this process has: descriptors and threads. */
/* SPDX-License-Identifier: MIT */
#include "own.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

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
