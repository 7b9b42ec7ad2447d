/* sample.h - what a server process has used until now, as the kernel counts it. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SERVERS_SAMPLE_H
#define BENCH_SERVERS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "echo_server.h"

/* Several servers together: the sums. */
struct sample {
    double cpu_us;     /* to the nanosecond */
    double ticks_user; /* the same in the kernel's ticks, by which it is parted */
    double ticks_kernel;
    uint64_t switches;  /* context switches of the threads that are there now */
    uint64_t threads;   /* a sum that differs as soon as other threads are there */
    uint64_t resident;  /* bytes */
    uint64_t peak;      /* the most that it ever was */
    uint64_t anonymous; /* of these, memory of its own */
};

/*
 * Each adds its part of one server's to the sums: the processor time, a matter of microseconds;
 * the memory; and the switches, which takes the longer the more threads there are.
 *
 * Returns  0, or a negative errno: it is not there any more.
 */
int sample_add_cpu(struct sample *sample, const struct echo_server *server);
int sample_add_memory(struct sample *sample, const struct echo_server *server);
int sample_add_switches(struct sample *sample, const struct echo_server *server);

/* How many descriptors it has open. Returns 0 or a negative errno. */
int sample_count_descriptors(const struct echo_server *server, size_t *count);

/* Has its first thread started processes, of which the samples know nothing? A kernel that does
 * not tell means no. */
bool sample_has_children(const struct echo_server *server);

#endif
