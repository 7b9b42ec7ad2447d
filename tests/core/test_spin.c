/* test_spin.c - looks before sleep are given up where they find nothing, and come back. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "spin.h"

TestSuite(spin, .timeout = 10);

/* One of a thread that has taken so often in a row that it may look. */
static struct spin open_spin(void)
{
    struct spin spin = {0};

    for (unsigned i = 0; i < SPIN_ALONE; i++)
        spin_note_takes(&spin, i);
    return spin;
}

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
    struct spin spin = open_spin();

    for (int i = 0; i < 10; i++) {
        cr_expect(lt(int, 0, spin_looks(&spin)));
        spin_ended(&spin, true);
    }
}

Test(spin, in_vain_is_tried_ever_more_seldom_but_never_given_up)
{
    struct spin spin = open_spin();
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
    struct spin spin = open_spin();

    for (int i = 0; i < 5; i++)
        spin_ended(&spin, false);
    (void)count_pause(&spin);
    spin_ended(&spin, true);

    cr_expect(lt(int, 0, spin_looks(&spin)));
}

Test(spin, needs_a_row_of_waits_between_which_no_other_thread_took_anything)
{
    struct spin spin = {0};
    unsigned takes = 0;

    for (int row = 0; row < 2; row++) {
        for (int i = 1; i < SPIN_ALONE; i++) {
            spin_note_takes(&spin, ++takes);
            cr_expect(zero(int, spin_looks(&spin)));
        }
        takes += 2; /* another thread's and its own */
    }
    for (int i = 0; i <= SPIN_ALONE; i++)
        spin_note_takes(&spin, ++takes);
    cr_expect(lt(int, 0, spin_looks(&spin)));
}
