/* echo_server.h - a server under measurement: a process of its own, from its start to its end. */
/* SPDX-License-Identifier: MIT */
/*
 * Its life   It is bound to this process's: it cannot outlive it, not even by a kill.
 * Its group  What it starts itself is in its process group, and is ended with it.
 * Threads    One.
 */
#ifndef BENCH_SERVERS_ECHO_SERVER_H
#define BENCH_SERVERS_ECHO_SERVER_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* How long a server may take to be there, and to end when it is asked to. */
#define ECHO_SERVER_PATIENCE_MS 10000

struct echo_server {
    pid_t pid;
    int ended;  /* a pidfd, readable once it has ended */
    int errors; /* a file in memory: what it said on stderr */
    clockid_t clock;
    struct sockaddr_in address;
};

/*
 * A port of 127.0.0.1 which the kernel gives to nobody else as long as the descriptor is open that
 * this returns. Servers may listen on it that set SO_REUSEADDR or SO_REUSEPORT, as most do.
 *
 * Returns  the descriptor, to be closed, or a negative errno.
 */
int echo_server_keep_port(struct sockaddr_in *address);

struct echo_server_options {
    char *const *arguments; /* path of the program, its words, NULL */
    struct sockaddr_in address;
    int cpu;                 /* where it may run; PROCESSORS_ALL: wherever this process may */
    const atomic_bool *stop; /* may be NULL; true: give up */
};

/*
 * Start a program that will listen on the address, and wait until it does.
 *
 * Returns  0. -ECHILD: it ended instead, -ETIMEDOUT: it never listened, -EINTR: given up, or
 *          another negative errno; then `trouble` says more in one line, and nothing has been
 * started.
 */
int echo_server_start(struct echo_server *server, const struct echo_server_options *options,
                      char *trouble, size_t size);

/* How many sockets listen on the address; several servers may share it. */
size_t echo_server_count_listeners(const struct sockaddr_in *address);

/* Has it ended by itself, or does so within a while? Then `trouble` says how, and what its last
 * words were. */
bool echo_server_has_ended(const struct echo_server *server, int while_ms, char *trouble,
                           size_t size);

/* End it, first by SIGTERM, then by SIGKILL. */
void echo_server_stop(struct echo_server *server);

/* The same of a server that is to end by SIGTERM alone, with exit status 0. Returns 0; -ECHILD: it
 * did not; then `trouble` says what happened, and what its last words were. */
int echo_server_end(struct echo_server *server, char *trouble, size_t size);

#endif
