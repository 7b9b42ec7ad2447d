/* hand_over.pml - the port hands completions to the threads that wait at it. */
/* SPDX-License-Identifier: MIT */
/*
 * Stands for    insert()        port_insert, by iocp_port_post (core/port.c, port_calls.c)
 *               hand_over()     hand_over and wake_newest (core/port.c)
 *               let_go()        port_let_go (core/port.c), without its second half: see lane.pml
 *               signal()        condition_signal (core/lock.h), by waiter_wake (core/lane.c)
 *               sleep           condition_wait (core/lock.h): `seen` is read under the lock, then
 *                               the kernel compares, and puts to sleep, in one step
 *               enlist(), forget(), take()
 *                               the functions of these names (core/port.c)
 *               stop_counting() runner_stop_counting (core/runner.c)
 *               arrive          port_arrive, and watch_pass, which lets go of the lock meanwhile
 *               wait, woken     port_take_or_wait and park (core/port.c)
 *               callback        what a thread does between two waits: iocp_blocking_begin and
 *                               _end, or its end (leave_port, all core/runner.c)
 *               atomic { }      what is done under the port's lock; lock.pml tells that it may
 *                               stand for that
 * Holds         Outside the lock, running < concurrency implies that the queue is empty or nobody
 *               waits. Nobody sleeps to whom something was handed. Completions go in the order of
 *               their coming, to the newest waiter, each to one thread. Of those that were let
 *               go, at most as many run as the concurrency value: more run only of their own.
 * Left out      Lanes: every waiter sleeps.
 *
 * check: -DTHREADS=3 -DCONCURRENCY=1 -DPOSTS=3 -DINCIDENTS=2
 * check: -DTHREADS=3 -DCONCURRENCY=2 -DPOSTS=3 -DINCIDENTS=1
 * mutant 1: the word is read after the lock was let go, so that a signal in between is not seen
 * mutant 2: the kernel does not compare the word before it puts the thread to sleep
 * mutant 3: a completion that comes does not ask how many run
 * mutant 4: it is handed to the oldest waiter
 * mutant 5: who was handed one counts as running only once it is awake
 * mutant 6: a thread that comes to wait does not look into the queue
 * mutant 7: a thread that blocks does not let the next one go
 * mutant 8: a thread that ends does not let the next one go
 * mutant 9: a look lets go of the lock, but not of the waiters
 * mutant 10: when its time has run out a thread does not look whether it was handed something
 * mutant 11: a thread that goes on after it has blocked is not counted
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define NOTHING 255
#define BIT(n)  (1 << (n))

mtype = { AWAY, RUNS, BRACKETED };

/* The port. */
chan queue = [POSTS] of { byte };
byte newest_first[THREADS];
byte waiting;
byte running;

/* Its threads. */
mtype state[THREADS] = AWAY;
bool woken[THREADS];
byte handed[THREADS] = NOTHING;
byte signals[THREADS];
bool asleep[THREADS];

/* What may still happen besides posts: timeouts, wakes for no reason, brackets, looks, one end. */
byte incidents = INCIDENTS;
bool ended;

/* What has happened. */
byte posted;
byte gone; /* left the port, in the hands of a thread */
byte taken[POSTS];
byte let_go_count;             /* of those that run */
bool was_let_go[THREADS];
byte older[THREADS];           /* those that had waited when it came */

/* Used within one step alone. */
hidden byte i, op, waiter;

#define may_start (running < CONCURRENCY)

inline check_rules()
{
    assert(!may_start || len(queue) == 0 || waiting == 0);
    assert(let_go_count <= CONCURRENCY);
    assert(let_go_count <= running)
}

inline note_let_go(thread)
{
    was_let_go[thread] = true;
    let_go_count++
}

inline signal(thread)
{
    signals[thread]++;
    asleep[thread] = false
}

inline enlist()
{
    for (i : 1 .. waiting) {
        newest_first[waiting + 1 - i] = newest_first[waiting - i];
        older[me] = older[me] | BIT(newest_first[waiting - i])
    }
    newest_first[0] = me;
    waiting++
}

/* Take the waiter out of the list, wherever it stands. */
inline unlink(waiter)
{
    i = 0;
    do
    :: newest_first[i] != waiter -> i++
    :: else -> break
    od;
    waiting--;
    do
    :: i < waiting -> newest_first[i] = newest_first[i + 1]; i++
    :: else -> newest_first[i] = 0; break
    od;
    older[waiter] = 0;
    for (i : 0 .. THREADS - 1) {
        older[i] = older[i] & ~BIT(waiter)
    }
}

inline forget()
{
    if
    :: !woken[me] -> unlink(me)
    :: else
    fi
}

inline hand_over(op)
{
    assert(op == gone);
    gone++;
    waiter = newest_first[(MUTANT == 4 -> waiting - 1 : 0)];
    for (i : 0 .. THREADS - 1) {
        assert(!(older[i] & BIT(waiter)))
    }
    unlink(waiter);
    woken[waiter] = true;
    handed[waiter] = op;
    signal(waiter);
    note_let_go(waiter);
    if
    :: MUTANT != 5 -> running++
    :: else
    fi
}

inline let_go()
{
    do
    :: may_start && waiting > 0 && len(queue) > 0 ->
        queue?op;
        hand_over(op)
    :: else -> break
    od
}

inline insert()
{
    if
    :: (may_start || MUTANT == 3) && waiting > 0 -> hand_over(posted)
    :: else -> queue!posted
    fi
}

inline take(capacity)
{
    do
    :: len(queue) > 0 && capacity > 0 ->
        queue?op;
        assert(op == gone);
        gone++;
        capacity--;
        taken[op]++
    :: else -> break
    od
}

inline stop_counting(new_state)
{
    if
    :: state[me] == RUNS ->
        running--;
        let_go_count = let_go_count - was_let_go[me];
        was_let_go[me] = false
    :: else
    fi;
    state[me] = new_state
}

active proctype poster()
{
    do
    :: atomic { posted < POSTS -> insert(); posted++; check_rules() }
    :: posted == POSTS -> break
    od
}

proctype thread(byte me)
{
    byte seen, capacity;
    bool timed_out;

arrive:
    if
    :: atomic {
            incidents > 0 ->
            incidents--;
            stop_counting(AWAY);
            if
            :: MUTANT != 9 -> let_go()
            :: else
            fi;
            check_rules()
        }
    :: true
    fi;
    atomic {
        select(capacity : 1 .. 2);
        stop_counting(AWAY);
wait:
        if
        :: may_start && len(queue) > 0 && MUTANT != 6 ->
            note_let_go(me);
            take(capacity)
        :: timed_out
        :: else ->
            enlist();
            seen = signals[me];
            check_rules();
            goto sleep
        fi;
        running++;
        state[me] = RUNS;
started:
        let_go();
        check_rules();
        timed_out = false;
        seen = 0;
        capacity = 0;
        goto callback
    };

sleep:
#if MUTANT == 1
    seen = signals[me];
#endif
    if
    :: atomic { signals[me] == seen || MUTANT == 2 -> asleep[me] = true };
end_asleep:
        if
        :: !asleep[me]
        :: atomic {
                asleep[me] && incidents > 0 ->
                incidents--;
                timed_out = true;
                asleep[me] = false
            }
        :: atomic { asleep[me] && incidents > 0 -> incidents--; asleep[me] = false }
        fi
    :: signals[me] != seen && MUTANT != 2
    fi;

    atomic {
        if
        :: !woken[me] && !timed_out ->
            seen = signals[me];
            check_rules();
            goto sleep
        :: else
        fi;
        forget();
        woken[me] = false;
        if
        :: handed[me] != NOTHING && !(MUTANT == 10 && timed_out) ->
            taken[handed[me]]++;
            handed[me] = NOTHING;
            capacity--;
            take(capacity);
            running = running + (MUTANT == 5 -> 1 : 0);
            state[me] = RUNS;
            goto started
        :: else -> goto wait
        fi
    };

callback:
    if
    :: goto arrive
    :: atomic {
            incidents > 0 ->
            incidents--;
            stop_counting(BRACKETED);
            if
            :: MUTANT != 7 -> let_go()
            :: else
            fi;
            check_rules()
        };
        atomic {
            state[me] = RUNS;
            running = running + (MUTANT == 11 -> 0 : 1);
            check_rules();
            goto arrive
        }
    :: atomic {
            incidents > 0 && !ended ->
            incidents--;
            ended = true;
            stop_counting(AWAY);
            if
            :: MUTANT != 8 -> let_go()
            :: else
            fi;
            check_rules()
        }
    fi
}

/* When nobody can take a step any more. */
proctype rest()
{
    timeout;
    for (i : 0 .. THREADS - 1) {
        assert(!asleep[i] || (!woken[i] && handed[i] == NOTHING))
    }
    for (i : 0 .. POSTS - 1) {
        assert(taken[i] == 1)
    }
    assert(running == 0)
}

init
{
    atomic {
        for (i : 0 .. THREADS - 1) {
            run thread(i)
        }
        run rest()
    }
}
