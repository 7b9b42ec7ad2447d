/* bench.c - iocp-bench: measure, or tell of what was measured. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "bench_options.h"
#include "compare.h"
#include "goals_table.h"
#include "results_json.h"
#include "run.h"
#include "wording.h"

#define EXIT_INTERRUPTED 130

static atomic_bool stop;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop, true);
}

/* The second one ends this program at once; what it has started ends with it. */
static void stop_by_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* As a shell reads it again. */
static void quote(struct sentence *command, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";

    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        sentence_add(command, "%s", word);
        return;
    }
    sentence_add(command, "'");
    for (size_t part; (part = strcspn(word, "'")), word[part] != '\0'; word += part + 1)
        sentence_add(command, "%.*s'\\''", (int)part, word);
    sentence_add(command, "%s'", word);
}

/* Without the folder that the program stands in: that is nobody else's. */
static void join(int argc, char *argv[], char *line, size_t size)
{
    struct sentence command;

    sentence_begin(&command, line, size);
    for (int i = 0; i < argc; i++) {
        sentence_add(&command, "%s", i > 0 ? " " : "");
        quote(&command, i > 0 ? argv[i] : program_invocation_short_name);
    }
}

/* Returns the exit status: what a full disk, say, did not take is a failure. */
static int flush(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    (void)fprintf(stderr, "iocp-bench: what it says cannot be written\n");
    return status == 0 ? 1 : status;
}

/* Returns 0 or a negative errno, which is told. */
static int read_results(const char *path, struct results *results)
{
    char mistake[RESULTS_JSON_MISTAKE];
    int error = results_json_read(path, results, mistake, sizeof mistake);

    if (error < 0)
        (void)fprintf(stderr, "iocp-bench: %s\n", mistake);
    return error;
}

/* Returns the exit status: a difference is no failure. */
static int compare(const char *old_path, const char *new_path)
{
    struct results before = {0}, after = {0};
    int error = read_results(old_path, &before);

    if (error == 0)
        error = read_results(new_path, &after);
    if (error == 0)
        (void)compare_write(stdout, &before, &after);
    results_destroy(&after);
    results_destroy(&before);
    return error < 0 ? 1 : 0;
}

/* Returns the exit status: a goal that was missed is no failure. */
static int write_markdown(const char *path)
{
    struct results results = {0};
    int error = read_results(path, &results);

    if (error == 0)
        goals_write_markdown(stdout, &results);
    results_destroy(&results);
    return error < 0 ? 1 : 0;
}

int main(int argc, char *argv[])
{
    struct bench_options options;
    char command[512];
    int status;

    join(argc, argv, command, sizeof command);
    status = options_read(argc, argv, &options);
    if (status >= 0)
        return flush(status);
    if (options.compare_old)
        return flush(compare(options.compare_old, options.compare_new));
    if (options.markdown)
        return flush(write_markdown(options.markdown));
    stop_by_signals();
    status = flush(run(&options, command, &stop));
    return atomic_load(&stop) ? EXIT_INTERRUPTED : status;
}
