/* gauge.h - what this process has used so far: memory, its workers' context switches. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_GAUGE_H
#define BENCH_GAUGE_H

#include <stdint.h>

struct gauge_memory {
    uint64_t allocated; /* bytes in use of what malloc handed out, its own overhead included */
    uint64_t resident;  /* bytes of anonymous memory that are there (RssAnon) */
};

/* Returns 0 or a negative errno. */
int gauge_read_memory(struct gauge_memory *memory);

#define GAUGE_WORKERS_MAX 1024

/* Context switches, voluntary or not, of each thread named iocp-worker-N; by N. */
struct gauge_switches {
    uint64_t by_worker[GAUGE_WORKERS_MAX];
    unsigned workers; /* how many there are */
};

/* Returns 0 or a negative errno. */
int gauge_read_switches(struct gauge_switches *switches);

#endif
