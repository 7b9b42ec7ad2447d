/* sample.c - see sample.h. */
/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_SIZE 288 /* of a file below a process */
#define PATH_SIZE 320

/* Where they stand in a stat file, in words after the name. */
#define UTIME 12
#define STIME 13

static FILE *open_file(const struct echo_server *server, const char *name)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)server->pid, name);
    return fopen(path, "re");
}

/* The number of a status file's line "key   NUMBER"; 0: it is another line. */
static uint64_t number_in(const char *line, const char *key)
{
    size_t length = strlen(key);

    return strncmp(line, key, length) == 0 ? strtoull(line + length, NULL, 10) : 0;
}

/* The number that follows so many words. */
static double number_after(const char *text, int words)
{
    for (; words > 0 && text; words--) {
        text = strchr(text, ' ');
        text = text ? text + 1 : NULL;
    }
    return text ? strtod(text, NULL) : 0;
}

int sample_add_cpu(struct sample *sample, const struct echo_server *server)
{
    struct timespec used;
    char text[1024];
    FILE *stat = open_file(server, "stat");

    if (!stat)
        return -errno;
    size_t count = fread(text, 1, sizeof text - 1, stat);
    (void)fclose(stat);
    text[count] = '\0';
    const char *rest = strrchr(text, ')'); /* of the name, which may hold anything */
    if (!rest)
        return -EBADMSG;
    if (clock_gettime(server->clock, &used) < 0)
        return -errno;
    sample->cpu_us += (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
    sample->ticks_user += number_after(rest, UTIME);
    sample->ticks_kernel += number_after(rest, STIME);
    return 0;
}

static int add_switches_of(struct sample *sample, const struct echo_server *server,
                           const char *thread)
{
    char name[NAME_SIZE], line[256];

    (void)snprintf(name, sizeof name, "task/%s/status", thread);
    FILE *status = open_file(server, name);
    if (!status)
        return errno == ENOENT ? 0 : -errno; /* it has ended in between */
    while (fgets(line, sizeof line, status))
        sample->switches += number_in(line, "voluntary_ctxt_switches:") +
                            number_in(line, "nonvoluntary_ctxt_switches:");
    (void)fclose(status);
    sample->threads += strtoull(thread, NULL, 10);
    return 0;
}

static DIR *open_folder(const struct echo_server *server, const char *name)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)server->pid, name);
    return opendir(path);
}

int sample_add_switches(struct sample *sample, const struct echo_server *server)
{
    DIR *threads = open_folder(server, "task");
    struct dirent *entry;
    int error = 0;

    if (!threads)
        return -errno;
    while (error == 0 && (entry = readdir(threads)))
        if (entry->d_name[0] != '.')
            error = add_switches_of(sample, server, entry->d_name);
    closedir(threads);
    return error;
}

int sample_count_descriptors(const struct echo_server *server, size_t *count)
{
    DIR *descriptors = open_folder(server, "fd");
    struct dirent *entry;

    if (!descriptors)
        return -errno;
    *count = 0;
    while ((entry = readdir(descriptors)))
        *count += entry->d_name[0] != '.';
    closedir(descriptors);
    return 0;
}

/* The kernel counts a little of both in passing: the peak may seem to be below what there is. */
int sample_add_memory(struct sample *sample, const struct echo_server *server)
{
    uint64_t resident = 0, peak = 0;
    char line[256];
    FILE *status = open_file(server, "status");

    if (!status)
        return -errno;
    while (fgets(line, sizeof line, status)) {
        resident += number_in(line, "VmRSS:") * 1024;
        peak += number_in(line, "VmHWM:") * 1024;
        sample->anonymous += number_in(line, "RssAnon:") * 1024;
    }
    (void)fclose(status);
    sample->resident += resident;
    sample->peak += peak > resident ? peak : resident;
    return 0;
}

bool sample_has_children(const struct echo_server *server)
{
    char name[NAME_SIZE];
    bool found = false;

    (void)snprintf(name, sizeof name, "task/%d/children", (int)server->pid);
    FILE *children = open_file(server, name);
    if (children) {
        found = fgetc(children) != EOF;
        (void)fclose(children);
    }
    return found;
}
