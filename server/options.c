/* options.c - the command line as a structure. */
/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iocp/address.h>
#include <iocp/pool.h>
#include <iocp/port.h>

#include "value.h"

/* Descriptors which are nobody's connection: standard streams, the bell, and some to spare. */
#define DESCRIPTORS_RESERVED 32

/* How much of a wrong value an error repeats. */
#define SHOWN_VALUE_SIZE 128

/* One option: how its value is read, and what to say when that fails. */
struct rule {
    const char *name;
    bool (*read)(struct options *options, const char *value); /* NULL: it takes no value */
    void (*set)(struct options *options);                     /* for one without a value */
    const char *allowed;
    const char *(*choice)(size_t index); /* instead of `allowed`: the words it takes */
};

static const char *engine_choice(size_t index)
{
    return index == 0 ? "auto" : iocp_engine_name(index - 1);
}

static const char *handler_choice(size_t index)
{
    const struct handler_ops *handler = handler_at(index);

    return handler ? handler->name : NULL;
}

static bool read_workers(struct options *options, const char *value)
{
    return value_read_number(value, 1, IOCP_WORKERS_MAX, &options->workers);
}

static bool read_concurrency(struct options *options, const char *value)
{
    return value_read_number(value, 0, IOCP_CONCURRENCY_MAX, &options->concurrency);
}

static bool read_engine(struct options *options, const char *value)
{
    size_t index;

    if (!value_find_choice(engine_choice, value, &index))
        return false;
    options->engine = engine_choice(index);
    return true;
}

static bool read_listen(struct options *options, const char *value)
{
    struct options_listen *listen = &options->listens[options->listen_count];

    if (options->listen_count == OPTIONS_LISTENS_MAX)
        return false;
    int length = iocp_address_parse(value, &listen->address);
    if (length < 0)
        return false;
    listen->length = (socklen_t)length;
    options->listen_count++;
    return true;
}

static bool read_handler(struct options *options, const char *value)
{
    size_t index;

    if (!value_find_choice(handler_choice, value, &index))
        return false;
    options->handler = handler_at(index);
    return true;
}

static bool read_end(struct options *options, const char *value)
{
    size_t index;

    if (!value_find_choice(framing_end_name, value, &index))
        return false;
    options->end = (enum framing_end)index;
    return true;
}

static bool read_max_message(struct options *options, const char *value)
{
    return value_read_size(value, OPTIONS_MESSAGE_MAX, &options->max_message);
}

static bool read_max_memory(struct options *options, const char *value)
{
    size_t size;

    if (!value_read_size(value, OPTIONS_MEMORY_MAX, &size) || size < OPTIONS_MEMORY_MIN)
        return false;
    options->max_memory = size;
    options->max_memory_given = true;
    return true;
}

static bool read_idle_timeout(struct options *options, const char *value)
{
    return value_read_time(value, OPTIONS_TIME_MAX_MS, &options->idle_timeout_ms);
}

static bool read_message_timeout(struct options *options, const char *value)
{
    return value_read_time(value, OPTIONS_TIME_MAX_MS, &options->message_timeout_ms);
}

static bool read_max_connections(struct options *options, const char *value)
{
    return value_read_number(value, 1, OPTIONS_CONNECTIONS_MAX, &options->max_connections);
}

static bool read_drain_timeout(struct options *options, const char *value)
{
    return value_read_time(value, OPTIONS_TIME_MAX_MS, &options->drain_timeout_ms);
}

static void set_reuse_port(struct options *options)
{
    options->reuse_port = true;
}

static void set_quiet(struct options *options)
{
    options->quiet = true;
}

static void set_help(struct options *options)
{
    options->action = OPTIONS_SHOW_HELP;
}

static void set_version(struct options *options)
{
    options->action = OPTIONS_SHOW_VERSION;
}

#define TIME_ALLOWED "a time from 0 to 1440m, such as 500ms, 60s, 60 or 2m"

static const struct rule rules[] = {
    {"workers", read_workers, .allowed = "a number from 1 to " TEXT_OF(IOCP_WORKERS_MAX)},
    {"concurrency", read_concurrency,
     .allowed = "a number from 0 to " TEXT_OF(IOCP_CONCURRENCY_MAX)},
    {"engine", read_engine, .choice = engine_choice},
    {"listen", read_listen,
     .allowed = "an address such as 127.0.0.1:11000 or [::1]:11000, one of at most " TEXT_OF(
         OPTIONS_LISTENS_MAX)},
    {"reuse-port", .set = set_reuse_port},
    {"handler", read_handler, .choice = handler_choice},
    {"end", read_end, .choice = framing_end_name},
    {"max-message", read_max_message, .allowed = "a size from 1 to 1G, such as 1000, 64k or 16M"},
    {"max-memory", read_max_memory, .allowed = "a size from 1M to 1024G, such as 512M or 2G"},
    {"idle-timeout", read_idle_timeout, .allowed = TIME_ALLOWED},
    {"message-timeout", read_message_timeout, .allowed = TIME_ALLOWED},
    {"max-connections", read_max_connections,
     .allowed = "a number from 1 to " TEXT_OF(OPTIONS_CONNECTIONS_MAX)},
    {"drain-timeout", read_drain_timeout, .allowed = TIME_ALLOWED},
    {"quiet", .set = set_quiet},
    {"version", .set = set_version},
    {"help", .set = set_help},
};

#define RULE_COUNT (sizeof rules / sizeof *rules)

static void say_not_allowed(char error[OPTIONS_ERROR_SIZE], const struct rule *rule,
                            const char *value)
{
    char shown[SHOWN_VALUE_SIZE];
    bool cut = transcript_escape(shown, sizeof shown, value, strlen(value)) < strlen(value);

    (void)snprintf(error, OPTIONS_ERROR_SIZE, "--%s: '%s%s' is not %s", rule->name, shown,
                   cut ? "..." : "", rule->allowed ? rule->allowed : "one of ");
    if (rule->choice)
        value_append_choices(error, OPTIONS_ERROR_SIZE, rule->choice);
}

static void say_unwanted(char error[OPTIONS_ERROR_SIZE], const char *argument, const char *why)
{
    char shown[SHOWN_VALUE_SIZE];
    bool cut =
        transcript_escape(shown, sizeof shown, argument, strlen(argument)) < strlen(argument);

    (void)snprintf(error, OPTIONS_ERROR_SIZE, "'%s%s' %s; --help lists the options", shown,
                   cut ? "..." : "", why);
}

/* getopt's table: the value of each option is its place among the rules, counted from 1. */
static void make_getopt_table(struct option table[RULE_COUNT + 1])
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        table[i] = (struct option){
            .name = rules[i].name,
            .has_arg = rules[i].read ? required_argument : no_argument,
            .val = (int)i + 1,
        };
    table[RULE_COUNT] = (struct option){0};
}

static int apply(struct options *options, const struct rule *rule, const char *value,
                 char error[OPTIONS_ERROR_SIZE])
{
    if (!rule->read) {
        rule->set(options);
        return 0;
    }
    if (rule->read(options, value))
        return 0;
    say_not_allowed(error, rule, value);
    return -EINVAL;
}

/* What getopt could not make sense of. */
static int refuse(int found, const char *argument, char error[OPTIONS_ERROR_SIZE])
{
    if (found == ':')
        say_unwanted(error, argument, "needs a value");
    else if (optopt > 0 && (size_t)optopt <= RULE_COUNT && strncmp(argument, "--", 2) == 0)
        say_unwanted(error, argument, "takes no value");
    else
        say_unwanted(error, argument, "is not an option");
    return -EINVAL;
}

/* Is there enough for one message of the largest size, while it grows? */
static int check_memory(const struct options *options, char error[OPTIONS_ERROR_SIZE])
{
    if (!options->max_memory_given || options->handler->input_max > 0 ||
        options->max_memory / 2 >= options->max_message)
        return 0;
    (void)snprintf(error, OPTIONS_ERROR_SIZE,
                   "--max-memory: %zu bytes are too few for a message of --max-message, %zu bytes, "
                   "which needs twice as much while it grows",
                   options->max_memory, options->max_message);
    return -EINVAL;
}

int options_parse(struct options *options, int argc, char *const argv[],
                  char error[OPTIONS_ERROR_SIZE])
{
    struct option table[RULE_COUNT + 1];
    int at = 1; /* the argument that getopt looks at next */
    int found;

    make_getopt_table(table);
    optind = 0; /* GNU's way to begin anew */
    opterr = 0;
    while (argc > 0 && (found = getopt_long(argc, argv, "+:", table, NULL)) != -1) {
        if (found == '?' || found == ':')
            return refuse(found, argv[at], error);
        if (apply(options, &rules[found - 1], optarg, error) < 0)
            return -EINVAL;
        at = optind;
    }
    if (argc > 0 && optind < argc) {
        say_unwanted(error, argv[optind], "is not an option");
        return -EINVAL;
    }
    return check_memory(options, error);
}

static unsigned available_processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

/* What the engine has: two for each lane, or one for each worker. */
static rlim_t engine_descriptors(const struct options *options)
{
    unsigned lanes = options->concurrency ? options->concurrency : available_processors();

    if (lanes > options->workers)
        lanes = options->workers;
    return 2 * lanes > options->workers ? 2 * lanes : options->workers;
}

unsigned options_possible_connections(const struct options *options)
{
    const rlim_t taken = DESCRIPTORS_RESERVED + options->listen_count + engine_descriptors(options);
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= taken)
        return 0;
    if (limit.rlim_cur - taken > OPTIONS_CONNECTIONS_MAX)
        return OPTIONS_CONNECTIONS_MAX;
    return (unsigned)(limit.rlim_cur - taken);
}

/* Half of what the machine has. */
static size_t default_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const size_t half = pages > 0 ? (size_t)pages / 2 * (size_t)sysconf(_SC_PAGESIZE) : 0;
    const size_t enough = half > OPTIONS_MEMORY_MIN ? half : OPTIONS_MEMORY_MIN;

    return enough < OPTIONS_MEMORY_MAX ? enough : OPTIONS_MEMORY_MAX;
}

void options_init(struct options *options)
{
    unsigned workers = 2 * available_processors() + 2;

    *options = (struct options){
        .action = OPTIONS_SERVE,
        .engine = "auto",
        .workers = workers < IOCP_WORKERS_MAX ? workers : IOCP_WORKERS_MAX,
        .handler = handler_at(0),
        .end = FRAMING_AT_EITHER,
        .max_message = (size_t)16 << 20,
        .max_memory = default_memory(),
        .idle_timeout_ms = 60 * 1000,
        .message_timeout_ms = 10 * 60 * 1000,
        .drain_timeout_ms = 10 * 1000,
    };
}
