/* lock.pml - the lock of one word: who acquires it, who sleeps, whom a release wakes. */
/* SPDX-License-Identifier: MIT */
/*
 * Stands for    acquire()       lock_acquire and acquire_contended (core/lock.c)
 *               release()       lock_release (core/lock.c)
 *               futex_sleep()   futex_sleep (core/futex.h): the kernel compares the word and puts
 *                               the thread to sleep in one step; it may wake for no reason
 *               futex_wake()    futex_wake (core/futex.h) of one thread, whichever
 * Holds         One thread at a time is inside; every thread gets through: none sleeps while the
 *               lock is free.
 * Left out      Memory orders: every step here is seen by all at once.
 *
 * check: -DTHREADS=3
 * mutant 1: the kernel does not compare the word before it puts the thread to sleep
 * mutant 2: who has slept acquires the lock as held, not as contended
 * mutant 3: a release looks whether somebody may sleep before it lets go, in two steps
 * mutant 4: a free lock is seen, then taken, in two steps
 * mutant 5: a release wakes nobody
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define ROUNDS 2

mtype = { FREE, HELD, CONTENDED };

mtype state = FREE;
bool asleep[THREADS];
byte inside;
byte reasonless = 1; /* wakes for no reason that are still to come */

inline futex_sleep(expected)
{
    if
    :: atomic { state == expected || MUTANT == 1 -> asleep[_pid] = true };
        if
        :: !asleep[_pid]
        :: atomic { asleep[_pid] && reasonless > 0 -> asleep[_pid] = false; reasonless-- }
        fi
    :: state != expected && MUTANT != 1
    fi
}

inline futex_wake()
{
    atomic {
        if
        :: asleep[0] -> asleep[0] = false
        :: asleep[1] -> asleep[1] = false
        :: asleep[2] -> asleep[2] = false
        :: !asleep[0] && !asleep[1] && !asleep[2]
        fi
    }
}

inline acquire_contended()
{
    do
    :: atomic {
            seen = state;
            state = (MUTANT == 2 && seen == FREE -> HELD : CONTENDED)
        };
        if
        :: seen == FREE -> break
        :: else -> futex_sleep(CONTENDED)
        fi
    od
}

inline acquire()
{
#if MUTANT == 4
    seen = state;
    if
    :: seen == FREE -> state = HELD
    :: else -> acquire_contended()
    fi
#else
    if
    :: atomic { state == FREE -> state = HELD }
    :: state != FREE -> acquire_contended()
    fi
#endif
}

inline release()
{
#if MUTANT == 3
    seen = state;
    state = FREE;
#else
    atomic { seen = state; state = FREE };
#endif
    if
    :: seen == CONTENDED && MUTANT != 5 -> futex_wake()
    :: else
    fi
}

active [THREADS] proctype thread()
{
    mtype seen;
    byte round;

    do
    :: round < ROUNDS ->
        round++;
        acquire();
        inside++;
        assert(inside == 1);
        inside--;
        release()
    :: else -> break
    od
}
