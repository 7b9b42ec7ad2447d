/* shim.c - counts the calls that can fail, and lets one of them fail, or many at random. */
/* SPDX-License-Identifier: MIT */
#include "shim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

atomic_long shim_blocks;
atomic_long shim_threads;
atomic_long shim_operations;

static struct plan plan;
static struct account *account;
static atomic_bool armed;
static atomic_bool blamed;
static atomic_uint_fast64_t draws;
static _Thread_local bool outside;

void shim_arm(const struct plan *wanted, struct account *result)
{
    plan = *wanted;
    account = result;
    atomic_store(&armed, true);
}

void shim_disarm(void)
{
    atomic_store(&armed, false);
}

void shim_stand_outside(bool from_now_on)
{
    outside = from_now_on;
}

bool shim_is_outside(void)
{
    return outside || !atomic_load(&armed);
}

/* splitmix64: the draws of a seed, in whatever order the threads come to them. */
static uint64_t draw(void)
{
    uint64_t mixed =
        plan.seed * 0x9e3779b97f4a7c15U + atomic_fetch_add(&draws, 1) * 0xd1342543de82ef95U;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
}

bool shim_dribbles(void)
{
    return plan.seed != 0 && !shim_is_outside();
}

bool shim_is_dribble(void)
{
    return plan.seed != 0;
}

bool shim_draws(unsigned odds)
{
    return shim_dribbles() && draw() % odds == 0;
}

/* Is it the planned one, or one of its kind that is to fail with it? */
static bool is_struck(enum call call, unsigned number)
{
    unsigned strikes;

    if (number == plan.number) {
        account->struck_call = call;
        account->struck_error = call_error(call, plan.place);
        atomic_store(&account->strikes, 1);
        return true;
    }
    strikes = atomic_load(&account->strikes);
    if (strikes == 0 || strikes >= plan.row || call != account->struck_call)
        return false;
    atomic_fetch_add(&account->strikes, 1); /* it may become one too many: no matter */
    return true;
}

int shim_fails(enum call call)
{
    unsigned number;

    if (shim_is_outside())
        return 0;
    number = atomic_fetch_add(&account->counted, 1) + 1;
    if (number <= COUNTED_MAX)
        account->calls[number - 1] = (uint8_t)call;
    return is_struck(call, number) ? errno = account->struck_error : 0;
}

unsigned shim_strikes(void)
{
    return atomic_load(&account->strikes);
}

bool shim_has_hurt(void)
{
    return shim_strikes() > 0 &&
           !call_error_is_harmless(account->struck_call, account->struck_error);
}

void shim_blame(const char *format, ...)
{
    va_list arguments;

    if (atomic_exchange(&blamed, true))
        return;
    va_start(arguments, format);
    (void)vsnprintf(account->failure, sizeof account->failure, format, arguments);
    va_end(arguments);
}
