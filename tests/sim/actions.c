/* actions.c - what callbacks and threads of a trial do: anything, as drawn. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/socket.h>

#include "chance.h"
#include "fault.h"
#include "schedule.h"
#include "trial.h"

#define US INT64_C(1000)

/* What is known of the threads that run callbacks. */
static struct {
    const struct thread *thread;
    unsigned sleeps; /* of the thread, when it came from its wait */
    bool unclear;    /* it may have been found asleep on its way from there */
} running[SCHEDULE_THREADS_MAX];
static unsigned running_count;

/* It runs several callbacks, one after the other. */
static _Thread_local bool has_batch;

/* Threads that were released and have not slept since: of these there may be no more than the
 * concurrency value. One that sleeps, be it for a mutex, may have given its slot up. */
static unsigned count_sleepless(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < running_count; i++)
        count += !running[i].unclear && running[i].sleeps == schedule_sleeps(running[i].thread);
    return count;
}

static void be_released(void)
{
    const struct thread *self = schedule_self();

    running[running_count].thread = self;
    running[running_count].sleeps = schedule_sleeps(self);
    running[running_count++].unclear = schedule_waited_for_lock(self);
    if (count_sleepless() > trial.concurrency)
        schedule_fail("%u threads run callbacks, but %u may", count_sleepless(), trial.concurrency);
}

static void be_done(void)
{
    unsigned at = 0;

    while (running[at].thread != schedule_self())
        at++;
    running[at] = running[--running_count];
}

void batch_enter(void)
{
    has_batch = true;
    be_released();
}

void batch_leave(void)
{
    be_done();
    has_batch = false;
}

void callback_enter(void)
{
    if (!has_batch)
        be_released();
}

void callback_leave(void)
{
    if (!has_batch)
        be_done();
}

/* From now on the thread may give its slot up, without sleeping yet. */
static void about_to_block(void)
{
    for (unsigned i = 0; i < running_count; i++)
        running[i].unclear = running[i].unclear || running[i].thread == schedule_self();
}

/* In a callback or anywhere else: take one's time. */
void dawdle(void)
{
    switch (chance_below(4)) {
    case 0:
        sim_sleep(chance_between(1, 4000) * US);
        break;
    case 1:
        sim_compute(chance_between(1, 2000) * US);
        break;
    case 2:
        about_to_block();
        iocp_blocking_begin();
        sim_sleep(chance_between(1, 4000) * US);
        iocp_blocking_end();
        break;
    default:
        schedule_point("a moment");
    }
}

/* A connection that is no listener, or, where there is none, NULL. */
static struct connection *any_connection(void)
{
    unsigned first = chance_below(CONNECTIONS_MAX);

    for (unsigned i = 0; i < trial.connection_count; i++) {
        struct connection *at = &trial.connections[(first + i) % trial.connection_count];

        if (!at->listens)
            return at;
    }
    return NULL;
}

static int draw_timeout(void)
{
    if (chance_one_in(16))
        return 1000;
    return chance_one_in(4) ? (int)chance_between(1, 20) : 0;
}

/* An idle exchange; a connect is begun once alone, by who made the connection. */
static struct exchange *claim(struct connection *connection, bool outward)
{
    if (!outward)
        return exchange_claim_idle(connection->exchanges[0], trial.exchanges_each_way);
    return exchange_claim_idle(connection->exchanges[1] + 1, trial.exchanges_each_way - 1);
}

static void begin_something(void)
{
    struct connection *connection = any_connection();
    struct exchange *exchange = connection != NULL ? claim(connection, chance_one_in(2)) : NULL;

    if (exchange != NULL)
        (void)exchange_begin(exchange, draw_timeout(), true);
}

/* As many as go: they are more than a channel's turn. */
static void begin_many(void)
{
    struct connection *connection = any_connection();
    bool outward = chance_one_in(2);

    for (unsigned i = chance_below(trial.exchanges_each_way); connection != NULL && i > 0; i--) {
        struct exchange *exchange = claim(connection, outward);

        if (exchange != NULL)
            (void)exchange_begin(exchange, draw_timeout(), true);
    }
}

static void accept_somebody(void)
{
    for (unsigned i = 0; i < trial.connection_count; i++) {
        struct connection *at = &trial.connections[i];
        struct exchange *exchange;

        if (!at->listens || (exchange = claim(at, false)) == NULL)
            continue;
        (void)exchange_begin(exchange, draw_timeout(), true);
        return;
    }
}

/* An operation without a callback, waited for by this thread. */
static void do_blocking(void)
{
    struct connection *connection = any_connection();
    struct exchange *exchange = connection != NULL ? claim(connection, chance_one_in(2)) : NULL;
    int64_t start_ns;
    int wait_ms;

    if (exchange == NULL || !exchange_begin(exchange, (int)chance_between(1, 20), false))
        return;
    about_to_block();
    if (exchange->has_event && chance_one_in(2) && iocp_event_wait(&exchange->done, 2000) != 0)
        schedule_fail("an operation's event was never set");
    while (chance_one_in(2)) {
        start_ns = schedule_now_ns();
        wait_ms = (int)chance_below(5);
        if (iocp_op_wait(&exchange->op.op, wait_ms) == -ETIMEDOUT &&
            schedule_now_ns() < start_ns + (int64_t)wait_ms * 1000 * US)
            schedule_fail("a wait for an operation ran out too early");
    }
    exchange_settle(exchange);
}

static void cancel_one(void)
{
    struct connection *connection = any_connection();
    struct exchange *exchange;
    int result;

    if (connection == NULL)
        return;
    exchange = &connection->exchanges[chance_below(2)][chance_below(trial.exchanges_each_way)];
    connection->disturbed = true;
    result = iocp_socket_cancel(connection->socket, &exchange->op.op);
    schedule_note("connection %u: cancel of one gives %d", connection->number, result);
    if (result != 1 && result != -ENOENT && !(result == -EBADF && connection->closing))
        schedule_fail("the cancel of one operation gave %d", result);
}

static void cancel_all(void)
{
    struct connection *connection = any_connection();

    if (connection == NULL)
        return;
    connection->disturbed = true;
    schedule_note("connection %u: cancel of all gives %d", connection->number,
                  iocp_socket_cancel(connection->socket, NULL));
}

static void disturb_everything(void)
{
    for (unsigned i = 0; i < trial.connection_count; i++)
        trial.connections[i].disturbed = true;
    schedule_note("everything is cancelled");
    trial.walks++;
    if (chance_one_in(2))
        iocp_port_cancel_all(trial.port);
    else
        iocp_port_cancel_receives(trial.port);
    trial.walks--;
}

static void close_one(void)
{
    struct connection *connection = any_connection();
    bool abort = chance_one_in(2);
    int result;

    if (connection == NULL || !chance_one_in(trial.close_odds))
        return;
    connection->disturbed = connection->closing = true;
    result = abort ? iocp_socket_abort(connection->socket) : iocp_socket_close(connection->socket);
    schedule_note("connection %u: close gives %d", connection->number, result);
    connection->closed_times += result == 0;
    if ((result != 0 && result != -EBADF) || connection->closed_times > 1)
        schedule_fail("close %u of a socket gave %d", connection->closed_times, result);
    if (result == 0 && abort && connection->stream->farewell != NET_SAW_RESET)
        schedule_fail("the peer of an aborted socket has not seen a reset");
}

static void shut_sending(void)
{
    struct connection *connection = any_connection();

    if (connection == NULL)
        return;
    connection->shutting = true;
    if (iocp_socket_shutdown(connection->socket, SHUT_WR) == 0)
        connection->shut = true;
}

static void post_packet(void)
{
    trial.packets_posted++;
    if (iocp_port_post(trial.port, 0, 0, NULL) < 0) {
        trial.packets_posted--;
        if (!trial.port_closing && fault_count(FAULT_MEMORY) == 0)
            schedule_fail("a packet could not be posted");
    }
}

static void post_callback(void)
{
    struct exchange *exchange = exchange_claim_idle(trial.posts, POSTS_MAX);

    if (exchange != NULL)
        (void)exchange_begin(exchange, 0, true);
}

/* Waiting threads and completions must not stand there side by side while nothing happens, and
 * nobody is merely kept from the processor. */
static void watch_the_port(void)
{
    struct iocp_port_statistics seen;
    size_t runs = trial.runs;

    for (int looks = 0; looks < 4; looks++) {
        if (looks > 0) {
            sim_sleep(3000 * US);
            if (!schedule_settle(schedule_now_ns() + 5000 * US))
                return;
        }
        iocp_port_read_statistics(trial.port, &seen);
        schedule_note("%zu queued, %u wait, %u run", seen.queued, seen.waiting, seen.running);
        if (seen.queued == 0 || seen.waiting == 0 || seen.running >= seen.concurrency ||
            trial.port_closing || trial.runs != runs)
            return;
    }
    schedule_fail("%zu completions wait beside %u threads, and only %u run", seen.queued,
                  seen.waiting, seen.running);
}

static void skip_on_success(void)
{
    struct connection *connection = any_connection();

    if (connection != NULL)
        iocp_socket_skip_on_success(connection->socket);
}

struct action {
    unsigned weight;
    void (*act)(void);
};

static const struct action actions[] = {
    {20, begin_something}, {4, accept_somebody}, {6, post_callback},  {3, post_packet},
    {9, do_blocking},      {5, cancel_one},      {3, cancel_all},     {1, disturb_everything},
    {4, close_one},        {1, shut_sending},    {2, watch_the_port}, {1, skip_on_success},
    {2, begin_many},
};

static unsigned total_weight(void)
{
    unsigned total = 0;

    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        total += actions[i].weight;
    return total;
}

void act(void)
{
    unsigned drawn = chance_below(total_weight());
    const struct action *action = actions;

    if (trial.over || trial.actions_left == 0)
        return;
    trial.actions_left--;
    for (; drawn >= action->weight; action++)
        drawn -= action->weight;
    action->act();
}
