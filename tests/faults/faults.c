/* faults.c - runs scenarios, and fails each of their calls in turn. */
/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <iocp/port.h>

#include "children.h"

static const char usage[] =
    "Usage: faults [--all] [--scenario NAME] [--engine NAME] [--dribble FIRST:LAST]\n"
    "              [--fault NUMBER:PLACE | --row NUMBER:PLACE]\n"
    "\n"
    "Plays each scenario with each engine, counting the calls that can fail. Then it is played\n"
    "again for each call and each error of that call, which fails so, and once more with the next\n"
    "calls of its kind failing alike. Every run has to come to its end, to leave nothing, to\n"
    "complete what it began, and to serve the next client.\n"
    "\n"
    "  --all             every fault; without it, of the larger scenarios a sample\n"
    "  --scenario NAME   this one alone\n"
    "  --engine NAME     with this one alone\n"
    "  --fault NUMBER:PLACE  this one alone: the call of that number, and the error of that\n"
    "                    place in the call's list\n"
    "  --row NUMBER:PLACE  the same, and the next calls of its kind\n"
    "  --dribble FIRST:LAST  these alone: for each of the seeds each scenario is played with one\n"
    "                    byte for many, and calls that are interrupted (else 1:2)\n";

/* Faults of one scenario with one engine, more or less: of a small one all there are, but where a
 * sanitizer makes each run dear. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SAMPLE = 20, SMALL_SAMPLE = 80 };
#else
enum { SAMPLE = 80, SMALL_SAMPLE = 2000 };
#endif

/* Calls of a kind that fail together: what is short is so for a while. */
enum { ROW = 8 };

static struct wishes {
    bool all;
    bool one_fault;
    bool dribbles;
    const char *scenario;
    const char *engine;
    struct plan fault;
    uint64_t first_seed;
    uint64_t last_seed;
} wanted = {.first_seed = 1, .last_seed = 2};

static struct {
    unsigned scenarios, calls, injected, not_reached, dribbles, failed;
} sums;

/* In how many runs has that call failed as planned? */
static unsigned struck[CALLS];

/* Of the run without a fault. */
static unsigned counted;
static uint8_t calls[COUNTED_MAX];

static _Noreturn void refuse(const char *argument)
{
    (void)fprintf(stderr, "faults: %s\n%s", argument, usage);
    exit(2);
}

static void read_pair(const char *text, uint64_t *first, uint64_t *second)
{
    char end;

    if (sscanf(text, "%" SCNu64 ":%" SCNu64 "%c", first, second, &end) != 2)
        refuse(text);
}

static void read_option(const char *name, const char *value)
{
    uint64_t first, second;

    if (value == NULL)
        refuse(name);
    if (strcmp(name, "--scenario") == 0) {
        wanted.scenario = value;
    } else if (strcmp(name, "--engine") == 0) {
        wanted.engine = value;
    } else if (strcmp(name, "--fault") == 0 || strcmp(name, "--row") == 0) {
        read_pair(value, &first, &second);
        wanted.one_fault = true;
        wanted.fault = (struct plan){.number = (unsigned)first, .place = (unsigned)second};
        wanted.fault.row = strcmp(name, "--row") == 0 ? ROW : 1;
    } else if (strcmp(name, "--dribble") == 0) {
        read_pair(value, &wanted.first_seed, &wanted.last_seed);
        wanted.dribbles = true;
    } else {
        refuse(name);
    }
}

static void read_options(int count, char *arguments[])
{
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--help") == 0) {
            (void)fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        }
        if (strcmp(arguments[i], "--all") == 0) {
            wanted.all = true;
            continue;
        }
        read_option(arguments[i], i + 1 < count ? arguments[i + 1] : NULL);
        i++;
    }
}

static void tell_failure(const struct run *run, int status, const struct account *account)
{
    const struct plan *plan = &run->plan;

    printf("faults: --scenario %s --engine %s", run->scenario->name, run->engine);
    if (plan->seed != 0)
        printf(" --dribble %" PRIu64 ":%" PRIu64, plan->seed, plan->seed);
    else if (plan->number != 0)
        printf(" --%s %u:%u", plan->row > 1 ? "row" : "fault", plan->number, plan->place);
    if (atomic_load(&account->strikes) > 0)
        printf(" (%s: %s)", call_name(account->struck_call),
               strerrorname_np(account->struck_error));
    if (account->failure[0] != '\0')
        printf(": %s\n", account->failure);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf(": hangs\n");
    else if (WIFSIGNALED(status))
        printf(": signal %d\n", WTERMSIG(status));
    else
        printf(": exit status %d\n", WEXITSTATUS(status));
    sums.failed++;
}

static void judge(const struct run *run, int status, const struct account *account)
{
    const struct plan *plan = &run->plan;

    if (status != 0)
        tell_failure(run, status, account);
    if (plan->seed != 0) {
        sums.dribbles++;
    } else if (plan->number == 0) {
        counted = atomic_load(&account->counted);
        counted = counted < COUNTED_MAX ? counted : COUNTED_MAX;
        memcpy(calls, account->calls, sizeof calls);
        sums.scenarios++;
        sums.calls += counted;
    } else if (atomic_load(&account->strikes) > 0) {
        sums.injected++;
        struck[account->struck_call]++;
    } else {
        sums.not_reached++;
    }
}

/* Alone and in a row. */
static void fail_call(struct run run, unsigned number, unsigned place)
{
    run.plan = (struct plan){.number = number, .place = place, .row = 1};
    children_run(&run);
    run.plan.row = ROW;
    children_run(&run);
}

static unsigned count_faults(void)
{
    unsigned faults = 0;

    for (unsigned i = 0; i < counted; i++)
        faults += call_error_count((enum call)calls[i]);
    return faults;
}

/* Each call with each of its errors; or every so many of these, and those of a call that has never
 * failed yet. */
static void fail_in_turn(const struct run *run)
{
    unsigned sample = run->scenario->is_small ? SMALL_SAMPLE : SAMPLE;
    unsigned step = wanted.all ? 1 : 1 + 2 * count_faults() / sample;
    unsigned next = 0;

    for (unsigned i = 0; i < counted; i++) {
        for (unsigned place = 0; place < call_error_count((enum call)calls[i]); place++)
            if (next++ % step == 0 || struck[calls[i]] == 0)
                fail_call(*run, i + 1, place);
    }
}

static void play_faults(struct run run)
{
    children_run(&run);
    children_wait(); /* it says how many calls there are */
    fail_in_turn(&run);
}

static void play_dribbles(struct run run)
{
    for (uint64_t seed = wanted.first_seed; seed <= wanted.last_seed; seed++) {
        run.plan = (struct plan){.seed = seed};
        children_run(&run);
    }
}

static void play(const struct scenario *scenario, const char *engine)
{
    struct run run = {.scenario = scenario, .engine = engine, .plan = wanted.fault};

    if (wanted.one_fault)
        children_run(&run);
    else if (!wanted.dribbles)
        play_faults(run);
    if (!wanted.one_fault)
        play_dribbles(run);
    children_wait();
}

static bool works_here(const char *engine)
{
    struct iocp_port *port;
    int error = iocp_port_create(engine, 1, &port);

    if (error < 0)
        printf("faults: engine %s does not work here: %s\n", engine, strerror(-error));
    else
        iocp_port_free(port);
    return error == 0;
}

static void play_all(const char *engine)
{
    const struct scenario *scenario;

    for (size_t i = 0; (scenario = scenario_at(i)) != NULL; i++)
        if (wanted.scenario == NULL || strcmp(wanted.scenario, scenario->name) == 0)
            play(scenario, engine);
}

static bool is_full_run(void)
{
    return wanted.scenario == NULL && wanted.engine == NULL && !wanted.one_fault &&
           !wanted.dribbles;
}

/* A call that no run has failed proves nothing: no scenario makes it, or it does not come to the
 * shim. */
static void tell_unstruck(bool with_uring)
{
    for (unsigned call = 0; call < CALLS; call++) {
        if (struck[call] > 0 || (!with_uring && call_is_of_uring((enum call)call)))
            continue;
        printf("faults: %s has never failed\n", call_name((enum call)call));
        sums.failed++;
    }
}

int main(int count, char *arguments[])
{
    const char *engine;
    bool with_uring = false;

    read_options(count, arguments);
    children_open(judge);
    for (size_t i = 0; (engine = iocp_engine_name(i)) != NULL; i++) {
        if ((wanted.engine != NULL && strcmp(wanted.engine, engine) != 0) || !works_here(engine))
            continue;
        play_all(engine);
        with_uring = with_uring || strcmp(engine, "io_uring") == 0;
    }
    if (is_full_run())
        tell_unstruck(with_uring);
    printf("faults: %u scenarios, %u calls counted, %u faults injected, %u not reached, "
           "%u dribbles, %u failed\n",
           sums.scenarios, sums.calls, sums.injected, sums.not_reached, sums.dribbles, sums.failed);
    return sums.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
