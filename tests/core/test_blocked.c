/* test_blocked.c - callbacks that block are found and lose their slots; what computes keeps it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "own.h"
#include "port.h"
#include "stage.h"
#include "taker.h"

TestSuite(blocked, .timeout = 60);

/* Closed until the test opens it: something to block at, in any way. */
struct gate {
    int ends[2];
    pthread_mutex_t mutex;
    sem_t semaphore;
    atomic_uint opened;
};

static void gate_close(struct gate *gate)
{
    cr_assert(zero(int, pipe(gate->ends)));
    cr_assert(zero(int, pthread_mutex_init(&gate->mutex, NULL)));
    cr_assert(zero(int, pthread_mutex_lock(&gate->mutex)));
    cr_assert(zero(int, sem_init(&gate->semaphore, 0, 0)));
}

static void gate_open(struct gate *gate)
{
    atomic_store(&gate->opened, 1);
    syscall(SYS_futex, &gate->opened, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    cr_assert(zero(int, sem_post(&gate->semaphore)));
    cr_assert(zero(int, pthread_mutex_unlock(&gate->mutex)));
    cr_assert(eq(long, write(gate->ends[1], "x", 1), 1));
}

/* Nobody is at it any more. */
static void gate_remove(struct gate *gate)
{
    pthread_mutex_destroy(&gate->mutex);
    sem_destroy(&gate->semaphore);
    close(gate->ends[0]);
    close(gate->ends[1]);
}

static void at_read(struct gate *gate)
{
    char byte;

    if (read(gate->ends[0], &byte, 1) != 1)
        abort();
}

static void at_mutex(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

static void at_semaphore(struct gate *gate)
{
    while (sem_wait(&gate->semaphore) < 0)
        continue;
}

static void at_poll(struct gate *gate)
{
    (void)poll(&(struct pollfd){.fd = gate->ends[0], .events = POLLIN}, 1, -1);
}

static void at_futex(struct gate *gate)
{
    while (atomic_load(&gate->opened) == 0)
        syscall(SYS_futex, &gate->opened, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

/* Many short sleeps. */
static void at_sleep(struct gate *gate)
{
    while (atomic_load(&gate->opened) == 0)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static void at_child(struct gate *gate)
{
    pid_t child = fork();
    char byte;

    if (child == 0)
        _exit(read(gate->ends[0], &byte, 1) == 1 ? 0 : 1);
    if (waitpid(child, NULL, 0) != child)
        abort();
}

/* A callback that goes through a gate, and then computes until it is let go. */
struct visitor {
    struct spinner spinner;
    struct gate gate;
    void (*block)(struct gate *gate);
    bool brackets; /* the gate, and then goes through a second one without */
    struct gate second;
    atomic_bool started;
    atomic_bool behind_bracket;
    atomic_bool through;
};

static void visit(struct iocp_op *op, void *self)
{
    struct visitor *visitor = self;

    atomic_store(&visitor->started, true);
    if (visitor->brackets)
        iocp_blocking_begin();
    visitor->block(&visitor->gate);
    if (visitor->brackets) {
        iocp_blocking_end();
        atomic_store(&visitor->behind_bracket, true);
        visitor->block(&visitor->second);
    }
    atomic_store(&visitor->through, true);
    spin(op, &visitor->spinner);
}

static void post_visitor(struct visitor *visitor)
{
    gate_close(&visitor->gate);
    if (visitor->block == NULL)
        visitor->block = at_read;
    stage_post(&visitor->spinner.op, visit, visitor);
    cr_assert(stage_sees(&visitor->started));
}

static void end_visitor(struct visitor *visitor)
{
    atomic_store(&visitor->spinner.let_go, true);
    cr_assert(stage_sees(&visitor->spinner.done));
    gate_remove(&visitor->gate);
}

/* Run a callback from its post to its end. */
static bool another_runs(void)
{
    struct spinner other = {.let_go = true};

    stage_post(&other.op, spin, &other);
    return stage_sees(&other.done);
}

/* Who blocks */

static void block_in_a_callback(size_t engine, void (*block)(struct gate *gate))
{
    struct visitor visitor = {.block = block};

    stage_open(engine, 1, 2);
    post_visitor(&visitor);

    cr_expect(another_runs());
    cr_expect(not(atomic_load(&visitor.through)));
    cr_expect(stage_comes_to(1, 0));

    gate_open(&visitor.gate);
    end_visitor(&visitor);
    cr_expect(stage_comes_to(2, 0));
    stage_close();
}

/* CL-07 */
EngineTest(blocked, a_callback_gives_its_slot_up_however_it_blocks)
{
    static void (*const ways[])(struct gate *) = {at_read,  at_mutex, at_semaphore, at_poll,
                                                  at_futex, at_sleep, at_child};

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        block_in_a_callback(*engine, ways[i]);
}

/* CL-08: the last one is found by the first that is back. */
EngineTest(blocked, with_all_workers_blocked_no_thread_is_added_and_the_first_one_back_goes_on)
{
    struct visitor visitors[4] = {0};
    struct spinner last = {.let_go = true};

    stage_open(*engine, 1, 4);
    size_t threads = thread_count();
    for (size_t i = 0; i < 4; i++)
        post_visitor(&visitors[i]);
    stage_post(&last.op, spin, &last);
    cr_expect(eq(uint, port_statistics(stage.port).waiting, 0));
    cr_expect(eq(sz, port_statistics(stage.port).queued, 1));
    cr_expect(eq(sz, thread_count(), threads));

    gate_open(&visitors[2].gate);
    end_visitor(&visitors[2]);
    cr_expect(stage_sees(&last.done));
    cr_expect(eq(sz, thread_count(), threads));
    cr_expect(stage_comes_to(1, 0));

    for (size_t i = 0; i < 4; i++) {
        if (i == 2)
            continue;
        gate_open(&visitors[i].gate);
        end_visitor(&visitors[i]);
    }
    cr_expect(stage_comes_to(4, 0));
    stage_close();
}

EngineTest(blocked, a_second_free_slot_does_not_keep_the_blocked_from_being_found)
{
    struct visitor visitors[2] = {0};

    stage_open(*engine, 2, 3);
    post_visitor(&visitors[0]);
    post_visitor(&visitors[1]);

    cr_expect(stage_comes_to(1, 0));
    cr_expect(another_runs());

    for (size_t i = 0; i < 2; i++) {
        gate_open(&visitors[i].gate);
        end_visitor(&visitors[i]);
    }
    cr_expect(stage_comes_to(3, 0));
    stage_close();
}

/* Who computes */

static void compute_in_a_callback(size_t engine, bool yields)
{
    struct spinner first = {.yields = yields}, other = {.let_go = true};

    stage_open(engine, 1, 2);
    stage_post(&first.op, spin, &first);
    cr_assert(stage_sees(&first.started));
    stage_post(&other.op, spin, &other);

    for (int64_t end_ns = deadline_after_ms(QUIET_MS); clock_now_ns() < end_ns;)
        expect_port(stage.port, 1, 1, 1);
    cr_expect(not(atomic_load(&other.started)));

    atomic_store(&first.let_go, true);
    cr_expect(stage_sees(&other.done));
    cr_expect(stage_comes_to(2, 0));
    stage_close();
}

/* CL-01 */
EngineTest(blocked, a_callback_that_computes_keeps_its_slot)
{
    compute_in_a_callback(*engine, false);
}

/* CL-01: it asks the kernel to let others run, and is not asleep. */
EngineTest(blocked, a_callback_that_yields_the_processor_keeps_its_slot)
{
    compute_in_a_callback(*engine, true);
}

/* Who is back */

/* CL-04 */
EngineTest(blocked, a_callback_that_wakes_and_computes_counts_again)
{
    struct visitor visitor = {0};
    struct spinner second = {0}, third = {.let_go = true};

    stage_open(*engine, 1, 3);
    post_visitor(&visitor);
    stage_post(&second.op, spin, &second);
    cr_assert(stage_sees(&second.started));
    cr_assert(stage_comes_to(1, 1));

    gate_open(&visitor.gate);
    cr_expect(stage_comes_to(1, 2));
    stage_post(&third.op, spin, &third);
    expect_port(stage.port, 1, 1, 2);
    atomic_store(&second.let_go, true);
    cr_expect(stage_comes_to(2, 1));
    expect_port(stage.port, 1, 2, 1);
    cr_expect(not(atomic_load(&third.started)));

    end_visitor(&visitor);
    cr_expect(stage_sees(&third.done));
    cr_expect(stage_comes_to(3, 0));
    stage_close();
}

/* The waiter that found it asleep has been away since. */
EngineTest(blocked, a_callback_that_wakes_counts_again_though_its_finder_was_away)
{
    struct visitor visitor = {0};

    stage_open(*engine, 1, 2);
    post_visitor(&visitor);
    cr_assert(stage_comes_to(1, 0));
    cr_assert(another_runs());
    cr_assert(stage_comes_to(1, 0));

    gate_open(&visitor.gate);

    cr_expect(stage_comes_to(1, 1));
    end_visitor(&visitor);
    cr_expect(stage_comes_to(2, 0));
    stage_close();
}

/* While it is inside the bracket nobody needs to look; afterwards somebody does. */
EngineTest(blocked, a_callback_that_blocks_behind_a_bracket_gives_its_slot_up_again)
{
    struct visitor visitor = {.brackets = true};

    stage_open(*engine, 1, 2);
    gate_close(&visitor.second);
    post_visitor(&visitor);
    cr_assert(another_runs());
    cr_assert(stage_comes_to(1, 0));
    gate_open(&visitor.gate);
    cr_assert(stage_sees(&visitor.behind_bracket));

    cr_expect(another_runs());
    cr_expect(not(atomic_load(&visitor.through)));

    gate_open(&visitor.second);
    end_visitor(&visitor);
    gate_remove(&visitor.second);
    cr_expect(stage_comes_to(2, 0));
    stage_close();
}

/* Threads that are no workers */

/* It takes nothing from the port, blocks, and then ends or takes nothing from another one. */
struct stranger {
    pthread_t thread;
    struct iocp_port *next; /* NULL: it ends */
    struct gate gate;
    struct spinner spinner;
    int results[2];
    atomic_bool at_gate;
};

static void *wait_and_block(void *self)
{
    struct stranger *stranger = self;
    struct iocp_completion completion;

    stranger->results[0] = iocp_port_wait(stage.port, &completion, 1);
    atomic_store(&stranger->at_gate, true);
    at_read(&stranger->gate);
    if (stranger->next != NULL) {
        stranger->results[1] = iocp_port_wait(stranger->next, &completion, 1);
        spin(NULL, &stranger->spinner);
    }
    return NULL;
}

/* A worker waits, so that somebody can find the stranger asleep. */
static void send_stranger(struct stranger *stranger, size_t engine)
{
    stage_open(engine, 1, 1);
    gate_close(&stranger->gate);
    cr_assert(zero(int, pthread_create(&stranger->thread, NULL, wait_and_block, stranger)));
    cr_assert(stage_sees(&stranger->at_gate));
    cr_assert(eq(int, stranger->results[0], -ETIMEDOUT));
}

static void end_stranger(struct stranger *stranger)
{
    cr_assert(zero(int, pthread_join(stranger->thread, NULL)));
    gate_remove(&stranger->gate);
}

static bool has_runners(struct iocp_port *port)
{
    bool any;

    lock_acquire(&port->lock);
    any = port->runners != NULL;
    lock_release(&port->lock);
    return any;
}

/* CL-09 */
EngineTest(blocked, a_thread_that_blocks_behind_a_wait_that_ran_out_gives_its_slot_up)
{
    struct stranger stranger = {0};

    send_stranger(&stranger, *engine);

    cr_expect(another_runs());
    cr_expect(stage_comes_to(1, 0));

    gate_open(&stranger.gate);
    end_stranger(&stranger);
    stage_close();
}

/* CL-11 */
EngineTest(blocked, a_thread_that_ends_when_it_was_found_asleep_leaves_nothing_behind)
{
    struct stranger stranger = {0};

    send_stranger(&stranger, *engine);
    cr_assert(stage_comes_to(1, 0));
    cr_expect(has_runners(stage.port));

    gate_open(&stranger.gate);
    end_stranger(&stranger);

    cr_expect(not(has_runners(stage.port)));
    expect_port(stage.port, 0, 1, 0);
    cr_expect(another_runs());
    cr_expect(stage_comes_to(1, 0));
    cr_expect(not(has_runners(stage.port)));
    stage_close();
}

/* CL-10 */
EngineTest(blocked, a_thread_that_was_found_asleep_may_move_to_another_port)
{
    struct stranger stranger = {0};

    send_stranger(&stranger, *engine);
    cr_assert(zero(int, iocp_port_create(iocp_engine_name(*engine), 1, &stranger.next)));
    cr_assert(stage_comes_to(1, 0));

    gate_open(&stranger.gate);
    cr_assert(stage_sees(&stranger.spinner.started));

    cr_expect(eq(int, stranger.results[1], -ETIMEDOUT));
    cr_expect(not(has_runners(stage.port)));
    expect_port(stage.port, 0, 1, 0);
    expect_port(stranger.next, 0, 0, 1);

    atomic_store(&stranger.spinner.let_go, true);
    end_stranger(&stranger);
    expect_port(stranger.next, 0, 0, 0);
    iocp_port_free(stranger.next);
    stage_close();
}

/* Connections of a blocked callback's lane */

/* A connection that sends back what it receives, each byte by its own. Its callback goes
 * through a gate once. */
struct echo {
    struct connection connection;
    struct iocp_op receive;
    struct iocp_op send;
    char byte;
    atomic_bool goes_through_gate; /* next time */
    struct gate gate;
    atomic_uint begun; /* receives */
    atomic_uint received;
    atomic_uint failed;
    atomic_bool at_gate;
};

static void take_byte(struct iocp_op *op, void *self);

static void receive_next(struct echo *echo)
{
    if (iocp_begin_receive(echo->connection.socket, &echo->receive, &echo->byte, 1, take_byte,
                           echo) < 0)
        atomic_fetch_add(&echo->failed, 1);
    atomic_fetch_add(&echo->begun, 1);
}

static void byte_is_sent(struct iocp_op *op, void *self)
{
    struct echo *echo = self;

    if (iocp_end_send(echo->connection.socket, op) == 1)
        receive_next(echo);
    else
        atomic_fetch_add(&echo->failed, 1);
}

static void take_byte(struct iocp_op *op, void *self)
{
    struct echo *echo = self;

    if (iocp_end_receive(echo->connection.socket, op) != 1)
        return; /* closed */
    atomic_fetch_add(&echo->received, 1);
    if (iocp_begin_send(echo->connection.socket, &echo->send, &echo->byte, 1, byte_is_sent, echo) <
        0)
        atomic_fetch_add(&echo->failed, 1);
    if (!atomic_exchange(&echo->goes_through_gate, false))
        return;
    atomic_store(&echo->at_gate, true);
    at_read(&echo->gate);
}

static void open_echo(struct echo *echo)
{
    contract_connect(&stage, &echo->connection);
    receive_next(echo);
}

static bool has_begun_next(void *self)
{
    struct echo *echo = self;

    return atomic_load(&echo->begun) == atomic_load(&echo->received) + 1;
}

/* The peer may have its answer before the callback of the send has run. */
static void close_echo(struct echo *echo)
{
    cr_assert(wait_until(has_begun_next, echo));
    cr_expect(zero(uint, atomic_load(&echo->failed)));
    contract_disconnect(&echo->connection);
}

static void exchange(struct echo *echo, char byte)
{
    char answer = 0;

    cr_assert(zero(int, loopback_write_all(echo->connection.peer, &byte, 1)));
    cr_assert(eq(long, loopback_read_all(echo->connection.peer, &answer, 1), 1));
    cr_assert(eq(chr, answer, byte));
}

/* What happens to a connection while its callback blocks, and afterwards. */
EngineTest(blocked, the_sockets_of_a_blocked_callback_go_on)
{
    struct echo slow = {.goes_through_gate = true}, quick = {0};

    stage_open(*engine, 1, 2);
    gate_close(&slow.gate);
    open_echo(&slow);
    open_echo(&quick);
    exchange(&slow, 's');
    cr_assert(stage_sees(&slow.at_gate));

    for (int i = 0; i < 100; i++)
        exchange(&quick, (char)i);
    for (int i = 0; i < 100; i++)
        exchange(&slow, (char)i); /* by the other worker: its first callback still blocks */
    gate_open(&slow.gate);
    cr_assert(stage_comes_to(2, 0));
    for (int i = 0; i < 100; i++)
        exchange(&slow, (char)i);

    cr_expect(eq(uint, atomic_load(&slow.received), 201));
    cr_expect(eq(uint, atomic_load(&quick.received), 100));
    close_echo(&slow);
    close_echo(&quick);
    gate_remove(&slow.gate);
    stage_close();
}
