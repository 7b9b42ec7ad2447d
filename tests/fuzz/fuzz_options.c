/* fuzz_options.c - any command line is taken, or refused by one line that names what is wrong. */
/* SPDX-License-Identifier: MIT */
/* Input  The arguments, a zero between them. */
#include "options.h"

#include <errno.h>
#include <iocp/pool.h>
#include <iocp/port.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "transcript.h"
#include "utf8.h"

enum { ARGUMENTS_MAX = 100, SHOWN_SIZE = 128 };

/* A command line. */
struct line {
    char *arguments[ARGUMENTS_MAX + 1];
    int count;
};

static void read_line(const uint8_t *bytes, size_t size, struct line *line)
{
    size_t at = 0;

    line->arguments[0] = text_of((const uint8_t *)"iocp-server", 11);
    line->count = 1;
    while (at < size && line->count < ARGUMENTS_MAX) {
        char *argument = text_of(bytes + at, size - at);

        at += strlen(argument) + 1;
        line->arguments[line->count++] = argument;
    }
    line->arguments[line->count] = NULL;
}

static void free_line(struct line *line)
{
    for (int i = 0; i < line->count; i++)
        free(line->arguments[i]);
}

/* Does the text begin so: in quotes the argument, as far as it is shown? Steps over it. */
static bool shows(const char **text, const char *argument)
{
    char quoted[SHOWN_SIZE + sizeof "'...'"] = "'";
    size_t taken = transcript_escape(quoted + 1, SHOWN_SIZE, argument, strlen(argument));

    (void)strcat(quoted, taken < strlen(argument) ? "...'" : "'");
    if (strncmp(*text, quoted, strlen(quoted)) != 0)
        return false;
    *text += strlen(quoted);
    return true;
}

/* "--NAME: 'VALUE' is not ": the value is written behind a name, whole or in part, and = or in
 * the next argument. */
static bool names_value(const char *error, const char *argument, const char *next)
{
    const char *at = strstr(error, ": '");
    size_t length = strcspn(argument, "=");
    const char *value = argument[length] == '=' ? argument + length + 1 : next;

    if (at == NULL || value == NULL || length <= 2 || length > (size_t)(at - error) ||
        strncmp(error, argument, length) != 0)
        return false;
    at += 2;
    return shows(&at, value) && strncmp(at, " is not ", 8) == 0 && at[8] != '\0';
}

/* "'ARGUMENT' WHY; --help lists the options" */
static bool names_argument(const char *error, const char *argument)
{
    const char *at = error;

    return shows(&at, argument) && *at == ' ' && strstr(at, "; --help lists the options") != NULL;
}

/* Are the first so many arguments taken? */
static bool is_taken(const struct line *line, int count)
{
    char error[OPTIONS_ERROR_SIZE];
    struct options options;

    options_init(&options);
    return options_parse(&options, count, line->arguments, error) == 0;
}

/* Does the error name this argument, and is it the one that is wrong, with its value? */
static bool names(const struct line *line, const char *error, int index)
{
    const char *argument = line->arguments[index];
    int count = index + 1;

    if (names_value(error, argument, line->arguments[index + 1]))
        count += strchr(argument, '=') == NULL;
    else if (!names_argument(error, argument))
        return false;
    return is_taken(line, index) && !is_taken(line, count);
}

static void check_error(const struct line *line, const char error[OPTIONS_ERROR_SIZE])
{
    bool is_named = false;

    require(memchr(error, '\0', OPTIONS_ERROR_SIZE) != NULL, "an error has an end");
    require(strlen(error) > 0 && strlen(error) < OPTIONS_ERROR_SIZE - 1, "and is not cut");
    require(utf8_is_harmless(error), "an error is one harmless line");
    for (int i = 1; i < line->count && !is_named; i++)
        is_named = names(line, error, i);
    require(is_named, "an error names what is wrong");
}

static void check_options(const struct options *options)
{
    require(options->workers >= 1 && options->workers <= IOCP_WORKERS_MAX, "workers");
    require(options->concurrency <= IOCP_CONCURRENCY_MAX, "concurrency");
    require(options->engine != NULL && options->handler != NULL, "engine and handler");
    require(options->listen_count <= OPTIONS_LISTENS_MAX, "listens");
    require(framing_end_name(options->end) != NULL, "end");
    require(options->max_message >= 1 && options->max_message <= OPTIONS_MESSAGE_MAX, "size");
    require(options->max_memory >= OPTIONS_MEMORY_MIN && options->max_memory <= OPTIONS_MEMORY_MAX,
            "memory");
    require(options->idle_timeout_ms >= 0 && options->idle_timeout_ms <= OPTIONS_TIME_MAX_MS,
            "idle time-out");
    require(options->message_timeout_ms >= 0 && options->message_timeout_ms <= OPTIONS_TIME_MAX_MS,
            "message time-out");
    require(options->drain_timeout_ms >= 0 && options->drain_timeout_ms <= OPTIONS_TIME_MAX_MS,
            "drain time-out");
    require(options->max_connections <= OPTIONS_CONNECTIONS_MAX, "connections");
    for (size_t i = 0; i < options->listen_count; i++)
        require(options->listens[i].length > 0, "a listen has an address");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char error[OPTIONS_ERROR_SIZE], untouched[OPTIONS_ERROR_SIZE];
    struct options options;
    struct line line;
    int result;

    read_line(bytes, size, &line);
    options_init(&options);
    memset(error, 'x', sizeof error);
    memset(untouched, 'x', sizeof untouched);
    result = options_parse(&options, line.count, line.arguments, error);
    require(result == 0 || result == -EINVAL, "a command line is taken or refused");
    if (result < 0)
        check_error(&line, error);
    else
        require(memcmp(error, untouched, sizeof error) == 0, "without an error there is none");
    check_options(&options);
    free_line(&line);
    return 0;
}
