/* bench_options.c - the command line of iocp-bench. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <iocp/pool.h>

#include "bench.h"

#define PRODUCERS_MAX 1024
#define COUNT_MIN     1000
#define COUNT_MAX     10000000

static const char help[] =
    "usage: iocp-bench [--workers N] [--producers N] [--count N] [--help]\n"
    "\n"
    "Measures how fast callbacks get through a port, with each engine that works here.\n"
    "\n"
    "  --workers N    threads that run callbacks (default 2)\n"
    "  --producers N  threads that post them (default 1)\n"
    "  --count N      callbacks posted in a round (default 200000)\n"
    "\n"
    "posts/s and CPU: producers post as fast as they can. p50 and p99: from post to the start\n"
    "of the callback, one in flight per producer. Each figure is the median of the rounds, with\n"
    "the lowest and the highest in brackets; a first round is left out.\n";

static bool read_number(const char *text, size_t min, size_t max, size_t *number)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min || value > max)
        return false;
    *number = (size_t)value;
    return true;
}

struct number_option {
    size_t min, max, value;
};

int bench_options_read(int argc, char *argv[], struct bench_options *options)
{
    static const struct option names[] = {
        {"workers", required_argument, NULL, 0},
        {"producers", required_argument, NULL, 1},
        {"count", required_argument, NULL, 2},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct number_option numbers[] = {
        {1, IOCP_WORKERS_MAX, 2}, {1, PRODUCERS_MAX, 1}, {COUNT_MIN, COUNT_MAX, 200000}};
    int which;

    opterr = 0;
    while ((which = getopt_long(argc, argv, ":", names, NULL)) != -1) {
        if (which == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (which == '?' || which == ':') {
            (void)fprintf(stderr, "iocp-bench: %s %s; see --help\n",
                          which == '?' ? "no such option:" : "a number is missing after",
                          argv[optind - 1]);
            return 2;
        }
        if (!read_number(optarg, numbers[which].min, numbers[which].max, &numbers[which].value)) {
            (void)fprintf(stderr, "iocp-bench: --%s takes a number from %zu to %zu, not '%s'\n",
                          names[which].name, numbers[which].min, numbers[which].max, optarg);
            return 2;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "iocp-bench: no such option: %s; see --help\n", argv[optind]);
        return 2;
    }
    options->workers = (unsigned)numbers[0].value;
    options->producers = (unsigned)numbers[1].value;
    options->count = numbers[2].value / options->producers * options->producers;
    return -1;
}
