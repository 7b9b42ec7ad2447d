/* simulation.c - runs the core and the pool through seeds of simulated threads, nets and time. */
/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chance.h"
#include "play.h"
#include "schedule.h"

static const char usage[] =
    "Usage: simulation [--seeds FROM:TO] [--seed N] [--engine NAME] [--twice] [--list FILE]\n"
    "\n"
    "Runs seeds of a simulation: each is one schedule of threads, one course of a network, and\n"
    "one clock, always the same. The first seed that fails is printed, and ends the program.\n"
    "\n"
    "  --seeds FROM:TO  these seeds, both included (default 1:1000)\n"
    "  --seed N         this one, with a trace\n"
    "  --engine NAME    sim, epoll or blocking; default: as drawn\n"
    "  --twice          run each seed a second time; it has to come out the same\n"
    "  --list FILE      instead, those in the file: on each line an engine, a seed, and why\n";

struct options {
    uint64_t first;
    uint64_t last;
    char *engine;
    const char *list;
    bool twice;
    bool trace;
};

static uint64_t seed_at_work;

static _Noreturn void refuse(const char *argument)
{
    (void)fprintf(stderr, "simulation: %s\n%s", argument, usage);
    exit(2);
}

/* Digits up to `end`; what stands behind them is left in `text`. */
static uint64_t read_number(const char **text, char end)
{
    const char *start = *text;
    char *behind;
    uint64_t number = strtoull(start, &behind, 10);

    if (*start < '0' || *start > '9' || *behind != end)
        refuse(start);
    *text = end != '\0' ? behind + 1 : behind;
    return number;
}

static void read_option(struct options *options, const char *name, char *value)
{
    const char *text = value;

    if (value == NULL)
        refuse(name);
    if (strcmp(name, "--engine") == 0) {
        options->engine = value;
    } else if (strcmp(name, "--list") == 0) {
        options->list = value;
    } else if (strcmp(name, "--seed") == 0) {
        options->first = read_number(&text, '\0');
        options->last = options->first;
        options->trace = true;
    } else if (strcmp(name, "--seeds") == 0) {
        options->first = read_number(&text, ':');
        options->last = read_number(&text, '\0');
    } else {
        refuse(name);
    }
}

static struct options read_options(int count, char *arguments[])
{
    struct options options = {.first = 1, .last = 1000};

    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--help") == 0) {
            (void)fputs(usage, stdout);
            exit(0);
        }
        if (strcmp(arguments[i], "--twice") == 0) {
            options.twice = true;
        } else {
            read_option(&options, arguments[i], i + 1 < count ? arguments[i + 1] : NULL);
            i++;
        }
    }
    return options;
}

/* The process dies of an assertion, a fault or a sanitizer's finding: tell in which seed. */
static void tell_seed(int number)
{
    char text[64];
    int length = snprintf(text, sizeof text, "simulation: seed %llu: signal %d\n",
                          (unsigned long long)seed_at_work, number);

    (void)!write(STDERR_FILENO, text, (size_t)length);
    (void)raise(number);
}

static void catch_crashes(void)
{
    static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction action = {.sa_handler = tell_seed, .sa_flags = (int)SA_RESETHAND};

    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        (void)sigaction(crashes[i], &action, NULL);
}

static struct schedule_account run_seed(uint64_t seed, char *engine)
{
    seed_at_work = seed;
    schedule_name_run(seed);
    chance_seed(seed);
    return play(engine);
}

static int64_t milliseconds(void)
{
    return (int64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

/* Run it, and add up what it comes to. */
static void play_seed(uint64_t seed, char *engine, bool twice, struct schedule_account *sum)
{
    struct schedule_account account = run_seed(seed, engine);

    if (twice && run_seed(seed, engine).mark != account.mark)
        schedule_fail("the second run differed from the first");
    sum->steps += account.steps;
    sum->switches += account.switches;
    sum->mark ^= account.mark;
    sum->end_ns += account.end_ns;
}

static uint64_t play_range(const struct options *options, struct schedule_account *sum)
{
    uint64_t seed = options->first;

    for (; seed <= options->last; seed++)
        play_seed(seed, options->engine, options->twice, sum);
    return seed - options->first;
}

/* Lines that begin with a # say something about the file. */
static uint64_t play_list(const struct options *options, struct schedule_account *sum)
{
    FILE *list = fopen(options->list, "r");
    char line[256];
    uint64_t played = 0;

    if (list == NULL)
        refuse(options->list);
    while (fgets(line, sizeof line, list) != NULL) {
        char *behind = strchr(line, ' ');
        const char *text = behind != NULL ? behind + 1 : line;

        if (line[0] == '#')
            continue;
        if (behind == NULL)
            refuse(line);
        *behind = '\0';
        play_seed(read_number(&text, ' '), line, options->twice, sum);
        played++;
    }
    (void)fclose(list);
    if (played == 0)
        refuse(options->list);
    return played;
}

int main(int count, char *arguments[])
{
    struct options options = read_options(count, arguments);
    struct schedule_account sum = {0};
    int64_t start_ms = milliseconds();
    uint64_t played;

    catch_crashes();
    play_stay_on_one_processor();
    schedule_trace(options.trace);
    played = options.list != NULL ? play_list(&options, &sum) : play_range(&options, &sum);
    printf("simulation: %" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64
           " switches, %.1f s simulated in %.1f s, mark %016" PRIx64 "\n",
           played, sum.steps, sum.switches, (double)sum.end_ns / 1e9,
           (double)(milliseconds() - start_ms) / 1e3, sum.mark);
    return 0;
}
