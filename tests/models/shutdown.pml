/* shutdown.pml - a pool stops, a port is closed and freed, while threads and operations use it. */
/* SPDX-License-Identifier: MIT */
/*
 * Stands for    thread          a worker (pool/worker.c: run, take_and_serve, serve), or with
 *                               HOW == FREE a thread of the caller's; wait and drop_user as
 *                               take_at_port, port_arrive, port_take_or_wait, park (core/)
 *               caller          posts, iocp_pool_stop (pool/pool.c), which blocks in a wait of the
 *                               library, then iocp_port_free; it belongs to the port itself
 *               close_port()    iocp_port_close (core/port_life.c) with iocp_port_cancel_all
 *               drop_user(), drop_hold()
 *                               port_drop_user, port_drop_hold (core/port_life.c)
 *               leave_port()    leave_port (core/runner.c), at a thread's end
 *               sockets         a begin, which asks port_is_open, close_socket with port_release
 *               insert(), let_go()
 *                               port_insert, port_let_go (core/port.c)
 *               atomic { }      what is done under the port's lock
 * Holds         Nobody hangs. The engine is stopped once, when nobody waits in it and no socket is
 *               open; the port is freed once, and afterwards nobody touches it. Everything that
 *               completes is handed back, or abandoned, once. A pool that drains runs what stood
 *               in the port; one that discards tells how much it dropped.
 * Left out      More than one lane; which waiter is chosen: any.
 *
 * check: -DHOW=DRAIN -DPOSTS=2
 * check: -DHOW=FREE -DPOSTS=2
 * check: -DHOW=DISCARD -DPOSTS=1
 * mutant 1: a close wakes nobody
 * mutant 2: what completes after the close joins the queue
 * mutant 3: who comes to a stopped port stops it again when it goes
 * mutant 4: a thread that waits is no user
 * mutant 5: a thread that belongs to the port has no hold on it
 * mutant 6: the pool posts a quit too few
 * mutant 7: the pool's stop keeps its caller's slot while it waits
 * mutant 8: a close cancels before it says that the port is closed
 * mutant 9: a close cancels nothing
 * mutant 10: a thread that ends keeps its slot
 * mutant 11: the caller frees the pool without having joined its threads
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define DRAIN   0 /* the pool stops, then the port is freed */
#define DISCARD 1
#define FREE    2 /* no pool: the port is freed while threads take from it */

#define THREADS 2
#define OF_SOCKET POSTS /* the operation on it */
#define QUIT    (POSTS + 1)
#define NOTHING 255

/* The port. */
bool closed, stopped, freed;
bool engine_runs = true;
chan queue = [POSTS + 1 + THREADS] of { byte };
byte running;
byte users = 2;   /* its handle and its socket */
byte holds = 2;   /* the users' and the caller's as a thread */
byte waiting;

/* Its one lane: a thread sits there. */
bool seat_taken;
bool engine_wakes;
bool event; /* of the socket */

/* Those who wait. */
bool waits[THREADS], sits[THREADS], signalled[THREADS], called[THREADS];
byte handed[THREADS] = NOTHING;
bool has_come[THREADS];
bool has_ended[THREADS];

/* The pool. */
bool discard, all_have_ended, pool_freed;
byte not_ended = THREADS;
byte ran, dropped;

/* The socket. */
bool socket_locked, in_flight, socket_is_done;
byte back[POSTS + 1];

hidden byte w, item, spare;

#define may_start (running < 1)
#define has_all_back (back[0] == 1 && back[POSTS - 1] == 1)

inline touch()
{
    assert(!freed)
}

inline hand_back(which)
{
    if
    :: which != QUIT -> assert(back[which] == 0); back[which]++
    :: else
    fi
}

inline wake(waiter)
{
    if
    :: sits[waiter] -> assert(engine_runs); engine_wakes = true
    :: else -> signalled[waiter] = true
    fi
}

inline hand_over(which)
{
    if
    :: waits[0] -> w = 0
    :: waits[1] -> w = 1
    fi;
    waits[w] = false;
    waiting--;
    running++;
    handed[w] = which;
    wake(w)
}

inline let_go()
{
    do
    :: may_start && waiting > 0 && len(queue) > 0 -> queue?item; hand_over(item)
    :: else -> break
    od;
    if
    :: !seat_taken && waits[0] && !called[0] -> called[0] = true; wake(0)
    :: !seat_taken && waits[1] && !called[1] -> called[1] = true; wake(1)
    :: else
    fi
}

inline insert(which)
{
    if
    :: closed && MUTANT != 2 -> hand_back(which) /* abandoned */
    :: !(closed && MUTANT != 2) && may_start && waiting > 0 -> hand_over(which)
    :: else -> queue!which
    fi
}

inline drop_hold()
{
    holds--;
    if
    :: holds == 0 ->
        assert(!engine_runs && len(queue) == 0 && waiting == 0);
        freed = true
    :: else
    fi
}

/* In two steps where the engine is stopped: that is done without the lock. */
inline drop_user()
{
    if
    :: atomic { users > 1 || (stopped && MUTANT != 3) -> touch(); users-- }
    :: atomic { users == 1 && !(stopped && MUTANT != 3) -> touch(); users--; stopped = true };
        atomic { assert(engine_runs && !seat_taken); engine_runs = false };
        atomic { touch(); drop_hold() }
    fi
}

inline leave_port(runs)
{
    touch();
    running = running - (runs && MUTANT != 10 -> 1 : 0);
    if
    :: !stopped -> let_go()
    :: else
    fi;
    drop_hold()
}

inline cancel_all()
{
    atomic { !socket_locked -> socket_locked = true };
    if
    :: atomic { in_flight -> in_flight = false; insert(OF_SOCKET) }
    :: !in_flight
    fi;
    socket_locked = false
}

inline close_port()
{
#if MUTANT == 8
    cancel_all();
#endif
    atomic {
        touch();
        closed = true;
        do
        :: queue?item -> hand_back(item)
        :: empty(queue) -> break
        od;
        if
        :: MUTANT != 1 && waits[0] -> waits[0] = false; waiting--; wake(0)
        :: else
        fi;
        if
        :: MUTANT != 1 && waits[1] -> waits[1] = false; waiting--; wake(1)
        :: else
        fi
    };
#if MUTANT != 8 && MUTANT != 9
    cancel_all();
#endif
    skip
}

proctype thread(byte me)
{
    byte taken = NOTHING;
    bool counts, found;

wait:
    atomic {
        touch();
        running = running - counts;
        counts = false;
        users = users + (MUTANT == 4 -> 0 : 1);
        holds = holds + (has_come[me] || MUTANT == 5 -> 0 : 1);
        has_come[me] = true;
again:
        if
        :: closed -> goto over
        :: !closed && may_start && len(queue) > 0 -> queue?taken; running++; goto taken_one
        :: else -> waits[me] = true; waiting++
        fi;
sit:
        if
        :: !seat_taken -> seat_taken = true; sits[me] = true
        :: else
        fi
    };

    if
    :: sits[me] ->
end_in_engine:
        if
        :: atomic { engine_wakes -> assert(engine_runs); engine_wakes = false }
        :: atomic {
                event && !socket_locked ->
                assert(engine_runs);
                event = false;
                found = in_flight;
                in_flight = false
            }
        fi
    :: !sits[me] ->
end_asleep:
        atomic { signalled[me] -> signalled[me] = false }
    fi;

    atomic {
        touch();
        called[me] = false;
        if
        :: waits[me] && !found -> goto sit
        :: else
        fi;
        waiting = waiting - waits[me];
        if
        :: found && waits[me] && len(queue) == 0 && !closed && may_start ->
            taken = OF_SOCKET;
            running++
        :: found && !(waits[me] && len(queue) == 0 && !closed && may_start) ->
            if
            :: closed -> hand_back(OF_SOCKET)
            :: else -> queue!OF_SOCKET
            fi
        :: else
        fi;
        found = false;
        waits[me] = false;
        if
        :: handed[me] != NOTHING -> taken = handed[me]; handed[me] = NOTHING
        :: else
        fi;
        seat_taken = seat_taken && !sits[me];
        sits[me] = false;
        if
        :: taken == NOTHING -> goto again
        :: else
        fi;
taken_one:
        counts = true;
        hand_back(taken);
over:
        let_go()
    };
#if MUTANT != 4
    drop_user();
#endif
    if
    :: taken == NOTHING || taken == QUIT -> goto ends
    :: else
    fi;

    assert(!pool_freed);
    if
    :: discard -> dropped++
    :: else -> ran++
    fi;
    taken = NOTHING;
    goto wait;

ends:
#if HOW != FREE
    assert(!pool_freed);
    atomic { not_ended--; taken = not_ended };
    if
    :: taken == 0 -> all_have_ended = true; assert(!pool_freed) /* by the unlock in the set */
    :: else
    fi;
#endif
    atomic {
        taken = NOTHING;
        if
        :: MUTANT != 5 -> leave_port(counts)
        :: else -> touch()
        fi;
        counts = false;
        has_ended[me] = true
    }
}

active proctype caller()
{
    byte count;
    bool counts;

    if
    :: true
    :: atomic { counts = true; running++ } /* as it has taken a completion, too */
    fi;
    do
    :: count < POSTS -> atomic { touch(); insert(count) }; count++
    :: count == POSTS -> count = 0; break
    od;
#if HOW == FREE
    atomic { has_come[0] && has_come[1] }; /* a thread that never came may come no more */
#else
    discard = HOW == DISCARD;
    do
    :: count < (MUTANT == 6 -> THREADS - 1 : THREADS) ->
        atomic { touch(); spare = closed; if :: !closed -> insert(QUIT) :: else fi };
        count++
    :: else -> count = 0; break
    od;
    atomic { touch(); running = running - (MUTANT == 7 -> 0 : counts); let_go() };
    all_have_ended;
    atomic { touch(); running = running + (MUTANT == 7 -> 0 : counts) };
#if MUTANT != 11
    has_ended[0] && has_ended[1];
#endif
    pool_freed = true;
    assert(HOW != DRAIN || (has_all_back && ran >= POSTS && dropped == 0));
    assert(HOW != DISCARD || (has_all_back && ran + dropped >= POSTS));
#endif
    close_port();
    drop_user();
    atomic { leave_port(counts) } /* its thread ends */
}

/* A socket on which one operation is begun; in the end it is freed. */
active proctype sockets()
{
    bool is_open;

    atomic { !socket_locked -> socket_locked = true };
    is_open = !closed;
    if
    :: is_open -> in_flight = true
    :: !is_open -> back[OF_SOCKET]++ /* the begin fails */
    fi;
    socket_locked = false;
    if
    :: event = true /* the peer answers */
    :: true
    fi;
    if
    :: true
    :: true -> back[OF_SOCKET] == 1 /* first it waits in the end */
    fi;
    atomic { !socket_locked -> socket_locked = true };
    if
    :: atomic { in_flight -> in_flight = false; touch(); insert(OF_SOCKET) }
    :: !in_flight
    fi;
    socket_locked = false;
    drop_user();
    socket_is_done = true
}

active proctype rest()
{
    timeout;
    assert(has_ended[0] && has_ended[1]);
    assert(freed);
    assert(socket_is_done && !socket_locked);
    assert(has_all_back && back[OF_SOCKET] == 1)
}

init
{
    atomic {
        run thread(0);
        run thread(1)
    }
}
