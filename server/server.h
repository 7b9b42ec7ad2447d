/* server.h - the whole server: start, serve until a signal, stop. */
/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "options.h"

/* Serve as the options say. Returns the program's exit status: EXIT_SUCCESS after a stop by
 * signal; EXIT_FAILURE, with a line on stderr, if it could not start. */
int server_run(const struct options *options);

#endif
