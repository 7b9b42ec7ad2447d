/* fingerprint.c - see fingerprint.h. */
/* SPDX-License-Identifier: MIT */
#include "fingerprint.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <iocp/port.h>

#include "bench_commit.h"

/* What stands in the first line of a file that begins with the key, without a colon, an equal
 * sign, blanks and quotes before it, nor a quote after it. */
static void read_value(const char *path, const char *key, char *value, size_t size)
{
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "re");

    if (!file)
        return;
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, key, strlen(key)) == 0;
    (void)fclose(file);
    if (found) {
        const char *begin = line + strlen(key);

        begin += strspn(begin, " \t:=\"");
        (void)snprintf(value, size, "%.*s", (int)strcspn(begin, "\"\n"), begin);
    }
}

static unsigned count_cpus(void)
{
    cpu_set_t allowed;
    long online;

    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return (unsigned)CPU_COUNT(&allowed);
    online = sysconf(_SC_NPROCESSORS_ONLN); /* there are more than the set has room for */
    return online > 0 ? (unsigned)online : 0;
}

static double memory_gib(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    return pages > 0 && page > 0 ? (double)pages * (double)page / (1 << 30) : 0;
}

static void read_machine(struct fingerprint *machine)
{
    struct utsname system;
    struct rlimit descriptors;

    read_value("/proc/cpuinfo", "model name", machine->cpu, sizeof machine->cpu);
    read_value("/etc/os-release", "PRETTY_NAME", machine->os, sizeof machine->os);
    read_value("/proc/sys/net/ipv4/tcp_congestion_control", "", machine->congestion,
               sizeof machine->congestion);
    machine->cpus = count_cpus();
    machine->memory_gib = memory_gib();
    if (uname(&system) == 0)
        (void)snprintf(machine->kernel, sizeof machine->kernel, "%.60s %.30s", system.release,
                       system.machine);
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0)
        machine->descriptors = descriptors.rlim_max;
}

static void read_engine(struct fingerprint *machine)
{
    struct iocp_port *port;

    if (iocp_port_create(NULL, 1, &port) < 0)
        return;
    (void)snprintf(machine->engine, sizeof machine->engine, "%s", iocp_port_engine(port));
    iocp_port_free(port);
}

void fingerprint_read(struct fingerprint *machine)
{
    *machine = (struct fingerprint){.dirty = BENCH_DIRTY};
    read_machine(machine);
    read_engine(machine);
    (void)snprintf(machine->compiler, sizeof machine->compiler, "%s", BENCH_COMPILER);
    (void)snprintf(machine->flags, sizeof machine->flags, "%s", BENCH_FLAGS);
    (void)snprintf(machine->version, sizeof machine->version, "%s", BENCH_VERSION);
    (void)snprintf(machine->commit, sizeof machine->commit, "%s", BENCH_COMMIT);
}
