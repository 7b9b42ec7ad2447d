/* peer_options.c - the command line that all peer programs share. */
/* SPDX-License-Identifier: MIT */
#include "peer_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT, WORKERS, SLEEP_EVERY, SLEEP_MS, COLLECT, ENGINE, CONCURRENCY, BRACKETS };

/* The library's own options stand last: the others' table ends before them. */
static const struct option names[] = {
    [PORT] = {"port", required_argument, NULL, PORT},
    [WORKERS] = {"workers", required_argument, NULL, WORKERS},
    [SLEEP_EVERY] = {"sleep-every", required_argument, NULL, SLEEP_EVERY},
    [SLEEP_MS] = {"sleep-ms", required_argument, NULL, SLEEP_MS},
    [COLLECT] = {"collect", no_argument, NULL, COLLECT},
    [ENGINE] = {"engine", required_argument, NULL, ENGINE},
    [CONCURRENCY] = {"concurrency", required_argument, NULL, CONCURRENCY},
    [BRACKETS] = {"brackets", no_argument, NULL, BRACKETS},
};

enum { OPTIONS_OF_ALL = ENGINE, OPTIONS = sizeof names / sizeof *names };

static const struct limits {
    unsigned min, max;
} limits[] = {
    [PORT] = {1, UINT16_MAX}, [WORKERS] = {1, 1024},     [SLEEP_EVERY] = {1, 1000000000},
    [SLEEP_MS] = {0, 60000},  [CONCURRENCY] = {0, 1024},
};

static int complain(const struct peer_options *options, const char *what, const char *said)
{
    (void)fprintf(stderr, "%s: %s %s\n", options->program, what, said);
    return 2;
}

static int read_number(const struct peer_options *options, int which, unsigned *number)
{
    const unsigned min = limits[which].min, max = limits[which].max;
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(optarg, &end, 10);
    if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || errno != 0 || value < min ||
        value > max) {
        (void)fprintf(stderr, "%s: --%s takes a number from %u to %u, not '%s'\n", options->program,
                      names[which].name, min, max, optarg);
        return 2;
    }
    *number = (unsigned)value;
    return 0;
}

static int read_option(struct peer_options *options, int which, const char *said)
{
    unsigned port = 0;
    int status;

    switch (which) {
    case PORT:
        status = read_number(options, which, &port);
        options->port = (uint16_t)port;
        return status;
    case WORKERS:
        return read_number(options, which, &options->workers);
    case SLEEP_EVERY:
        return read_number(options, which, &options->sleep_every);
    case SLEEP_MS:
        return read_number(options, which, &options->sleep_ms);
    case CONCURRENCY:
        return read_number(options, which, &options->concurrency);
    case COLLECT:
        options->collect = true;
        return 0;
    case BRACKETS:
        options->brackets = true;
        return 0;
    case ENGINE:
        options->engine = optarg;
        return 0;
    case ':':
        return complain(options, "a value is missing after", said);
    default:
        return complain(options, "no such option:", said);
    }
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int peer_options_read(int argc, char *argv[], enum peer_kind kind, struct peer_options *options)
{
    const size_t count = kind == PEER_LIBRARY ? OPTIONS : OPTIONS_OF_ALL;
    struct option known[OPTIONS + 1] = {{0}};
    int which, status = 0;

    memcpy(known, names, count * sizeof *names);
    *options = (struct peer_options){.program = last_part(argv[0]), .workers = 1};
    opterr = 0;
    while (status == 0 && (which = getopt_long(argc, argv, ":", known, NULL)) != -1)
        status = read_option(options, which, argv[optind - 1]);
    if (status == 0 && optind < argc)
        status = complain(options, "no such option:", argv[optind]);
    if (status == 0 && options->port == 0)
        status = complain(options, "it needs", "--port");
    return status;
}
