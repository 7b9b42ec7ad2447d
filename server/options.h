/* options.h - the command line as a structure. */
/* SPDX-License-Identifier: MIT */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

#include "framing.h"
#include "handler.h"

#define OPTIONS_LISTENS_MAX     64
#define OPTIONS_MESSAGE_MAX     ((size_t)1 << 30)
#define OPTIONS_MEMORY_MIN      ((size_t)1 << 20)
#define OPTIONS_MEMORY_MAX      ((size_t)1 << 40)
#define OPTIONS_TIME_MAX_MS     86400000 /* 1440m */
#define OPTIONS_CONNECTIONS_MAX 1000000
#define OPTIONS_ERROR_SIZE      512

enum options_action {
    OPTIONS_SERVE,
    OPTIONS_SHOW_HELP,
    OPTIONS_SHOW_VERSION,
};

struct options_listen {
    struct sockaddr_storage address;
    socklen_t length;
};

struct options {
    enum options_action action;
    const char *engine; /* its name or "auto" */
    unsigned workers;
    unsigned concurrency; /* 0: as many as processors are available */
    struct options_listen listens[OPTIONS_LISTENS_MAX];
    size_t listen_count; /* 0: the default addresses */
    bool reuse_port;
    const struct handler_ops *handler;
    enum framing_end end;
    size_t max_message;
    size_t max_memory;
    bool max_memory_given;    /* the default may be too little for the longest message */
    int idle_timeout_ms;      /* 0: none */
    int message_timeout_ms;   /* 0: none */
    unsigned max_connections; /* 0: as many as possible */
    int drain_timeout_ms;
    bool quiet;
};

/* The defaults, as this machine and the limits of this process make them. */
void options_init(struct options *options);

/*
 * Read the command line over what is in `options`. Prints nothing, opens nothing, asks the
 * machine nothing; one thread at a time, for getopt's sake.
 *
 * Returns  0; -EINVAL: `error` holds one line without its end, which names the option, what
 *          was given and what is allowed.
 */
int options_parse(struct options *options, int argc, char *const argv[],
                  char error[OPTIONS_ERROR_SIZE]);

/* As many as the limit of open files of this process leaves room for; 0: it leaves none. */
unsigned options_possible_connections(const struct options *options);

/* Write the text of --help, with `defaults` in it. */
void options_print_help(const struct options *defaults, FILE *stream);

#endif
