/* test_wary.c - where callbacks have been found asleep, whoever comes by looks for the next one. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "own.h"
#include "port.h"
#include "stage.h"
#include "taker.h"

enum { LOOKS = 20 };

TestSuite(wary, .timeout = 60);

/* A callback that blocks until its byte is written. */
struct sleeper {
    struct iocp_op op;
    int ends[2];
    atomic_bool started;
    atomic_bool done;
};

static void sleep_at_pipe(struct iocp_op *op, void *self)
{
    struct sleeper *sleeper = self;
    char byte;

    (void)op;
    atomic_store(&sleeper->started, true);
    if (read(sleeper->ends[0], &byte, 1) != 1)
        abort();
    atomic_store(&sleeper->done, true);
}

static void post_sleeper(struct sleeper *sleeper)
{
    *sleeper = (struct sleeper){0};
    cr_assert(zero(int, pipe(sleeper->ends)));
    stage_post(&sleeper->op, sleep_at_pipe, sleeper);
    cr_assert(stage_sees(&sleeper->started));
}

static void end_sleeper(struct sleeper *sleeper)
{
    cr_assert(eq(long, write(sleeper->ends[1], "x", 1), 1));
    cr_assert(stage_sees(&sleeper->done));
    close(sleeper->ends[0]);
    close(sleeper->ends[1]);
}

static bool is_wary(void)
{
    bool is;

    lock_acquire(&stage.port->lock);
    is = stage.port->wary_until_ns > 0;
    port_unlock(stage.port);
    return is;
}

/* For as long as the test takes, or until the next one is found. */
static void be_wary(void)
{
    lock_acquire(&stage.port->lock);
    stage.port->wary_until_ns = INT64_MAX;
    port_unlock(stage.port);
}

static unsigned count_looks(void)
{
    unsigned looks;

    lock_acquire(&stage.port->lock);
    looks = stage.port->looks;
    port_unlock(stage.port);
    return looks;
}

/* A thread comes by, finds nothing, and computes. Returns how many run, itself among them. */
static unsigned come_by(struct taker *taker)
{
    taker_go(taker, stage.port, 0);
    cr_assert(eq(int, taker_result(taker), -ETIMEDOUT));
    return port_statistics(stage.port).running;
}

static bool runs_alone(void *taker)
{
    return come_by(taker) == 1;
}

/* By a look; it is over by itself when none has slept for long, even before this asks. */
static bool becomes_wary(void *unused)
{
    struct sleeper sleeper;
    bool is;

    (void)unused;
    post_sleeper(&sleeper);
    cr_assert(stage_comes_to(1, 0));
    is = is_wary();
    end_sleeper(&sleeper);
    cr_assert(stage_comes_to(2, 0));
    return is;
}

EngineTest(wary, a_port_becomes_wary_when_a_callback_is_found_asleep)
{
    stage_open(*engine, 1, 2);
    cr_expect(not(is_wary()));

    cr_expect(wait_until(becomes_wary, NULL));

    stage_close();
}

/* It does not wait, so as to look now and then; and nobody else is there. */
EngineTest(wary, a_thread_that_only_polls_finds_a_callback_asleep)
{
    struct sleeper sleeper;
    struct taker taker = {0};

    stage_open(*engine, 1, 1);
    taker_start(&taker);
    be_wary();
    post_sleeper(&sleeper);

    cr_expect(wait_until(runs_alone, &taker));

    taker_end(&taker);
    end_sleeper(&sleeper);
    cr_expect(stage_comes_to(1, 0));
    stage_close();
}

/* CL-01 */
EngineTest(wary, a_callback_that_computes_keeps_its_slot_though_others_have_slept)
{
    struct spinner spinner = {.yields = true};
    struct taker taker = {0};

    stage_open(*engine, 1, 1);
    taker_start(&taker);
    be_wary();
    stage_post(&spinner.op, spin, &spinner);
    cr_assert(stage_sees(&spinner.started));

    for (unsigned first = count_looks(); count_looks() - first < LOOKS;)
        cr_expect(eq(uint, come_by(&taker), 2));

    taker_end(&taker);
    atomic_store(&spinner.let_go, true);
    cr_expect(stage_comes_to(1, 0));
    stage_close();
}
