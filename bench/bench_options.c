/* bench_options.c - see bench_options.h. */
/* SPDX-License-Identifier: MIT */
#include "bench_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/port.h>

#include "scenario.h"
#include "subjects.h"

#define SECONDS_MIN 0.05
#define SECONDS_MAX 3600.0
#define OUT_DEFAULT "iocp-bench-results"

static const char help[] =
    "usage: iocp-bench [options]\n"
    "       iocp-bench --scenario NAME ... [options]\n"
    "       iocp-bench --compare OLD.json NEW.json\n"
    "       iocp-bench --markdown RESULTS.json\n"
    "\n"
    "Starts iocp-server, measures it beside other servers, prints a table, and writes\n"
    "results.json and report.html. Without options it takes about three minutes.\n"
    "\n"
    "  --quick            half a minute: does it work? The figures are rough\n"
    "  --full             everything, about an hour\n"
    "  --goals            what libiocp is meant to reach beside its peers, and whether it does;\n"
    "                     about ten minutes\n"
    "  --scenario NAME    only this one, with all that goes by its name alone; further names may\n"
    "                     follow\n"
    "  --engine NAME      libiocp with this engine alone\n"
    "  --peers LIST       only these peers, with commas between; none: without any\n"
    "  --server COMMAND   measure this echo server too; in it {port} and {workers} are\n"
    "                     replaced; one process, which listens on 127.0.0.1\n"
    "  --rounds N         of each server in each case, 1 to 99 (5; quick 2, others 7)\n"
    "  --seconds S        measured in a round, 0.05 to 3600 (0.15; quick 0.08, goals 0.4,\n"
    "                     full 1)\n"
    "  --out DIR          where the files go (" OUT_DEFAULT ")\n"
    "  --compare OLD NEW  tell what differs between two results.json\n"
    "  --markdown FILE    print the goals of a results.json as they stand in README.md\n"
    "  --help\n"
    "\n"
    "Scenarios:\n";

static void print_help(void)
{
    const struct scenario *scenario;
    const char *name;

    (void)fputs(help, stdout);
    for (size_t i = 0; (scenario = scenario_at(i)); i++)
        printf("  %-10s %s\n", scenario->name, scenario->about);
    printf("\nPeers:");
    for (size_t i = 0; (name = subject_peer_name(i)); i++)
        printf(" %s", name);
    printf("\nEngines:");
    for (size_t i = 0; (name = iocp_engine_name(i)); i++)
        printf(" %s", name);
    printf("\n");
}

/* Say what is wrong, and which words would be right. */
static bool refuse(const char *option, const char *said, const char *(*allowed)(size_t index))
{
    const char *name;

    (void)fprintf(stderr, "iocp-bench: %s takes one of:", option);
    for (size_t i = 0; (name = allowed(i)); i++)
        (void)fprintf(stderr, " %s", name);
    (void)fprintf(stderr, "; not '%s'\n", said);
    return false;
}

static const char *find_word(const char *said, const char *(*allowed)(size_t index))
{
    const char *name = NULL;

    for (size_t i = 0; (name = allowed(i)) && strcmp(name, said) != 0; i++)
        continue;
    return name;
}

static bool read_engine(const char *said, struct bench_options *options)
{
    options->engine = find_word(said, iocp_engine_name);
    return options->engine || refuse("--engine", said, iocp_engine_name);
}

static const char *scenario_name(size_t index)
{
    const struct scenario *scenario = scenario_at(index);

    return scenario ? scenario->name : NULL;
}

static bool read_scenario(const char *said, struct bench_options *options)
{
    const struct scenario *scenario = scenario_find(said);

    if (!scenario || options->scenario_count == OPTIONS_LIST_MAX)
        return refuse("--scenario", said, scenario_name);
    options->scenarios[options->scenario_count++] = scenario;
    return true;
}

static bool is_named(const char *peer, const struct bench_options *options)
{
    for (size_t i = 0; i < options->peer_count; i++)
        if (options->peers[i] == peer)
            return true;
    return false;
}

/* The list is cut into its words where it stands. */
static bool read_peers(char *said, struct bench_options *options)
{
    char *rest = said, *word;

    options->peers_named = true;
    if (strcmp(said, "none") == 0)
        return true;
    while ((word = strsep(&rest, ","))) {
        const char *peer = find_word(word, subject_peer_name);

        if (!peer)
            return refuse("--peers", word, subject_peer_name);
        if (!is_named(peer, options))
            options->peers[options->peer_count++] = peer;
    }
    return true;
}

static bool read_server(const char *said, struct bench_options *options)
{
    if (!strstr(said, "{port}") || options->command_count == OPTIONS_LIST_MAX) {
        (void)fprintf(stderr,
                      "iocp-bench: --server takes a command in which {port} stands, at most %d "
                      "times; not '%s'\n",
                      OPTIONS_LIST_MAX, said);
        return false;
    }
    options->commands[options->command_count++] = said;
    return true;
}

static bool read_rounds(const char *said, struct bench_options *options)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(said, &end, 10);
    if (said[0] < '0' || said[0] > '9' || *end != '\0' || errno != 0 || value < 1 ||
        value > ROUNDS_MAX) {
        (void)fprintf(stderr, "iocp-bench: --rounds takes a number from 1 to %d, not '%s'\n",
                      ROUNDS_MAX, said);
        return false;
    }
    options->rounds = value;
    return true;
}

static bool read_seconds(const char *said, struct bench_options *options)
{
    char *end;
    double value = strtod(said, &end);
    bool plain = said[0] != '\0' && strspn(said, "0123456789.") == strlen(said) && *end == '\0';

    if (!plain || !(value >= SECONDS_MIN && value <= SECONDS_MAX)) {
        (void)fprintf(stderr, "iocp-bench: --seconds takes a number from %g to %g, not '%s'\n",
                      SECONDS_MIN, SECONDS_MAX, said);
        return false;
    }
    options->seconds = value;
    return true;
}

enum {
    QUICK,
    FULL,
    GOALS,
    SCENARIO,
    ENGINE,
    PEERS,
    SERVER,
    ROUNDS,
    SECONDS,
    OUT,
    COMPARE,
    MARKDOWN,
    HELP
};

static const struct option names[] = {
    {"quick", no_argument, NULL, QUICK},
    {"full", no_argument, NULL, FULL},
    {"goals", no_argument, NULL, GOALS},
    {"scenario", required_argument, NULL, SCENARIO},
    {"engine", required_argument, NULL, ENGINE},
    {"peers", required_argument, NULL, PEERS},
    {"server", required_argument, NULL, SERVER},
    {"rounds", required_argument, NULL, ROUNDS},
    {"seconds", required_argument, NULL, SECONDS},
    {"out", required_argument, NULL, OUT},
    {"compare", required_argument, NULL, COMPARE},
    {"markdown", required_argument, NULL, MARKDOWN},
    {"help", no_argument, NULL, HELP},
    {0},
};

static bool read_value(int which, char *said, struct bench_options *options)
{
    switch (which) {
    case SCENARIO:
        return read_scenario(said, options);
    case ENGINE:
        return read_engine(said, options);
    case PEERS:
        return read_peers(said, options);
    case SERVER:
        return read_server(said, options);
    case ROUNDS:
        return read_rounds(said, options);
    case SECONDS:
        return read_seconds(said, options);
    case OUT:
        options->out = said;
        return true;
    case COMPARE:
        options->compare_old = said;
        return true;
    case MARKDOWN:
        options->markdown = said;
        return true;
    default:
        options->matrix = which == QUICK  ? MATRIX_QUICK
                          : which == FULL ? MATRIX_FULL
                                          : MATRIX_GOALS;
        return true;
    }
}

/* Returns as options_read. */
static int read_option(int which, const char *said, struct bench_options *options)
{
    if (which == HELP) {
        print_help();
        return 0;
    }
    if (which == '?' && optopt > HELP) { /* a letter, of which argv does not tell the place */
        (void)fprintf(stderr, "iocp-bench: no such option: -%c; see --help\n", optopt);
        return 2;
    }
    if (which == '?' || which == ':') {
        (void)fprintf(stderr, "iocp-bench: %s %s; see --help\n",
                      which == '?' ? "no such option:" : "a value is missing after", said);
        return 2;
    }
    return read_value(which, optarg, options) ? -1 : 2;
}

/* What stands beside the options: the newer file, or further scenarios. Returns as options_read. */
static int read_rest(size_t count, char *words[], struct bench_options *options)
{
    if (options->compare_old) {
        if (count == 1) {
            options->compare_new = words[0];
            return -1;
        }
        (void)fprintf(stderr, "iocp-bench: --compare takes two files; see --help\n");
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        if (options->scenario_count == 0) {
            (void)fprintf(stderr, "iocp-bench: '%s' is no option; --scenario %s? See --help\n",
                          words[i], words[i]);
            return 2;
        }
        if (!read_scenario(words[i], options))
            return 2;
    }
    return -1;
}

/* Returns as options_read. */
static int check_scenarios(const struct bench_options *options)
{
    for (size_t i = 0; i < options->scenario_count; i++)
        if (!plan_has(options->matrix, options->scenarios[i])) {
            (void)fprintf(stderr, "iocp-bench: there are no goals for '%s'\n",
                          options->scenarios[i]->name);
            return 2;
        }
    return -1;
}

int options_read(int argc, char *argv[], struct bench_options *options)
{
    int which, status = -1;

    *options = (struct bench_options){.matrix = MATRIX_STANDARD, .out = OUT_DEFAULT};
    opterr = 0;
    while (status < 0 && (which = getopt_long(argc, argv, ":", names, NULL)) != -1)
        status = read_option(which, argv[optind - 1], options);
    if (status < 0)
        status = read_rest((size_t)(argc - optind), argv + optind, options);
    return status < 0 ? check_scenarios(options) : status;
}
