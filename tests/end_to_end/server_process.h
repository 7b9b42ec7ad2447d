/* server_process.h - starts a real binary, reads what it prints, stops it, leaves none behind. */
/* SPDX-License-Identifier: MIT */
/*
 * Failures   A program that cannot be started, or does not do in PATIENCE_MS what is waited for (or
 *            does not end in three times that), ends the test with a message that holds what it
 *            has written to stderr.
 * Ownership  A started program dies with the test's process, however that ends.
 * Threads    The test's own thread only.
 */
#ifndef END_TO_END_SERVER_PROCESS_H
#define END_TO_END_SERVER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>

#define SERVER_ADDRESSES_MAX 4

struct server_process {
    pid_t pid;
    int out; /* holds all that it has written to stdout */
    int err; /* and to stderr */
    struct sockaddr_storage addresses[SERVER_ADDRESSES_MAX]; /* as the banner names them */
    size_t address_count;
};

/* Arguments of a program, as the functions below take them. */
#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ARGUMENTS   ((const char *const[]){NULL})

/* Start the program at `path`; `descriptors` is its RLIMIT_NOFILE, 0: the test's own. */
void process_start(struct server_process *process, const char *path, rlim_t descriptors,
                   const char *const arguments[]);

/* Wait for the end of the program.
 * Returns  Its exit status; the negative number of the signal that killed it. */
int process_wait(struct server_process *process);

/* Start iocp-server on a port of the kernel's choice of 127.0.0.1, the first of its addresses,
 * with the one engine that is to be tested, or the best one, and with more arguments; wait for
 * its banner. The test is skipped if the kernel refuses that engine. */
void server_start(struct server_process *server, const char *const arguments[]);
void server_start_limited(struct server_process *server, rlim_t descriptors,
                          const char *const arguments[]);

/* The same with an engine by its index, for an EngineTest. */
void server_start_engine(struct server_process *server, size_t engine,
                         const char *const arguments[]);

/* Of a server that was started otherwise, with that engine: wait for its banner, and take the
 * addresses from it. The test is skipped if the kernel refuses the engine. */
void server_await_banner(struct server_process *server, const char *engine);

/* The port of its first address. */
uint16_t server_port(const struct server_process *server);

/* Send SIGTERM. Returns as process_wait. */
int server_stop(struct server_process *server);

/* All that has been written to `output` (server.out or server.err), with an end; to be freed. */
char *read_output(int output);

/* How often `text` stands in it by now. */
size_t count_in_output(int output, const char *text);

/* Take every copy of `line` out of `text`. */
void remove_lines(char *text, const char *line);

/* Wait until `text` stands in it at least `count` times. */
void wait_for_output(const struct server_process *process, int output, const char *text,
                     size_t count);

/* Tell what the program wrote to stderr, where the test's own messages go. */
void show_errors(const struct server_process *process);

/* How many descriptors the program has open. */
size_t process_descriptor_count(const struct server_process *process);

/* Wait until it has at most `count` open. */
void wait_for_descriptors(const struct server_process *process, size_t count);

/* The processor time it has used, in milliseconds. */
int64_t process_cpu_ms(const struct server_process *process);

#endif
