/* test_idle.c - with nothing to do nobody wakes. */
/* SPDX-License-Identifier: MIT */
/*
 * The kernel counts how often a thread has gone off a processor. The workers of an idle pool
 * sleep, and their counts stand still.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stage.h"
#include "taker.h"

enum { LOOK_MS = 100, IDLE_MS = 300, CONNECTIONS = 2, ROUNDS = 20 };

TestSuite(idle, .timeout = 100);

static struct connection connections[CONNECTIONS];
static struct catcher catchers[CONNECTIONS];

static void read_task_file(const char *thread, const char *name, char *text, size_t size)
{
    char path[300];
    FILE *file;
    size_t length = 0;

    (void)snprintf(path, sizeof path, "/proc/self/task/%s/%s", thread, name);
    file = fopen(path, "re");
    if (file != NULL) { /* or the thread has ended */
        length = fread(text, 1, size - 1, file);
        (void)fclose(file);
    }
    text[length] = '\0';
}

static unsigned long number_after(const char *text, const char *label)
{
    const char *found = strstr(text, label);

    return found != NULL ? strtoul(found + strlen(label), NULL, 10) : 0;
}

/* What the kernel tells of all workers. */
struct account {
    unsigned long switches; /* so far */
    unsigned awake;         /* at this moment: a processor has them, or they wait for one */
};

static void add_thread(struct account *account, const char *thread)
{
    char text[4096];

    read_task_file(thread, "comm", text, sizeof text);
    if (strncmp(text, "iocp-worker-", 12) != 0)
        return;
    read_task_file(thread, "status", text, sizeof text);
    account->switches += number_after(text, "\nvoluntary_ctxt_switches:") +
                         number_after(text, "\nnonvoluntary_ctxt_switches:");
    account->awake += strstr(text, "\nState:\tS") == NULL;
}

static struct account workers_account(void)
{
    DIR *threads = opendir("/proc/self/task");
    struct account account = {0};

    cr_assert(threads != NULL);
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        if (entry->d_name[0] != '.')
            add_thread(&account, entry->d_name);
    }
    (void)closedir(threads);
    return account;
}

/* Let time go by, in which nothing may happen. */
static void look_on(int time_ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = time_ms * 1000000L}, NULL);
}

static bool stand_still(void *unused)
{
    struct account before = workers_account();

    (void)unused;
    look_on(LOOK_MS);
    struct account after = workers_account();
    return after.switches == before.switches && after.awake == 0;
}

static void expect_idle(void)
{
    cr_assert(wait_until(stand_still, NULL));
    struct account before = workers_account();

    look_on(IDLE_MS);

    struct account after = workers_account();
    cr_expect(eq(ulong, after.switches, before.switches));
    cr_expect(zero(uint, after.awake));
    cr_expect(lt(ulong, 0, before.switches));
}

static void sleep_a_little(struct iocp_op *op, void *self)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    spin(op, self);
}

static void run(iocp_callback *callback)
{
    struct spinner spinner = {.let_go = true};

    stage_post(&spinner.op, callback, &spinner);
    cr_assert(stage_sees(&spinner.done));
}

/* Receives, callbacks, and callbacks that sleep. */
static void have_a_bout_of_work(unsigned count)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < count; i++) {
            catcher_feed(&catchers[i], &connections[i]);
            atomic_store(&catchers[i].done, false);
            catcher_begin(&catchers[i], &connections[i], 0);
        }
        run(spin);
    }
    run(sleep_a_little);
}

/* In the blocking engine more silent sockets than workers take turns at them. That is its
 * shape; so there are not more. */
static void idle_and_work(size_t engine, unsigned concurrency, unsigned workers)
{
    unsigned count = workers < CONNECTIONS ? workers : CONNECTIONS;

    memset(catchers, 0, sizeof catchers);
    stage_open(engine, concurrency, workers);
    for (unsigned i = 0; i < count; i++) {
        contract_connect(&stage, &connections[i]);
        catcher_begin(&catchers[i], &connections[i], 0);
    }
    expect_idle();
    have_a_bout_of_work(count);
    cr_assert(stage_comes_to(workers, 0));
    expect_idle();

    for (unsigned i = 0; i < count; i++)
        contract_disconnect(&connections[i]);
    stage_close();
}

EngineTest(idle, one_worker_does_not_wake)
{
    idle_and_work(*engine, 1, 1);
}

EngineTest(idle, workers_of_one_slot_do_not_wake)
{
    idle_and_work(*engine, 1, 2);
    idle_and_work(*engine, 1, 4);
}

EngineTest(idle, workers_of_two_slots_do_not_wake)
{
    idle_and_work(*engine, 2, 1);
    idle_and_work(*engine, 2, 2);
    idle_and_work(*engine, 2, 4);
}
