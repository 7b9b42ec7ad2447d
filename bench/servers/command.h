/* command.h - start a server by a command line that somebody has typed. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SERVERS_COMMAND_H
#define BENCH_SERVERS_COMMAND_H

#include "echo_server.h"

/*
 * Start `command`, a port of 127.0.0.1 in place of its {port}, and wait until it listens. The port
 * stays this process's until that ends.
 *
 * Returns  0, or a negative errno: `who` has said why in a line on stderr.
 */
int command_start(const char *who, const char *command, struct echo_server *server);

#endif
