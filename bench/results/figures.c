/* figures.c - see figures.h. */
/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <string.h>

static const struct figure_kind kinds[FIGURES] = {
    [FIGURE_CPU_US] = {"cpu_us", "CPU per operation", "us", 1, FIGURE_LESS},
    [FIGURE_CPU_USER_US] = {"cpu_user_us", "in user space", "us", 1, FIGURE_LESS},
    [FIGURE_CPU_SYS_US] = {"cpu_sys_us", "in the kernel", "us", 1, FIGURE_LESS},
    [FIGURE_RATE] = {"rate", "operations per second", "1000/s", 1e3, FIGURE_MORE},
    [FIGURE_MB_RATE] = {"mb_rate", "bytes per second", "MB/s", 1, FIGURE_MORE},
    [FIGURE_P50_US] = {"p50_us", "latency, p50", "us", 1, FIGURE_LESS},
    [FIGURE_P99_US] = {"p99_us", "latency, p99", "us", 1, FIGURE_LESS},
    [FIGURE_SYSCALLS] = {"syscalls", "system calls per operation", "", 1, FIGURE_LESS},
    [FIGURE_SWITCHES] = {"switches", "context switches per operation", "", 1, FIGURE_LESS},
    [FIGURE_RSS_BYTES] = {"rss_bytes", "resident memory", "MiB", 1048576, FIGURE_LESS},
    [FIGURE_PEAK_BYTES] = {"peak_bytes", "most resident memory", "MiB", 1048576, FIGURE_LESS},
    [FIGURE_DRIFT] = {"drift", "growth of resident memory", "%", 0.01, FIGURE_LESS},
    [FIGURE_IDLE_BYTES] = {"idle_bytes", "memory per idle connection", "bytes", 1, FIGURE_LESS},
    [FIGURE_KEPT] = {"kept", "rate kept beside idle connections", "%", 0.01, FIGURE_MORE},
    [FIGURE_GOODPUT] = {"goodput", "answers in time, of what is possible", "%", 0.01, FIGURE_MORE},
    [FIGURE_BACK_S] = {"back_s", "until latency is back", "s", 1, FIGURE_LESS},
    [FIGURE_UNANSWERED] = {"unanswered", "messages without an answer", "%", 0.01, FIGURE_LESS},
    [FIGURE_UNSENT] = {"unsent", "messages never sent", "%", 0.01, FIGURE_LESS},
    [FIGURE_GENERATOR] = {"generator", "CPU of the generator", "%", 0.01, FIGURE_NEITHER},
    [FIGURE_SLIP_US] = {"slip_us", "lateness of the generator, p99", "us", 1, FIGURE_NEITHER},
};

const struct figure_kind *figure_kind(enum figure figure)
{
    return &kinds[figure];
}

enum figure figure_find(const char *key)
{
    int figure = 0;

    while (figure < FIGURES && strcmp(kinds[figure].key, key) != 0)
        figure++;
    return (enum figure)figure;
}
