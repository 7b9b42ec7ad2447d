/* test_options.c - the command line: what each option takes, and what is said of the rest. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iocp/port.h>

#include "options.h"

static struct options options;
static char error[OPTIONS_ERROR_SIZE];

static void set_defaults(void)
{
    options_init(&options);
    (void)snprintf(error, sizeof error, "untouched");
}

TestSuite(options, .init = set_defaults, .timeout = 30);

/* Parse up to three words; NULL: there is no more. */
static int parse(const char *first, const char *second, const char *third)
{
    char *argv[] = {(char *)(uintptr_t) "iocp-server", (char *)(uintptr_t)first,
                    (char *)(uintptr_t)second, (char *)(uintptr_t)third, NULL};
    int argc = 0;

    while (argv[argc])
        argc++;
    return options_parse(&options, argc, argv, error);
}

Test(options, without_arguments_the_defaults_stay)
{
    cr_expect(zero(int, parse(NULL, NULL, NULL)));

    cr_expect(eq(int, options.action, OPTIONS_SERVE));
    cr_expect_str_eq(options.engine, "auto", "%s", options.engine);
    cr_expect(ge(uint, options.workers, 4));
    cr_expect(zero(uint, options.workers % 2));
    cr_expect(zero(uint, options.concurrency));
    cr_expect(zero(sz, options.listen_count));
    cr_expect_eq(options.handler, &handler_message);
    cr_expect(eq(int, options.end, FRAMING_AT_EITHER));
    cr_expect(eq(sz, options.max_message, 16777216));
    cr_expect(ge(sz, options.max_memory, OPTIONS_MEMORY_MIN));
    cr_expect(eq(int, options.idle_timeout_ms, 60000));
    cr_expect(eq(int, options.message_timeout_ms, 600000));
    cr_expect(zero(uint, options.max_connections));
    cr_expect(eq(int, options.drain_timeout_ms, 10000));
    cr_expect_not(options.reuse_port);
    cr_expect_not(options.quiet);
    cr_expect_str_eq(error, "untouched", "%s", error);
}

Test(options, numbers_are_taken_within_their_bounds)
{
    cr_expect(zero(int, parse("--workers=1", "--concurrency=0", "--max-connections=1")));
    cr_expect(eq(uint, options.workers, 1));
    cr_expect(eq(uint, options.concurrency, 0));
    cr_expect(eq(uint, options.max_connections, 1));

    cr_expect(
        zero(int, parse("--workers=1024", "--concurrency=1024", "--max-connections=1000000")));
    cr_expect(eq(uint, options.workers, 1024));
    cr_expect(eq(uint, options.concurrency, 1024));
    cr_expect(eq(uint, options.max_connections, 1000000));
}

static unsigned possible_of(rlim_t descriptors, const char *first, const char *second)
{
    struct rlimit limit;

    cr_assert(zero(int, getrlimit(RLIMIT_NOFILE, &limit)));
    limit.rlim_cur = descriptors;
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &limit)));
    cr_assert(zero(int, parse(first, second, NULL)));
    return options_possible_connections(&options);
}

Test(options, as_many_connections_are_possible_as_descriptors_are_left)
{
    const unsigned possible = possible_of(1024, "--workers=4", "--concurrency=1");

    cr_expect(lt(uint, 900, possible));
    cr_expect(lt(uint, possible, 1020));
    cr_expect(eq(uint, possible_of(1000, "--workers=4", "--concurrency=1"), possible - 24));
    cr_expect(eq(uint, possible_of(1024, "--workers=24", "--concurrency=1"), possible - 20));
    cr_expect(eq(uint, possible_of(1024, "--workers=24", "--concurrency=24"), possible - 44));
    cr_expect(eq(uint, possible_of(1024, "--workers=24", "--concurrency=1000"), possible - 44));
    cr_expect(eq(uint, possible_of(1024, "--listen=127.0.0.1:1", "--concurrency=1000"),
                 possible - 44 - 1));
    cr_expect(zero(uint, possible_of(1024, "--workers=600", "--concurrency=600")));
}

Test(options, a_value_may_be_a_word_of_its_own)
{
    cr_expect(zero(int, parse("--workers", "7", "--quiet")));

    cr_expect(eq(uint, options.workers, 7));
    cr_expect(options.quiet);
}

Test(options, a_word_alone_turns_reuse_port_on)
{
    cr_expect(zero(int, parse("--reuse-port", NULL, NULL)));

    cr_expect(options.reuse_port);
    cr_expect_not(options.quiet);
}

Test(options, the_last_of_two_values_holds)
{
    cr_expect(zero(int, parse("--workers=7", "--workers=8", NULL)));

    cr_expect(eq(uint, options.workers, 8));
}

Test(options, sizes_take_units_of_1024)
{
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"--max-message=1", 1},
        {"--max-message=1000", 1000},
        {"--max-message=3k", 3072},
        {"--max-message=3K", 3072},
        {"--max-message=16M", 16777216},
        {"--max-message=1G", 1073741824},
        {"--max-message=1073741824", 1073741824},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect(zero(int, parse(cases[i].text, NULL, NULL)), "%s", cases[i].text);
        cr_expect(eq(sz, options.max_message, cases[i].size), "%s", cases[i].text);
    }
}

Test(options, memory_is_taken_from_a_megabyte_to_as_many)
{
    cr_expect(zero(int, parse("--max-memory=1M", "--max-message=512k", NULL)));
    cr_expect(eq(sz, options.max_memory, (size_t)1 << 20));
    cr_expect(zero(int, parse("--max-memory=1024G", NULL, NULL)));
    cr_expect(eq(sz, options.max_memory, (size_t)1 << 40));
}

Test(options, memory_is_half_of_what_the_machine_has_when_nothing_is_said)
{
    const size_t all = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);

    cr_expect(zero(int, parse(NULL, NULL, NULL)));

    cr_expect(le(sz, options.max_memory, all / 2));
    cr_expect(le(sz, all / 2 - options.max_memory, (size_t)sysconf(_SC_PAGESIZE)));
}

/* While it grows there are the old buffer and the new one. Who knows no message needs none of that;
 * and who has not said how much, takes what there is. */
Test(options, memory_that_is_too_little_for_one_message_is_refused_in_whatever_order_it_is_said)
{
    const char words[] = "--max-memory: 33554431 bytes are too few for a message of --max-message, "
                         "16777216 bytes, which needs twice as much while it grows";

    cr_expect(zero(int, parse("--max-memory=32M", NULL, NULL)));
    cr_expect(eq(int, parse("--max-memory=33554431", NULL, NULL), -EINVAL));
    cr_expect_str_eq(error, words, "%s", error);
    set_defaults();
    cr_expect(eq(int, parse("--max-memory=2M", "--max-message=2M", NULL), -EINVAL));
    set_defaults();
    cr_expect(eq(int, parse("--max-message=2M", "--max-memory=2M", NULL), -EINVAL));
    set_defaults();
    cr_expect(zero(int, parse("--max-memory=2M", "--handler=echo", NULL)));
    set_defaults();
    options.max_memory = OPTIONS_MEMORY_MIN; /* as on a machine with little memory */
    cr_expect(zero(int, parse("--max-message=1G", NULL, NULL)));
}

Test(options, times_take_units_and_mean_seconds_without)
{
    static const struct {
        const char *text;
        int time_ms;
    } cases[] = {
        {"--idle-timeout=0", 0},
        {"--idle-timeout=1ms", 1},
        {"--idle-timeout=250ms", 250},
        {"--idle-timeout=3s", 3000},
        {"--idle-timeout=3", 3000},
        {"--idle-timeout=2m", 120000},
        {"--idle-timeout=1440m", 86400000},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect(zero(int, parse(cases[i].text, NULL, NULL)), "%s", cases[i].text);
        cr_expect(eq(int, options.idle_timeout_ms, cases[i].time_ms), "%s", cases[i].text);
    }
    cr_expect(zero(int, parse("--drain-timeout=500ms", "--message-timeout=5m", NULL)));
    cr_expect(eq(int, options.drain_timeout_ms, 500));
    cr_expect(eq(int, options.message_timeout_ms, 300000));
}

Test(options, words_choose_engine_handler_and_end)
{
    cr_expect(zero(int, parse("--engine=epoll", "--handler=discard", "--end=token")));

    cr_expect_str_eq(options.engine, "epoll", "%s", options.engine);
    cr_expect_eq(options.handler, &handler_discard);
    cr_expect(eq(int, options.end, FRAMING_AT_TOKEN));
}

Test(options, listen_may_be_given_several_times)
{
    cr_expect(zero(int, parse("--listen=127.0.0.1:0", "--listen", "[::1]:65535")));

    cr_assert(eq(sz, options.listen_count, 2));
    cr_expect(eq(int, options.listens[0].address.ss_family, AF_INET));
    cr_expect(eq(int, (int)options.listens[0].length, sizeof(struct sockaddr_in)));
    cr_expect(eq(int, options.listens[1].address.ss_family, AF_INET6));
    cr_expect(eq(int, (int)options.listens[1].length, sizeof(struct sockaddr_in6)));
}

Test(options, more_listeners_than_there_is_room_for_are_refused)
{
    for (int i = 0; i < OPTIONS_LISTENS_MAX; i++)
        cr_assert(zero(int, parse("--listen=127.0.0.1:0", NULL, NULL)));

    cr_expect(eq(int, parse("--listen=127.0.0.1:0", NULL, NULL), -EINVAL));
    cr_expect_not_null(strstr(error, "at most 64"));
    cr_expect(eq(sz, options.listen_count, OPTIONS_LISTENS_MAX));
}

Test(options, help_and_version_are_actions)
{
    cr_expect(zero(int, parse("--help", NULL, NULL)));
    cr_expect(eq(int, options.action, OPTIONS_SHOW_HELP));
    cr_expect(zero(int, parse("--version", NULL, NULL)));
    cr_expect(eq(int, options.action, OPTIONS_SHOW_VERSION));
}

#define ADDRESS_ERROR " is not an address such as 127.0.0.1:11000 or [::1]:11000, one of at most 64"
#define TIME_ERROR    " is not a time from 0 to 1440m, such as 500ms, 60s, 60 or 2m"
#define SIZE_ERROR    " is not a size from 1 to 1G, such as 1000, 64k or 16M"
#define MEMORY_ERROR  " is not a size from 1M to 1024G, such as 512M or 2G"

static const struct bad_line {
    const char *words[2];
    const char *error;
} bad_lines[] = {
    {{"--workers=0"}, "--workers: '0' is not a number from 1 to 1024"},
    {{"--workers=1025"}, "--workers: '1025' is not a number from 1 to 1024"},
    {{"--workers="}, "--workers: '' is not a number from 1 to 1024"},
    {{"--workers=-1"}, "--workers: '-1' is not a number from 1 to 1024"},
    {{"--workers=+1"}, "--workers: '+1' is not a number from 1 to 1024"},
    {{"--workers= 1"}, "--workers: ' 1' is not a number from 1 to 1024"},
    {{"--workers=1 "}, "--workers: '1 ' is not a number from 1 to 1024"},
    {{"--workers=0x10"}, "--workers: '0x10' is not a number from 1 to 1024"},
    {{"--workers=4294967297"}, "--workers: '4294967297' is not a number from 1 to 1024"},
    {{"--workers=18446744073709551617"},
     "--workers: '18446744073709551617' is not a number from 1 to 1024"},
    {{"--workers", "many"}, "--workers: 'many' is not a number from 1 to 1024"},
    {{"--workers=1\n2"}, "--workers: '1\\n2' is not a number from 1 to 1024"},
    {{"--concurrency=1025"}, "--concurrency: '1025' is not a number from 0 to 1024"},
    {{"--max-connections=0"}, "--max-connections: '0' is not a number from 1 to 1000000"},
    {{"--max-connections=1000001"},
     "--max-connections: '1000001' is not a number from 1 to 1000000"},
    {{"--max-message=0"}, "--max-message: '0'" SIZE_ERROR},
    {{"--max-message=2G"}, "--max-message: '2G'" SIZE_ERROR},
    {{"--max-message=1073741825"}, "--max-message: '1073741825'" SIZE_ERROR},
    {{"--max-message=1T"}, "--max-message: '1T'" SIZE_ERROR},
    {{"--max-message=1kk"}, "--max-message: '1kk'" SIZE_ERROR},
    {{"--max-message=k"}, "--max-message: 'k'" SIZE_ERROR},
    {{"--max-message=1.5k"}, "--max-message: '1.5k'" SIZE_ERROR},
    {{"--max-message=18014398509481985k"}, "--max-message: '18014398509481985k'" SIZE_ERROR},
    {{"--max-memory=1048575"}, "--max-memory: '1048575'" MEMORY_ERROR},
    {{"--max-memory=1025G"}, "--max-memory: '1025G'" MEMORY_ERROR},
    {{"--max-memory=half"}, "--max-memory: 'half'" MEMORY_ERROR},
    {{"--idle-timeout=1441m"}, "--idle-timeout: '1441m'" TIME_ERROR},
    {{"--idle-timeout=86400001ms"}, "--idle-timeout: '86400001ms'" TIME_ERROR},
    {{"--idle-timeout=1h"}, "--idle-timeout: '1h'" TIME_ERROR},
    {{"--idle-timeout=ms"}, "--idle-timeout: 'ms'" TIME_ERROR},
    {{"--drain-timeout=-1s"}, "--drain-timeout: '-1s'" TIME_ERROR},
    {{"--handler=cat"}, "--handler: 'cat' is not one of message, echo, discard"},
    {{"--end=nul"}, "--end: 'nul' is not one of either, eof, token"},
    {{"--end=EOF"}, "--end: 'EOF' is not one of either, eof, token"},
    {{"--listen=localhost:80"}, "--listen: 'localhost:80'" ADDRESS_ERROR},
    {{"--listen=127.0.0.1"}, "--listen: '127.0.0.1'" ADDRESS_ERROR},
    {{"--listen=127.0.0.1:65536"}, "--listen: '127.0.0.1:65536'" ADDRESS_ERROR},
    {{"--listen=::1:80"}, "--listen: '::1:80'" ADDRESS_ERROR},
    {{"--listen="}, "--listen: ''" ADDRESS_ERROR},
    {{"--workers"}, "'--workers' needs a value; --help lists the options"},
    {{"--quiet", "--workers"}, "'--workers' needs a value; --help lists the options"},
    {{"--quiet=1"}, "'--quiet=1' takes no value; --help lists the options"},
    {{"--colour"}, "'--colour' is not an option; --help lists the options"},
    {{"--workers=3", "--colour=red"}, "'--colour=red' is not an option; --help lists the options"},
    {{"--max-"}, "'--max-' is not an option; --help lists the options"},
    {{"-w"}, "'-w' is not an option; --help lists the options"},
    {{"-"}, "'-' is not an option; --help lists the options"},
    {{"11000"}, "'11000' is not an option; --help lists the options"},
    {{"--", "--help"}, "'--help' is not an option; --help lists the options"},
    {{""}, "'' is not an option; --help lists the options"},
};

#define BAD_LINES (sizeof bad_lines / sizeof *bad_lines)

Test(options, each_wrong_line_gets_its_own_words)
{
    for (size_t i = 0; i < BAD_LINES; i++) {
        const struct bad_line *line = &bad_lines[i];

        set_defaults();
        cr_expect(eq(int, parse(line->words[0], line->words[1], NULL), -EINVAL), "%s %s",
                  line->words[0], line->words[1]);
        cr_expect_str_eq(error, line->error, "%s", error);
    }
}

Test(options, an_engine_that_is_not_built_in_is_answered_with_those_that_are)
{
    cr_expect(eq(int, parse("--engine=rocket", NULL, NULL), -EINVAL));

    cr_expect(zero(int, strncmp(error, "--engine: 'rocket' is not one of auto, ", 39)));
    for (size_t i = 0; iocp_engine_name(i); i++)
        cr_expect_not_null(strstr(error, iocp_engine_name(i)));
}

Test(options, every_engine_that_is_built_in_is_taken)
{
    for (size_t i = 0; iocp_engine_name(i); i++) {
        cr_expect(zero(int, parse("--engine", iocp_engine_name(i), NULL)));
        cr_expect_str_eq(options.engine, iocp_engine_name(i), "%s", options.engine);
    }
}

Test(options, an_endless_value_gives_one_short_line)
{
    char value[5000];

    memset(value, '\n', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    cr_expect(eq(int, parse("--workers", value, NULL), -EINVAL));

    cr_expect(lt(sz, strlen(error), 300));
    cr_expect_null(strchr(error, '\n'));
    cr_expect_not_null(strstr(error, "...' is not a number"));
}

Test(options, help_names_every_option_and_the_defaults)
{
    static const char *const expected[] = {
        "--workers N",
        "--concurrency N",
        "--engine ENGINE",
        "--listen ADDRESS:PORT",
        "--reuse-port",
        "--handler HANDLER",
        "--end END",
        "--max-message SIZE",
        "--max-memory SIZE",
        "--idle-timeout TIME",
        "--message-timeout TIME",
        "--quiet",
        "--max-connections N",
        "--drain-timeout TIME",
        "--version",
        "--help",
        "epoll, blocking",
        "127.0.0.1:11000 and [::1]:11000",
        "16M",
        "60s",
        "10s",
        "either",
    };
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    cr_assert_not_null(stream);
    options_print_help(&options, stream);
    (void)fclose(stream);

    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_expect_not_null(strstr(text, expected[i]), "%s", expected[i]);
    free(text);
}
