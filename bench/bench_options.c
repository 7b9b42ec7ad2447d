/* bench_options.c - the command line of iocp-bench. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/pool.h>

#include "bench.h"
#include "measure.h"

#define SECONDS_MIN 0.05
#define SECONDS_MAX 3600.0

static const char help[] =
    "usage: iocp-bench [port|blocked|idle ...] [options]\n"
    "\n"
    "  port     how fast callbacks get through a port: posts/s and processor time while\n"
    "           producers post as fast as they can; p50 and p99 from post to the start of the\n"
    "           callback, one in flight per producer\n"
    "  blocked  how long an echo takes while one callback in a hundred sleeps 10 ms: the round\n"
    "           trips whose own callback did not sleep; with each engine, as it is and with the\n"
    "           sleep in brackets (iocp_blocking_begin), and with an event loop of one thread\n"
    "  idle     what connections cost on which nothing happens: context switches of the workers,\n"
    "           processor time, memory\n"
    "\n"
    "Without a name: all of them, in short form.\n"
    "\n"
    "  --engine NAME    one engine (default: every one that works here)\n"
    "  --rounds N       each figure is the median of so many (default 5; blocked 3, idle 1)\n"
    "  --seconds S      measured in a round (default: blocked 2, idle 10)\n"
    "  --connections N  (default: blocked 500, idle 10000)\n"
    "  --workers N      threads that run callbacks (default: port 2, blocked and idle 8)\n"
    "  --pause MS       blocked: from an echo to the connection's next message (default 0)\n"
    "  --producers N    port: threads that post (default 1)\n"
    "  --count N        port: callbacks posted in a round (default 200000)\n"
    "  --help\n";

struct number_option {
    const char *name;
    size_t min, max;
    size_t offset; /* in struct bench_options */
};

#define NUMBER(field) offsetof(struct bench_options, field)

static const struct number_option numbers[] = {
    {"rounds", 1, ROUNDS_MAX, NUMBER(rounds)},
    {"connections", 1, 100000, NUMBER(connections)},
    {"workers", 1, IOCP_WORKERS_MAX, NUMBER(workers)},
    {"producers", 1, 1024, NUMBER(producers)},
    {"count", 1000, 10000000, NUMBER(count)},
    {"pause", 0, 60000, NUMBER(pause_ms)},
};

static bool read_number(const char *text, const struct number_option *number,
                        struct bench_options *options)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < number->min ||
        value > number->max) {
        (void)fprintf(stderr, "iocp-bench: --%s takes a number from %zu to %zu, not '%s'\n",
                      number->name, number->min, number->max, text);
        return false;
    }
    *(size_t *)(void *)((char *)options + number->offset) = (size_t)value;
    return true;
}

static bool read_seconds(const char *text, double *seconds)
{
    char *end;
    double value = strtod(text, &end);
    bool plain = text[0] != '\0' && strspn(text, "0123456789.") == strlen(text) && *end == '\0';

    if (!plain || !(value >= SECONDS_MIN && value <= SECONDS_MAX)) {
        (void)fprintf(stderr, "iocp-bench: --seconds takes a number from %g to %g, not '%s'\n",
                      SECONDS_MIN, SECONDS_MAX, text);
        return false;
    }
    *seconds = value;
    return true;
}

static bool read_engine(const char *text, const char **engine)
{
    const char *name;

    for (size_t i = 0; (name = iocp_engine_name(i)); i++) {
        if (strcmp(name, text) == 0) {
            *engine = name;
            return true;
        }
    }
    (void)fprintf(stderr, "iocp-bench: --engine takes one of:");
    for (size_t i = 0; (name = iocp_engine_name(i)); i++)
        (void)fprintf(stderr, " %s", name);
    (void)fprintf(stderr, "; not '%s'\n", text);
    return false;
}

static bool read_scenarios(char *const names[], size_t count, struct bench_options *options)
{
    for (size_t i = 0; i < count; i++) {
        if (!bench_find_scenario(names[i])) {
            (void)fprintf(stderr, "iocp-bench: there is no '%s'; there are:", names[i]);
            for (size_t j = 0; bench_scenario(j); j++)
                (void)fprintf(stderr, " %s", bench_scenario(j)->name);
            (void)fprintf(stderr, "\n");
            return false;
        }
    }
    options->scenarios = names;
    options->scenario_count = count;
    return true;
}

/* In getopt's table the number options come first, at their own indexes. */
enum { NUMBERS = sizeof numbers / sizeof *numbers, SECONDS = NUMBERS, ENGINE, HELP, NAMES };

static void name_options(struct option names[NAMES + 1])
{
    for (int i = 0; i < NUMBERS; i++)
        names[i] = (struct option){numbers[i].name, required_argument, NULL, i};
    names[SECONDS] = (struct option){"seconds", required_argument, NULL, SECONDS};
    names[ENGINE] = (struct option){"engine", required_argument, NULL, ENGINE};
    names[HELP] = (struct option){"help", no_argument, NULL, HELP};
    names[NAMES] = (struct option){0};
}

/* Returns as bench_options_read. */
static int read_option(int which, const char *said, struct bench_options *options)
{
    bool good;

    if (which == HELP) {
        (void)fputs(help, stdout);
        return 0;
    }
    if (which == '?' || which == ':') {
        (void)fprintf(stderr, "iocp-bench: %s %s; see --help\n",
                      which == '?' ? "no such option:" : "a value is missing after", said);
        return 2;
    }
    if (which == SECONDS)
        good = read_seconds(optarg, &options->seconds);
    else if (which == ENGINE)
        good = read_engine(optarg, &options->engine);
    else
        good = read_number(optarg, &numbers[which], options);
    return good ? -1 : 2;
}

int bench_options_read(int argc, char *argv[], struct bench_options *options)
{
    struct option names[NAMES + 1];
    int which, status = -1;

    name_options(names);
    opterr = 0;
    while (status < 0 && (which = getopt_long(argc, argv, ":", names, NULL)) != -1)
        status = read_option(which, argv[optind - 1], options);
    if (status < 0 && !read_scenarios(argv + optind, (size_t)(argc - optind), options))
        status = 2;
    return status;
}

struct bench_options bench_options_or(const struct bench_options *given,
                                      const struct bench_options *defaults)
{
    struct bench_options options = *given;

    for (size_t i = 0; i < NUMBERS; i++) {
        size_t *value = (size_t *)(void *)((char *)&options + numbers[i].offset);

        if (*value == 0)
            *value = *(const size_t *)(const void *)((const char *)defaults + numbers[i].offset);
    }
    if (options.seconds <= 0)
        options.seconds = defaults->seconds;
    return options;
}

bool bench_engine_chosen(const struct bench_options *options, const char *engine)
{
    return !options->engine || strcmp(options->engine, engine) == 0;
}
