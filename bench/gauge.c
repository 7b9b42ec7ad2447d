/* gauge.c - see gauge.h. */
/* SPDX-License-Identifier: MIT */
#include "gauge.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number of a status file's line "key   NUMBER", if it is that line; else `otherwise`. */
static uint64_t number_in(const char *line, const char *key, uint64_t otherwise)
{
    size_t length = strlen(key);

    return strncmp(line, key, length) == 0 ? strtoull(line + length, NULL, 10) : otherwise;
}

int gauge_read_memory(struct gauge_memory *memory)
{
    struct mallinfo2 heap = mallinfo2();
    uint64_t resident_kib = 0;
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");

    if (!status)
        return -errno;
    while (fgets(line, sizeof line, status))
        resident_kib = number_in(line, "RssAnon:", resident_kib);
    (void)fclose(status);
    memory->allocated = heap.uordblks + heap.hblkhd;
    memory->resident = resident_kib * 1024;
    return 0;
}

static int read_thread(const char *thread, struct gauge_switches *switches)
{
    char path[320], line[256];
    uint64_t worker = GAUGE_WORKERS_MAX;
    uint64_t sum = 0;

    (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    FILE *status = fopen(path, "re");
    if (!status)
        return -errno;
    while (fgets(line, sizeof line, status)) {
        worker = number_in(line, "Name:\tiocp-worker-", worker);
        sum += number_in(line, "voluntary_ctxt_switches:", 0);
        sum += number_in(line, "nonvoluntary_ctxt_switches:", 0);
    }
    (void)fclose(status);
    if (worker < GAUGE_WORKERS_MAX) {
        switches->by_worker[worker] = sum;
        switches->workers++;
    }
    return 0;
}

int gauge_read_switches(struct gauge_switches *switches)
{
    struct dirent *entry;
    int error = 0;
    DIR *threads = opendir("/proc/self/task");

    if (!threads)
        return -errno;
    *switches = (struct gauge_switches){0};
    while (error == 0 && (entry = readdir(threads)))
        if (entry->d_name[0] != '.')
            error = read_thread(entry->d_name, switches);
    closedir(threads);
    return error;
}
