/* test_spin.c - looks before sleep are given up where they find nothing, and come back. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "spin.h"

TestSuite(spin, .timeout = 10);

/* Waits that sleep at once, until the next one that looks. */
static int count_pause(struct spin *spin)
{
    int count = 0;

    while (spin_looks(spin) == 0)
        count++;
    return count;
}

Test(spin, goes_on_as_long_as_it_finds_something)
{
    struct spin spin = {0};

    for (int i = 0; i < 10; i++) {
        cr_expect(gt(int, spin_looks(&spin), 0));
        spin_ended(&spin, true);
    }
}

Test(spin, in_vain_is_tried_ever_more_seldom_but_never_given_up)
{
    struct spin spin = {0};
    int pause = 0;

    cr_expect(zero(int, count_pause(&spin)));
    for (int i = 0; i < 20; i++) {
        int last = pause;

        spin_ended(&spin, false);
        pause = count_pause(&spin);
        cr_expect(last == SPIN_PAUSE_MAX ? pause == SPIN_PAUSE_MAX : pause > last);
    }
    cr_expect(eq(int, pause, SPIN_PAUSE_MAX));
}

Test(spin, that_finds_something_once_more_goes_on)
{
    struct spin spin = {0};

    for (int i = 0; i < 5; i++)
        spin_ended(&spin, false);
    (void)count_pause(&spin);
    spin_ended(&spin, true);

    cr_expect(gt(int, spin_looks(&spin), 0));
}
