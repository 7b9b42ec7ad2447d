/* children.c - runs in processes of their own, some at once. */
/* SPDX-License-Identifier: MIT */
#include "children.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who has not come to its end by then hangs. The product's own waits are bounded: a drain and a
 * lingering take 5 s each at the most; the rest is for a machine that does other things as well. */
enum { PATIENCE_S = 60 };

/* They wait more than they compute. */
enum { AT_ONCE = 6 };

static struct child {
    pid_t pid; /* 0: none */
    struct run run;
} children[AT_ONCE];

static struct account *accounts; /* one for each; shared with them */
static children_judge *judge;
static unsigned running;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

void children_open(children_judge *wanted)
{
    judge = wanted;
    accounts = mmap(NULL, AT_ONCE * sizeof *accounts, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (accounts == MAP_FAILED)
        die("faults: mmap");
}

static unsigned find(pid_t pid)
{
    unsigned index = 0;

    while (index < AT_ONCE && children[index].pid != pid)
        index++;
    return index;
}

static void await_one(void)
{
    int status;
    pid_t pid = wait(&status);
    unsigned index = pid > 0 ? find(pid) : AT_ONCE;

    if (index == AT_ONCE)
        die("faults: wait");
    judge(&children[index].run, status, &accounts[index]);
    children[index].pid = 0;
    running--;
}

/* Its end by exit lets a sanitizer look for leaks. Nothing blocks the alarm in its first thread. */
static _Noreturn void live(const struct run *run, struct account *account)
{
    (void)alarm(PATIENCE_S);
    trial_run(run, account);
    exit(account->failure[0] == '\0' ? EXIT_SUCCESS : EXIT_FAILURE);
}

void children_run(const struct run *run)
{
    unsigned index;

    if (running == AT_ONCE)
        await_one();
    index = find(0);
    memset(&accounts[index], 0, sizeof accounts[index]);
    (void)fflush(NULL);
    children[index] = (struct child){.pid = fork(), .run = *run};
    if (children[index].pid < 0)
        die("faults: fork");
    if (children[index].pid == 0)
        live(run, &accounts[index]);
    running++;
}

void children_wait(void)
{
    while (running > 0)
        await_one();
}
