/* lane.pml - who sits in which lane, what stays with it, and who takes it over. */
/* SPDX-License-Identifier: MIT */
/*
 * Stands for    sit_down(), rise(), glance (lanes_glance), wake (waiter_wake), leave_found()
 *                               the functions of these names, lanes_... (core/lane.c)
 *               one, all        wait_in_one and wait_in_all, as they are called by lanes_wait
 *               keep            keep, lane_keep (core/port.c, lane.c): a callback completes one
 *               take_own        take_own, lane_take (core/port_calls.c, lane.c)
 *               gather(), call_waiter(), let_go(), take_found(), park
 *                               port_gather, ... (core/port.c)
 *               arrive          port_arrive (core/runner.c)
 *               bracket         iocp_blocking_begin and _end (core/runner.c)
 *               look            look, by watch_look or watch_pass: is_suspect, give_seat_up,
 *                               judge (core/watch.c), lane_free_seat (core/lane.c)
 *               begin           uring_submit (core/engine_uring.c): what another thread puts into
 *                               the ring is submitted by who sits, whom `attended` tells to wake
 *               flush()         ring_enter and ring_hand_over, which submit it
 *               kernel          carries what was submitted out
 *               atomic { }      what is done under the port's lock. Only a look lets others see
 *                               its steps: `locked`; a lane's own lock makes each of them one
 * Holds         Outside the lock: what is ready in a lane is there for a thread that runs for it;
 *               the rule of hand_over.pml. Nobody sits where somebody sits. When all is at rest
 *               every operation has come to a callback, though one callback blocks for ever.
 * Left out      Who watches, and when: a look may come as soon as somebody waits. Shared engines.
 *               Threads in an end (core/port_help.c).
 *
 * check: -DTHREADS=2 -DSLOTS=1 -DBEGINS=2 -DKEEPS=1 -DINCIDENTS=2
 * check: -DTHREADS=2 -DSLOTS=2 -DBEGINS=2 -DKEEPS=1 -DINCIDENTS=1
 * mutant 1: a look before a wait leaves what it found with the lane
 * mutant 2: who takes a lane over empties it before others can no longer keep something there
 * mutant 3: nobody is called to sit down in a free lane
 * mutant 4: who was called goes on sleeping, as it was handed nothing
 * mutant 5: that somebody was called is never taken back
 * mutant 6: whoever begins looks who attends before its operation is in the ring
 * mutant 7: whoever sits down lets others know only after it has looked at the ring
 * mutant 8: a waiter in several lanes polls without having looked into them
 * mutant 9: it polls after its look without having been back under the lock
 * mutant 10: a look at the lanes counts for nobody, so that its slot is given away
 * mutant 11: a lane that was taken over stays occupied
 * mutant 12: a thread that comes back does not empty its lane
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define LANES  SLOTS
#define NOBODY 255
#define NONE   255
#define BIT(n) (1 << (n))

mtype = { AWAY, RUNS, BRACKETED, BLOCKED };
mtype = { FREE, SAT_IN, RUN };

/* The port. */
bool locked;
bool calm = true;
byte queued;
byte running;
byte newest_first[THREADS];
byte waiting;
bool port_called;

/* Its lanes, and their engines. */
mtype lane_state[LANES] = FREE;
byte sitters[LANES];
byte lane_runner[LANES] = NOBODY;
byte ready[LANES];
bool attended[LANES];
byte unsubmitted[LANES];
byte submitted[LANES];
byte done[LANES];
bool wakes[LANES];

/* Its threads. */
mtype state[THREADS] = AWAY;
byte own_lane[THREADS] = NONE;
byte lanes[THREADS];         /* in which it sits */
byte first[THREADS];         /* of these the one that it would keep */
byte found[THREADS];
bool handed[THREADS];
bool woken[THREADS];
bool called[THREADS];
bool signalled[THREADS];
bool glances[THREADS];
bool stuck[THREADS];

/* What may still happen. */
byte keeps = KEEPS;
byte incidents = INCIDENTS; /* timeouts, glances, looks, brackets, and one that blocks for ever */
bool one_is_stuck;

/* What has happened. */
byte begins;
byte begun;
byte taken;

/* Used within one step alone. */
hidden byte i, w;

#define may_start (running < SLOTS)
#define sits_in(thread, lane) (lanes[thread] & BIT(lane))

#define is_glanced_into(lane) ((glances[0] && sits_in(0, lane)) || (glances[1] && sits_in(1, lane)))

inline unlock()
{
    calm = queued == 0 && running <= SLOTS;
    assert(!may_start || queued == 0 || waiting == 0);
    for (i : 0 .. LANES - 1) {
        assert(ready[i] == 0 || lane_runner[i] != NOBODY ||
               (lane_state[i] == SAT_IN && is_glanced_into(i)))
    }
    locked = false
}

inline gather(lane)
{
    queued = queued + ready[lane];
    ready[lane] = 0
}

inline sit(lane)
{
    assert(sitters[lane] == 0);
    lane_state[lane] = SAT_IN;
    sitters[lane]++;
    lanes[me] = lanes[me] | BIT(lane);
    first[me] = lane;
    looked = false;
    attended[lane] = (MUTANT == 7 -> attended[lane] : true)
}

inline sit_down()
{
    for (i : 0 .. LANES - 1) {
        if
        :: lane_state[i] == FREE && i != own_lane[me] -> sit(i)
        :: else
        fi
    }
    i = own_lane[me];
    if
    :: i != NONE && (lane_state[i] == FREE || lane_runner[i] == me) -> /* RUN, if that is me */
        lane_runner[i] = NOBODY;
        sit(i)
    :: else
    fi
}

inline rise(keep)
{
    own_lane[me] = (keep && lanes[me] != 0 -> first[me] : NONE);
    for (i : 0 .. LANES - 1) {
        if
        :: sits_in(me, i) ->
            sitters[i]--;
            lane_state[i] = FREE;
            attended[i] = false
        :: else
        fi
    }
    lanes[me] = 0;
    first[me] = 0;
    if
    :: own_lane[me] != NONE ->
        lane_state[own_lane[me]] = RUN;
        lane_runner[own_lane[me]] = me
    :: else
    fi
}

inline leave_found()
{
    if
    :: found[me] > 0 && (state[me] == RUNS || MUTANT == 1) && own_lane[me] != NONE && queued == 0 ->
        ready[own_lane[me]] = ready[own_lane[me]] + found[me]
    :: else -> queued = queued + found[me]
    fi;
    found[me] = 0
}

inline leave_lane()
{
    if
    :: own_lane[me] != NONE && lane_runner[own_lane[me]] == me ->
        lane_runner[own_lane[me]] = NOBODY;
        gather(own_lane[me]);
        lane_state[own_lane[me]] = FREE
    :: else
    fi;
    own_lane[me] = NONE
}

inline wake(waiter)
{
    if
    :: lanes[waiter] != 0 -> wakes[first[waiter]] = true
    :: else -> signalled[waiter] = true
    fi
}

inline enlist()
{
    for (i : 1 .. waiting) {
        newest_first[waiting + 1 - i] = newest_first[waiting - i]
    }
    newest_first[0] = me;
    waiting++
}

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
    od
}

inline hand_over()
{
    w = newest_first[0];
    unlink(w);
    woken[w] = true;
    handed[w] = true;
    running++;
    wake(w)
}

inline a_lane_is_free()
{
    i = 0;
    do
    :: i < LANES && lane_state[i] != FREE -> i++
    :: else -> break
    od
}

inline call_waiter()
{
    i = 0;
    do
    :: i < waiting && lanes[newest_first[i]] != 0 -> i++
    :: else -> break
    od;
    w = newest_first[(i < waiting -> i : 0)];
    called[w] = true;
    port_called = true;
    wake(w)
}

inline let_go()
{
    do
    :: may_start && waiting > 0 && queued > 0 -> queued--; hand_over()
    :: else -> break
    od;
    a_lane_is_free();
    if
    :: i < LANES && !port_called && may_start && waiting > 0 && MUTANT != 3 -> call_waiter()
    :: else
    fi
}

inline insert()
{
    if
    :: may_start && waiting > 0 -> hand_over()
    :: else -> queued++
    fi
}

inline stop_counting(thread, new_state)
{
    running = running - (state[thread] == RUNS -> 1 : 0);
    state[thread] = new_state
}

inline take_found()
{
    if
    :: found[me] > 0 && (woken[me] || queued > 0 || !may_start) ->
        queued = queued + found[me];
        found[me] = 0
    :: found[me] > 0 && !(woken[me] || queued > 0 || !may_start) -> found[me]--; count++
    :: else
    fi
}

inline flush(lane)
{
    submitted[lane] = submitted[lane] + unsubmitted[lane];
    unsubmitted[lane] = 0
}

inline take_returns(lane)
{
    found[me] = found[me] + done[lane];
    done[lane] = 0;
    wakes[lane] = false
}

#define some_is_readable                                                                           \
    ((sits_in(me, 0) && (done[0] > 0 || wakes[0])) ||                                              \
     (sits_in(me, LANES - 1) && (done[LANES - 1] > 0 || wakes[LANES - 1])))

/* Into all lanes in which it sits, which takes no time. */
inline look_into_all()
{
    lane = 0;
    do
    :: lane < LANES ->
        if
        :: atomic { sits_in(me, lane) -> flush(lane); take_returns(lane) }
        :: !sits_in(me, lane)
        fi;
        lane++
    :: lane == LANES -> break
    od;
    lane = 0
}

proctype thread(byte me)
{
    byte count, lane;
    bool looked, timed_out, about_to_wait;

take_own:
    if
    :: own_lane[me] != NONE && calm ->
        if
        :: atomic { incidents > 0 && !locked -> incidents--; about_to_wait = false; goto glance }
        :: true
        fi;
taken_own:
        if
        :: atomic {
                own_lane[me] != NONE && lane_runner[own_lane[me]] == me &&
                ready[own_lane[me]] > 0 ->
                ready[own_lane[me]]--;
                goto callback
            }
        :: own_lane[me] == NONE || lane_runner[own_lane[me]] != me
        :: own_lane[me] != NONE && ready[own_lane[me]] == 0
        fi
    :: own_lane[me] == NONE || !calm
    fi;

arrive:
    atomic {
        !locked ->
        stop_counting(me, AWAY);
        if
        :: own_lane[me] != NONE && lane_runner[own_lane[me]] != me -> own_lane[me] = NONE
        :: else
        fi;
        if
        :: own_lane[me] != NONE && MUTANT != 12 -> gather(own_lane[me])
        :: else
        fi;
wait:
        if
        :: incidents > 0 -> incidents--; about_to_wait = true; goto glance
        :: true
        fi;
glanced:
        if
        :: may_start && queued > 0 -> queued--; count = 1
        :: else ->
            if
            :: timed_out && may_start ->
                for (i : 0 .. LANES - 1) {
                    gather(i)
                }
                if
                :: queued > 0 -> queued--; count = 1
                :: else
                fi
            :: timed_out && !may_start
            :: !timed_out -> goto park
            fi
        fi;
        running++;
        state[me] = RUNS;
        if
        :: count == 0 -> leave_lane()
        :: else
        fi;
        goto started;
park:
        enlist();
again:
        sit_down();
        unlock();
        if
        :: lanes[me] == 0 -> goto sleep
        :: lanes[me] != 0 && lanes[me] != BIT(0) && lanes[me] != BIT(LANES - 1) -> goto all
        :: else -> lane = first[me]; goto one
        fi;
glance:
        sit_down();
        if
        :: lanes[me] == 0 -> goto glance_over
        :: else
        fi;
        running = running + (about_to_wait && MUTANT != 10 -> 1 : 0);
        glances[me] = true;
        unlock();
        goto into_all
    };

sleep:
end_asleep:
    if
    :: atomic { signalled[me] -> signalled[me] = false }
    :: atomic { incidents > 0 -> incidents--; timed_out = true }
    fi;
    goto woken_up;

one:
    atomic { flush(lane) };
#if MUTANT == 7
    attended[lane] = true;
#endif
end_in_one:
    if
    :: atomic { done[lane] > 0 || wakes[lane] -> take_returns(lane) }
    :: atomic { incidents > 0 -> incidents--; timed_out = true }
    fi;
    lane = 0;
    goto woken_up;

all:
    if
    :: !looked && MUTANT != 8
    :: looked || MUTANT == 8 ->
end_in_all:
        if
        :: some_is_readable
        :: atomic { incidents > 0 -> incidents--; timed_out = true }
        fi
    fi;
    look_into_all();
    looked = found[me] == 0;
    if
    :: MUTANT == 9 && found[me] == 0 && !timed_out -> goto all
    :: else
    fi;

woken_up:
    atomic {
        !locked ->
        port_called = (called[me] && MUTANT != 5 -> false : port_called);
        called[me] = (MUTANT == 5 -> called[me] : false);
        if
        :: !woken[me] && found[me] == 0 && !timed_out ->
            if
            :: MUTANT == 4 && lanes[me] == 0 -> unlock(); goto sleep
            :: else -> goto again
            fi
        :: else
        fi;
        if
        :: !woken[me] -> unlink(me)
        :: else
        fi;
        take_found();
        count = count + handed[me];
        rise(count > 0);
        if
        :: count > 0 ->
            state[me] = RUNS;
            running = running + (handed[me] -> 0 : 1)
        :: else
        fi;
        leave_found();
        woken[me] = false;
        signalled[me] = false;
        looked = false;
        handed[me] = false;
        if
        :: count == 0 -> goto wait
        :: else
        fi;
started:
        let_go();
        unlock();
        timed_out = false;
        if
        :: count == 0 -> goto take_own
        :: else -> count = 0; goto callback
        fi
    };

into_all:
    look_into_all();
    atomic {
        !locked ->
        running = running - (about_to_wait && MUTANT != 10 -> 1 : 0);
        glances[me] = false;
        looked = false;
        rise(true);
        leave_found();
glance_over:
        if
        :: about_to_wait -> about_to_wait = false; goto glanced
        :: else
        fi;
        let_go();
        unlock();
        goto taken_own
    };

callback:
    taken++;
    if
    :: goto take_own
    :: atomic { keeps > 0 -> keeps--; begun++ };
        if
        :: own_lane[me] != NONE && calm ->
            if
            :: atomic { lane_runner[own_lane[me]] == me -> ready[own_lane[me]]++; goto take_own }
            :: lane_runner[own_lane[me]] != me
            fi
        :: own_lane[me] == NONE || !calm
        fi;
        atomic { !locked -> insert(); unlock(); goto take_own }
    :: atomic {
            incidents > 0 && !locked ->
            incidents--;
            leave_lane();
            stop_counting(me, BRACKETED);
            let_go();
            unlock()
        };
        atomic { !locked -> state[me] = RUNS; running++; unlock(); goto take_own }
    :: atomic {
            incidents > 0 && !one_is_stuck ->
            incidents--;
            one_is_stuck = true;
            stuck[me] = true
        };
end_stuck:
        false
    fi
}

#define has_seat(runner) (own_lane[runner] != NONE && lane_runner[own_lane[runner]] == runner)

/* Two steps, in each of which others may take from the lane and keep something there. */
inline give_seat_up(runner)
{
    if
    :: has_seat(runner) ->
        lane = own_lane[runner];
#if MUTANT == 2
        gather(lane);
#else
        lane_runner[lane] = NOBODY
#endif
    :: else -> lane = NONE
    fi
}

inline seat_given_up()
{
    if
    :: lane != NONE ->
        lane_runner[lane] = NOBODY;
        if
        :: MUTANT != 2 -> gather(lane)
        :: else
        fi;
        lane_state[lane] = (MUTANT == 11 -> RUN : FREE)
    :: else
    fi;
    lane = NONE
}

/* One that blocks for ever is seen in the end. */
#define is_seen(runner) (state[runner] == RUNS && (stuck[runner] || incidents > 0))

proctype look()
{
    byte runner, lane = NONE;

end_look:
    do
    :: atomic {
            waiting > 0 && !locked && (is_seen(0) || is_seen(1) || is_seen(THREADS - 1)) ->
            if
            :: is_seen(0) -> runner = 0
            :: is_seen(1) -> runner = 1
            :: is_seen(THREADS - 1) -> runner = THREADS - 1
            fi;
            incidents = incidents - (stuck[runner] -> 0 : 1);
            locked = true;
            give_seat_up(runner)
        };
        atomic { seat_given_up(); let_go(); unlock() };
        if
        :: atomic {
                !locked && state[runner] == RUNS -> /* found asleep */
                locked = true;
                give_seat_up(runner)
            };
            atomic {
                seat_given_up();
                stop_counting(runner, BLOCKED);
                let_go();
                unlock()
            };
            if
            :: atomic {
                    !locked && !stuck[runner] && state[runner] == BLOCKED -> /* found awake */
                    state[runner] = RUNS;
                    running++;
                    unlock()
                }
            :: true
            fi
        :: !stuck[runner]
        fi;
        runner = 0
    od
}

proctype beginner()
{
    byte lane;
    bool seen;

    do
    :: begins < BEGINS ->
        select(lane : 0 .. LANES - 1);
#if MUTANT == 6
        seen = attended[lane];
#endif
        atomic { begins++; begun++; unsubmitted[lane]++ };
#if MUTANT != 6
        seen = attended[lane];
#endif
        if
        :: seen -> wakes[lane] = true
        :: !seen
        fi;
        seen = false
    :: else -> break
    od
}

proctype kernel()
{
end_kernel:
    do
    :: atomic { submitted[0] > 0 -> submitted[0]--; done[0]++ }
    :: atomic { submitted[LANES - 1] > 0 -> submitted[LANES - 1]--; done[LANES - 1]++ }
    od
}

proctype rest()
{
    timeout;
    assert(taken == begun);
    assert(begins == BEGINS);
    assert(!port_called)
}

init
{
    atomic {
        for (i : 0 .. THREADS - 1) {
            run thread(i)
        }
        run look();
        run beginner();
        run kernel();
        run rest()
    }
}
