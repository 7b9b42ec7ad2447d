/* trial.c - the course of one seed: what is drawn for it, how it is set up and how it ends. */
/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#include "chance.h"
#include "fault.h"
#include "locks.h"
#include "pace.h"
#include "schedule.h"

enum ending {
    AFTER_ALL,  /* everything is closed or cancelled, and waited for */
    DISCARDING, /* the pool drops what the port holds */
    CLOSING,    /* the port is closed with things in flight */
    ENDINGS,
};

enum { ROUNDS_UNTIL_QUIET = 400 };

struct trial trial;

static pthread_t takers[TAKERS_MAX], actors[ACTORS_MAX];
static unsigned actor_count;

/* A thread of the trial's own that takes completions, in a batch or one by one. */
static void *take(void *unused)
{
    struct iocp_completion completions[4];
    size_t capacity = chance_between(1, 4);
    int count;

    do {
        int timeout_ms = chance_one_in(2) ? IOCP_INFINITE : (int)chance_below(10);

        count = iocp_port_wait_many(trial.port, completions, capacity, timeout_ms);
        if (count > 0)
            batch_enter();
        for (int i = 0; i < count; i++) {
            if (completions[i].callback != NULL)
                completions[i].callback(completions[i].op, iocp_op_context(completions[i].op));
            else
                trial.packets_met++;
        }
        if (count > 0)
            batch_leave();
    } while (count > 0 || count == -ETIMEDOUT);
    if (count != -ESHUTDOWN && count != -EBADF)
        schedule_fail("a wait at the port gave %d", count);
    return unused;
}

static void *play_actor(void *unused)
{
    while (!trial.over && trial.actions_left > 0) {
        act();
        if (chance_one_in(3))
            sim_sleep(chance_between(1, 3000) * INT64_C(1000));
    }
    return unused;
}

static void draw_faults(void)
{
    fault_clear_all();
    fault_set_odds(FAULT_INTERRUPT, chance_one_in(2) ? 0 : 16);
    fault_set_odds(FAULT_SHORT_SEND, chance_one_in(2) ? 0 : chance_between(1, 4));
}

/* Once the trial stands; the setting up itself may not fail. */
static void draw_scarcity(void)
{
    fault_set_odds(FAULT_DESCRIPTOR, chance_one_in(4) ? 6 : 0);
    fault_set_odds(FAULT_WATCH, chance_one_in(8) ? 6 : 0);
    fault_set_odds(FAULT_MEMORY, chance_one_in(8) ? 6 : 0);
}

static void draw_welcome(void)
{
    struct net_welcome welcome = {
        .delay_us_max = chance_between(1, 4000),
        .at_once_odds = 8,
        .refused_odds = 3,
        .unanswered_odds = 8,
    };

    draw_script(&welcome.script);
    net_set_welcome(&welcome);
}

static struct iocp_socket *open_connected(void)
{
    struct net_script script;
    struct iocp_socket *socket;
    int descriptor;

    draw_script(&script);
    descriptor = net_open_connected(&script);
    if (descriptor < 0 || iocp_socket_adopt(trial.port, descriptor, 0, &socket) < 0)
        schedule_fail("a connection could not be made");
    return socket;
}

static struct iocp_socket *create_socket(void)
{
    struct iocp_socket *socket;

    if (iocp_socket_create(trial.port, AF_INET, 0, &socket) < 0)
        schedule_fail("a socket could not be made");
    return socket;
}

static void open_listener(void)
{
    struct iocp_socket *socket = create_socket();
    struct connection *listener;
    const struct sockaddr_in address = {.sin_family = AF_INET};

    if (iocp_socket_bind(socket, (const struct sockaddr *)(const void *)&address, sizeof address) <
            0 ||
        iocp_socket_listen(socket, 8) < 0)
        schedule_fail("a socket could not listen");
    listener = connection_make(socket, EXCHANGE_ACCEPT, EXCHANGE_SEND);
    for (unsigned i = chance_below(6); i > 0; i--) {
        struct net_script script;

        draw_script(&script);
        net_call_at(listener->stream, chance_below(20000) * INT64_C(1000), &script);
    }
}

static void open_client(void)
{
    struct connection *client =
        connection_make(create_socket(), EXCHANGE_RECEIVE, EXCHANGE_CONNECT);
    struct exchange *exchange = &client->exchanges[1][0];

    exchange->claimed = true;
    (void)exchange_begin(exchange, chance_one_in(3) ? 10 : 0, true);
}

/* What cannot be made for want of something leaves nothing behind. */
static void fail_to_start(const char *engine)
{
    static const enum fault faults[] = {FAULT_DESCRIPTOR, FAULT_MEMORY, FAULT_THREAD};
    struct iocp_port *port;
    struct iocp_pool *pool;

    for (unsigned i = 0; i < 3; i++)
        fault_set_odds(faults[i], 3);
    if (iocp_port_create(engine, trial.concurrency, &port) == 0) {
        if (iocp_pool_create(port, TAKERS_MAX, &pool) == 0) {
            if (iocp_pool_stop(pool, IOCP_DISCARD) != 0)
                schedule_fail("a pool without anything to do dropped something");
            iocp_pool_free(pool);
        }
        iocp_port_free(port);
    }
    fault_clear_all();
}

static void start_takers(bool pool)
{
    if (pool) {
        if (iocp_pool_create(trial.port, trial.takers, &trial.pool) < 0)
            schedule_fail("no pool");
        return;
    }
    for (unsigned i = 0; i < trial.takers; i++)
        if (pthread_create(&takers[i], NULL, take, NULL) != 0)
            schedule_fail("no thread to take");
}

static void set_up(const char *engine)
{
    static const char *const engines[] = {"sim", "sim", "epoll", "epoll", "blocking"};
    bool takers_first = chance_one_in(2), pool = chance_one_in(2);

    trial.takers = chance_between(1, TAKERS_MAX);
    trial.concurrency = chance_between(1, 3);
    trial.actions_left = chance_between(10, 120);
    trial.exchanges_each_way = chance_one_in(4) ? EXCHANGES_EACH_WAY : chance_between(2, 4);
    trial.close_odds = chance_between(1, 12);
    if (engine == NULL)
        engine = engines[chance_below(5)];
    iocp_event_init(&trial.quiet, IOCP_AUTO_RESET, false);
    draw_welcome();
    schedule_note("engine %s, %u takers%s, concurrency %u, %u actions", engine, trial.takers,
                  pool ? " in a pool" : "", trial.concurrency, trial.actions_left);
    if (chance_one_in(8))
        fail_to_start(engine);
    draw_faults();
    if (iocp_port_create(engine, trial.concurrency, &trial.port) < 0)
        schedule_fail("no port");
    if (takers_first)
        start_takers(pool);
    for (unsigned i = chance_between(1, 3); i > 0; i--)
        connection_make(open_connected(), EXCHANGE_RECEIVE, EXCHANGE_SEND);
    for (unsigned i = chance_below(3); i > 0; i--)
        echo_make(open_connected(), NULL, 0);
    if (chance_one_in(3))
        open_listener();
    if (chance_one_in(3))
        open_client();
    if (!takers_first)
        start_takers(pool);
}

static void join_actors(void)
{
    while (actor_count > 0)
        pthread_join(actors[--actor_count], NULL);
}

static void end_takers(void)
{
    if (trial.pool == NULL) {
        trial.port_closing = true;
        iocp_port_close(trial.port);
        for (unsigned i = 0; i < trial.takers; i++)
            pthread_join(takers[i], NULL);
    }
}

static void disturb_all(void)
{
    for (unsigned i = 0; i < trial.connection_count; i++)
        trial.connections[i].disturbed = true;
}

static void close_some(void)
{
    for (unsigned i = 0; i < trial.connection_count; i++) {
        struct connection *connection = &trial.connections[i];

        if (connection->closing || chance_one_in(2))
            continue;
        connection->closing = true;
        iocp_socket_close(connection->socket);
    }
}

/* Cancel until nothing is in flight; what was begun and is lost shows here. */
static void quiet_down(void)
{
    disturb_all();
    close_some();
    for (int rounds = 0; trial.in_flight > 0; rounds++) {
        if (rounds == ROUNDS_UNTIL_QUIET)
            schedule_fail("%zu operations never completed", trial.in_flight);
        iocp_port_cancel_all(trial.port);
        (void)!iocp_event_wait(&trial.quiet, 10);
    }
}

static size_t packets_met_by_pool(void)
{
    struct iocp_worker_statistics statistics;
    size_t packets = 0;

    for (unsigned i = 0; i < iocp_pool_size(trial.pool); i++) {
        if (iocp_pool_read_statistics(trial.pool, i, &statistics) < 0)
            schedule_fail("a worker has no statistics");
        packets += (size_t)statistics.packets;
    }
    return packets;
}

static size_t stop_pool(enum iocp_stop how)
{
    long dropped = iocp_pool_stop(trial.pool, how);

    if (dropped < 0 || (how == IOCP_DRAIN && dropped > 0))
        schedule_fail("the pool's stop gave %ld", dropped);
    trial.packets_met += packets_met_by_pool();
    iocp_pool_free(trial.pool);
    return (size_t)dropped;
}

static void end_after_all(void)
{
    join_actors();
    if (chance_one_in(2))
        await_what_is_owed();
    trial.over = true;
    quiet_down();
    if (trial.pool != NULL)
        (void)stop_pool(IOCP_DRAIN);
    end_takers();
    if (trial.pool != NULL && trial.packets_met != trial.packets_posted)
        schedule_fail("of %zu packets %zu came out", trial.packets_posted, trial.packets_met);
}

static void end_discarding(void)
{
    struct iocp_completion completion;
    size_t due, dropped;

    join_actors();
    trial.over = true;
    dropped = stop_pool(IOCP_DISCARD);
    disturb_all();
    for (unsigned i = 0; i < trial.connection_count; i++)
        iocp_socket_close(trial.connections[i].socket);
    for (unsigned i = 0; i < trial.echo_count; i++)
        if (trial.echoes[i].socket != NULL)
            iocp_socket_close(trial.echoes[i].socket);
    while (iocp_port_wait(trial.port, &completion, 0) == 0)
        dropped++;
    due = trial.in_flight + trial.packets_posted - trial.packets_met;
    if (dropped != due)
        schedule_fail("of %zu completions %zu came out", due, dropped);
}

static void end_closing(void)
{
    if (chance_one_in(2))
        join_actors();
    else
        sim_sleep(chance_below(10000) * INT64_C(1000));
    trial.over = trial.port_closing = true;
    disturb_all();
    iocp_port_close(trial.port);
    if (trial.pool != NULL)
        (void)stop_pool(chance_one_in(2) ? IOCP_DRAIN : IOCP_DISCARD);
    else
        end_takers();
    join_actors();
}

/* Operations whose callback was dropped can be ended all the same. */
static void settle_dropped(void)
{
    for (unsigned i = 0; i < trial.connection_count; i++)
        for (unsigned j = 0; j < 2 * EXCHANGES_EACH_WAY; j++) {
            struct exchange *exchange = &(&trial.connections[i].exchanges[0][0])[j];

            if (exchange->claimed && exchange->run + 1 == exchange->begun)
                exchange_settle(exchange);
        }
    for (unsigned i = 0; i < trial.echo_count; i++) {
        struct echo *echo = &trial.echoes[i];

        if (echo->socket != NULL && echo->run + 1 == echo->begun)
            (void)(echo->sending ? iocp_end_send(echo->socket, &echo->op)
                                 : iocp_end_receive(echo->socket, &echo->op));
        iocp_socket_free(echo->socket);
    }
}

static void check_everything(void)
{
    for (unsigned i = 0; i < trial.connection_count; i++)
        connection_check(&trial.connections[i]);
    for (unsigned i = 0; i < trial.echo_count; i++)
        echo_check(&trial.echoes[i]);
    for (unsigned i = 0; i < trial.connection_count; i++)
        connection_free(&trial.connections[i]);
}

static void act_and_end(enum ending ending)
{
    bool has_duet = chance_one_in(4);

    draw_scarcity();
    if (has_duet)
        duet_start();
    actor_count = chance_between(1, ACTORS_MAX);
    for (unsigned i = 0; i < actor_count; i++)
        if (pthread_create(&actors[i], NULL, play_actor, NULL) != 0)
            schedule_fail("no thread to act");
    if (has_duet)
        duet_join();
    if (ending == DISCARDING && trial.pool != NULL)
        end_discarding();
    else if (ending == CLOSING)
        end_closing();
    else
        end_after_all();
}

void *trial_play(void *engine)
{
    enum ending ending = chance_below(ENDINGS);

    memset(&trial, 0, sizeof trial);
    pace_draw();
    locks_choose(chance_one_in(2));
    set_up(engine);
    act_and_end(ending);
    settle_dropped();
    check_everything();
    iocp_port_free(trial.port);
    iocp_event_destroy(&trial.quiet);
    return NULL;
}
