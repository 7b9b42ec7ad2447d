/* operation.pml - an operation's life: it comes back, is cancelled, runs out and is closed. */
/* SPDX-License-Identifier: MIT */
/*
 * Stands for    user            op_begin, under the socket's lock, iocp_op_set_event, then
 *                               op_end with await_settled (core/op.c); afterwards the storage is
 *                               begun anew, and in the end freed
 *               engine          epoll_wait_events, on_event, drop_retired (core/engine_epoll.c), or
 *                               with CARRIED on_return (core/engine_uring.c): the operation is a
 *                               send that cannot be taken out (channel_fail, core/channel.c)
 *               canceller       cancel_everywhere (core/port_sockets.c), socket_cancel_all
 *               timer           expire (core/lane.c), timers_take, socket_expire
 *               closer          close_socket, iocp_socket_free (core/socket_close.c)
 *               worker          takes it from the port: port_hand_back, then the callback
 *               port_closer     iocp_port_close, without its cancel: that is the canceller
 *               complete()      port_publish, op_complete, settle (core/op.c), port_insert with
 *                               op_queue or op_abandon (core/port.c)
 * Holds         Each begin that succeeds is completed once, with one result that then stays;
 *               settled once; its event is set before its end returns; with a callback, that runs
 *               once, or never if the port was closed. Each end returns. The library touches no
 *               operation that may be gone or begun anew, and no socket that is freed; the socket
 *               is freed once.
 * Left out      What the result is, other operations of the channel, first data.
 *
 * check: -DCALLBACK=0 -DCARRIED=0
 * check: -DCALLBACK=1 -DCARRIED=0
 * check: -DCALLBACK=0 -DCARRIED=1
 * check: -DCALLBACK=1 -DCARRIED=1
 * mutant 1: a cancel does not ask whether the channel still has the operation
 * mutant 2: an end sleeps without having said that it waits
 * mutant 3: the kernel does not compare the word before the end sleeps
 * mutant 4: the event is looked for before the operation is said to be completed
 * mutant 5: the event is set after the operation is settled
 * mutant 6: the closed port forgets to settle what will never be queued
 * mutant 7: an end takes a completed operation for a settled one
 * mutant 8: closing a socket drops the engine's hold at once
 * mutant 9: the timers hand a socket out without a hold on it
 * mutant 10: a cancelled send that is being carried out fails at once
 * mutant 11: closing a socket leaves what is in its channels
 * mutant 12: a worker hands the operation back after its callback
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define ROUNDS 2

/* The operation. */
bool alive = true;
bool begun, completed, settled, queued, awaited; /* the bits of its state */
byte result;                                     /* 0: none yet */
bool has_event;
bool in_channel;
bool carried;

/* Its socket. */
bool socket_locked;
bool open = true;
bool member = true;     /* of its port's open sockets */
bool armed;             /* in the timers */
bool registered = true; /* in the engine's set */
bool retired;
byte holds = 2; /* the caller's and the engine's */
bool socket_freed;

/* The rest of the world. */
bool port_closed;
bool event_set;
bool asleep;
bool user_is_done;
byte callbacks; /* of this begin */
bool discarded; /* it: no callback will come */

mtype = { SUCCESS, CANCELLED, TIMED_OUT };

inline use()
{
    assert(alive)
}

inline lock_socket()
{
    atomic { !socket_locked -> assert(!socket_freed); socket_locked = true }
}

inline unlock_socket()
{
    socket_locked = false
}

inline drop_socket()
{
    atomic {
        assert(holds > 0 && !socket_freed);
        holds--;
        socket_freed = holds == 0
    }
}

inline wake_ender()
{
    asleep = false
}

inline set_event()
{
    event_set = true
}

/* The result is there, and the channel has the operation no more. */
inline finish(its_result)
{
    use();
    assert(in_channel && !completed);
    in_channel = false;
    result = its_result;
    is_mine = true
}

/* Take the operation out, or, if the engine is at it, say what it is to fail with. */
inline fail(its_result)
{
    if
    :: in_channel && carried && MUTANT != 10 -> result = (result == 0 -> its_result : result)
    :: (in_channel && (!carried || MUTANT == 10)) || MUTANT == 1 ->
        in_channel = in_channel || MUTANT == 1;
        finish(its_result)
    :: else
    fi
}

/* Steps between which others come; `is_mine`: there is something to complete. */
inline complete()
{
    if
    :: is_mine ->
        is_mine = false;
#if MUTANT == 4
        event = has_event;
#endif
        atomic { use(); assert(!completed); completed = true };
#if MUTANT != 4
        atomic { use(); event = has_event };
#endif
        if
        :: event && MUTANT != 5 -> set_event()
        :: else
        fi;
#if CALLBACK
        atomic {
            use();
            assert(!settled);
            settled = !port_closed || MUTANT != 6;
            queued = !port_closed;
            discarded = port_closed;
            event = false;
            if
            :: awaited -> wake_ender()
            :: else
            fi
        }
#else
        atomic { use(); assert(!settled); settled = true; was_awaited = awaited };
        if
        :: was_awaited -> wake_ender() /* by its address alone */
        :: else
        fi;
        was_awaited = false;
#if MUTANT == 5
        atomic { use(); event = has_event };
        if
        :: event -> set_event()
        :: else
        fi;
#endif
        event = false
#endif
    :: else
    fi
}

active proctype user()
{
    byte round;
    byte state; /* as it was seen */

    do
    :: round < ROUNDS ->
        round++;
        lock_socket();
        if
        :: !open -> unlock_socket(); break
        :: else
        fi;
        atomic {
            assert(!begun || (settled && !queued)); /* or else it is busy */
            begun = true;
            completed = false;
            settled = false;
            awaited = false;
            result = 0;
            has_event = false;
            event_set = false;
            callbacks = 0;
            discarded = false;
            in_channel = true;
            carried = CARRIED;
            armed = true;
            unlock_socket()
        };

        has_event = true;
        if
        :: completed -> set_event()
        :: !completed
        fi;

await:
        if
        :: atomic { settled || (MUTANT == 7 && completed) -> goto end }
        :: !settled && !(MUTANT == 7 && completed)
        fi;
        awaited = MUTANT != 2;
        if
        :: atomic { (!settled || MUTANT == 3) -> asleep = true };
            !asleep
        :: settled && MUTANT != 3
        fi;
        goto await;

end:
        assert(event_set);
        assert(result != 0);
        state = result;
#if CALLBACK
        atomic { callbacks > 0 || discarded };
        assert(!queued);
#endif
        assert(state == result);
        state = 0
    :: else -> break
    od;
    alive = false;
    user_is_done = true
}

active proctype engine()
{
    bool is_mine, event, was_awaited;

end_engine:
    do
    :: atomic { retired && !carried -> retired = false };
        drop_socket()
    :: registered || carried ->
        /* From here on the socket may be closed. */
        lock_socket();
        if
        :: carried ->
            if
            :: finish(SUCCESS)
            :: result != 0 -> finish(result) /* it was cut short, and is to fail */
            fi;
            carried = false
        :: !carried && open && in_channel -> finish(SUCCESS)
        :: else
        fi;
        unlock_socket();
        complete()
    od
}

active proctype canceller()
{
    bool is_mine, event, was_awaited;

    if
    :: atomic { member -> holds++ };
        lock_socket();
        if
        :: open -> fail(CANCELLED)
        :: else
        fi;
        complete();
        unlock_socket();
        drop_socket()
    :: true
    fi
}

active proctype timer()
{
    bool is_mine, event, was_awaited;

end_timer:
    do
    :: atomic {
            armed ->
            armed = false;
            holds = holds + (MUTANT == 9 -> 0 : 1)
        };
        lock_socket();
        if
        :: open -> fail(TIMED_OUT)
        :: else
        fi;
        complete();
        unlock_socket();
        if
        :: MUTANT != 9 -> drop_socket()
        :: else
        fi
    od
}

active proctype closer()
{
    bool is_mine, event, was_awaited;

    lock_socket();
#if MUTANT != 11
    fail(CANCELLED);
#endif
    registered = false;
#if MUTANT == 8
    drop_socket();
#else
    retired = true;
#endif
    open = false;
    atomic { member = false; armed = false };
    complete();
    unlock_socket();
    user_is_done;
    drop_socket()
}

#if CALLBACK
active proctype worker()
{
end_worker:
    do
    :: atomic { queued -> use(); assert(settled && callbacks == 0); queued = MUTANT == 12 };
        atomic { callbacks++ };
#if MUTANT == 12
        atomic { use(); queued = false }
#endif
    od
}

active proctype port_closer()
{
    atomic {
        port_closed = true;
        if
        :: queued -> use(); queued = false; discarded = true
        :: else
        fi
    }
}
#endif

active proctype rest()
{
    timeout;
    assert(user_is_done);
    assert(!socket_locked);
    assert(socket_freed);
    assert(!in_channel)
}
