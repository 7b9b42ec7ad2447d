/* process_figures.c - see process_figures.h. */
/* SPDX-License-Identifier: MIT */
#include "process_figures.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

/* The text of a file of the kernel's, cut if it is long; false: the file is gone. */
static bool read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");

    if (!file)
        return false;
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
    return true;
}

/* The number in the line "NAME: NUMBER" of such a text. */
static unsigned long find_number(const char *text, const char *name)
{
    unsigned long number = 0;
    const char *line = strstr(text, name);

    cr_assert(line != NULL && sscanf(line + strlen(name), ": %lu", &number) == 1, "no %s in: %s",
              name, text);
    return number;
}

/* What the kernel names so, in bytes. */
static size_t find_memory(const struct server_process *process, const char *name)
{
    char path[64];
    char text[4096];

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)process->pid);
    cr_assert(read_text(path, text, sizeof text), "no %s", path);
    return (size_t)find_number(text, name) * 1024;
}

size_t process_memory_peak(const struct server_process *process)
{
    return find_memory(process, "VmHWM");
}

void expect_memory_at_most(const struct server_process *process, size_t size)
{
    if (!IS_SANITIZED)
        cr_expect(le(sz, process_memory_peak(process), size));
}

bool process_is_sanitized(void)
{
    return IS_SANITIZED;
}

void process_limit_memory(const struct server_process *process, size_t size)
{
    struct rlimit limit;

    cr_assert(zero(int, prlimit(process->pid, RLIMIT_AS, NULL, &limit)));
    limit.rlim_cur = size == SIZE_MAX ? limit.rlim_max : find_memory(process, "VmSize") + size;
    cr_assert(zero(int, prlimit(process->pid, RLIMIT_AS, &limit, NULL)));
}

/* One of its threads has that name: its id. */
static int find_thread(const struct server_process *process, const char *name)
{
    char path[64 + sizeof((struct dirent *)0)->d_name];
    char found[32] = "";
    int id = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
    DIR *threads = opendir(path);
    cr_assert(threads != NULL, "%s: %s", path, strerror(errno));
    for (const struct dirent *thread; id == 0 && (thread = readdir(threads));) {
        (void)snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)process->pid,
                       thread->d_name);
        if (read_text(path, found, sizeof found) && strncmp(found, name, strlen(name)) == 0)
            id = atoi(thread->d_name);
    }
    closedir(threads);
    cr_assert(id != 0, "no thread %s", name);
    return id;
}

struct thread_figures process_thread_figures(const struct server_process *process, const char *name)
{
    struct thread_figures figures = {0};
    const int id = find_thread(process, name);
    char path[64];
    char text[4096];

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)process->pid, id);
    cr_assert(read_text(path, text, sizeof text), "no %s", path);
    figures.sleeps = find_number(text, "\nvoluntary_ctxt_switches");
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)process->pid, id);
    cr_assert(read_text(path, text, sizeof text), "no %s", path);
    figures.processor_ns = strtoull(text, NULL, 10);
    return figures;
}
