/* test_lifetime.c - ports, sockets and operations given up while others still hold them. */
/* SPDX-License-Identifier: MIT */
/*
 * Most of these can only go wrong when two threads meet at a bad moment. They are run in many
 * rounds, and it is the sanitizers that see what went wrong.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "own.h"
#include "port.h"
#include "scenery.h"
#include "taker.h"

TestSuite(lifetime, .timeout = 60);

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ROUNDS 1000
#else
#define ROUNDS 3000
#endif

static struct contract contract;
static struct connection connection;
static struct iocp_op op;
static char byte;

/* The end of a round. Only a reset leaves no port number behind that is not free for a minute:
 * all rounds together need more than there are. */
static void reset_connection(void)
{
    loopback_reset(connection.peer);
    iocp_socket_free(connection.socket);
}

/* Callbacks that free their socket */

/* An operation, its socket, and what it moves: all of it goes with the callback. */
struct session {
    struct iocp_op op;
    struct iocp_socket *socket;
    ssize_t expected;
    char byte;
};

static atomic_uint gone, wrong;

static void end_and_free(struct iocp_op *received, void *self)
{
    struct session *session = self;

    if (iocp_end_receive(session->socket, received) != session->expected)
        atomic_fetch_add(&wrong, 1);
    iocp_socket_free(session->socket);
    free(session);
    atomic_fetch_add(&gone, 1);
}

/* A session of a new connection, whose receive is to come to `expected`. */
static struct session *make_session(struct connection *its, ssize_t expected)
{
    struct session *session = calloc(1, sizeof *session);

    cr_assert(session != NULL);
    contract_connect(&contract, its);
    session->socket = its->socket;
    session->expected = expected;
    its->socket = NULL; /* the callback frees it */
    return session;
}

static int begin_session(struct session *session)
{
    return iocp_begin_receive(session->socket, &session->op, &session->byte, 1, end_and_free,
                              session);
}

static bool are_gone(void *count)
{
    return atomic_load(&gone) == *(unsigned *)count;
}

static void expect_gone(unsigned count)
{
    cr_assert(wait_until(are_gone, &count));
    cr_expect(zero(uint, atomic_load(&wrong)));
}

EngineTest(lifetime, a_callback_may_free_the_socket_that_another_thread_is_closing)
{
    contract_open(&contract, *engine, 3);

    for (int round = 0; round < ROUNDS; round++) {
        struct session *session = make_session(&connection, -ECANCELED);

        cr_assert(zero(int, begin_session(session)));
        cr_assert(zero(int, iocp_socket_close(session->socket)));
        reset_connection();
    }

    expect_gone(ROUNDS);
    contract_close(&contract);
}

EngineTest(lifetime, a_callback_may_free_the_socket_that_another_thread_is_cancelling)
{
    contract_open(&contract, *engine, 3);

    for (int round = 0; round < ROUNDS; round++) {
        struct session *session = make_session(&connection, -ECANCELED);

        cr_assert(zero(int, begin_session(session)));
        cr_assert(eq(int, iocp_socket_cancel(session->socket, NULL), 1));
        reset_connection();
    }

    expect_gone(ROUNDS);
    contract_close(&contract);
}

EngineTest(lifetime, a_callback_may_free_the_socket_whose_begin_has_not_returned)
{
    contract_open(&contract, *engine, 3);

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct session *session = make_session(&connection, 1);

        cr_assert(zero(int, loopback_write_all(connection.peer, "x", 1)));
        cr_assert(zero(int, begin_session(session)));
        expect_gone(round + 1);
        reset_connection();
    }

    contract_close(&contract);
}

EngineTest(lifetime, a_callback_may_free_the_socket_whose_deadline_has_passed)
{
    contract_open(&contract, *engine, 3);

    for (unsigned round = 0; round < ROUNDS / 5; round++) {
        struct session *session = make_session(&connection, -ETIMEDOUT);

        iocp_op_set_timeout(&session->op, 1);
        cr_assert(zero(int, begin_session(session)));
        expect_gone(round + 1);
        reset_connection();
    }

    contract_close(&contract);
}

/* Threads that outlive the port */

EngineTest(lifetime, a_thread_that_waits_again_at_a_freed_port_is_refused)
{
    struct taker taker;

    contract_open(&contract, *engine, 0);
    taker_start(&taker);
    taker_go_and_wait(&taker, contract.port);
    cr_assert(zero(int, iocp_port_post(contract.port, 0, 0, NULL)));
    cr_assert(zero(int, taker_result(&taker))); /* it counts as running, so it may come back */

    iocp_port_free(contract.port);

    for (int i = 0; i < 3; i++) {
        taker_go(&taker, contract.port, i == 0 ? 0 : IOCP_INFINITE);
        cr_expect(eq(int, taker_result(&taker), -EBADF));
    }
    taker_end(&taker);
}

EngineTest(lifetime, threads_that_wait_again_while_the_port_is_freed_are_refused)
{
    struct taker takers[2];

    for (size_t i = 0; i < 2; i++)
        taker_start(&takers[i]);
    for (int round = 0; round < ROUNDS / 10; round++) {
        contract_open(&contract, *engine, 0);
        for (size_t i = 0; i < 2; i++) {
            taker_go(&takers[i], contract.port, 0);
            cr_assert(eq(int, taker_result(&takers[i]), -ETIMEDOUT));
        }

        for (size_t i = 0; i < 2; i++)
            taker_go(&takers[i], contract.port, IOCP_INFINITE);
        iocp_port_free(contract.port);

        for (size_t i = 0; i < 2; i++) {
            int result = taker_result(&takers[i]);

            cr_expect(result == -EBADF || result == -ESHUTDOWN, "round %d: %d", round, result);
        }
    }
    for (size_t i = 0; i < 2; i++)
        taker_end(&takers[i]);
}

/* Its sockets are due to be looked after: that is done before it waits. */
EngineTest(lifetime, a_thread_that_looks_after_its_sockets_while_the_port_is_freed_is_refused)
{
    struct taker taker;

    taker_start(&taker);
    for (int round = 0; round < ROUNDS / 10; round++) {
        contract_open(&contract, *engine, 0);
        taker_go_and_wait(&taker, contract.port);
        cr_assert(zero(int, iocp_port_post(contract.port, 0, 0, NULL)));
        cr_assert(zero(int, taker_result(&taker)));
        for (const int64_t back_ns = clock_coarse_ns(); clock_coarse_ns() - back_ns < GLANCE_NS;)
            continue;

        taker_go(&taker, contract.port, IOCP_INFINITE);
        for (volatile int i = 0; i < round * 10; i++)
            continue;
        iocp_port_free(contract.port);

        int result = taker_result(&taker);
        cr_expect(result == -EBADF || result == -ESHUTDOWN, "round %d: %d", round, result);
    }
    taker_end(&taker);
}

/* Closing the port */

EngineTest(lifetime, an_accept_ended_after_the_port_was_closed_closes_the_connection)
{
    struct iocp_socket *accepted = NULL;
    uint16_t port_number;

    contract_open(&contract, *engine, 0);
    struct iocp_socket *listener = listen_at(&contract, &port_number);
    cr_assert(zero(int, iocp_begin_accept(listener, &op, iocp_no_callback, NULL)));
    int client = loopback_connect(port_number);
    cr_assert(eq(ptr, take_completion(&contract).op, &op));

    (void)iocp_port_close(contract.port);

    cr_expect(eq(int, iocp_end_accept(listener, &op, 0, &accepted), -ESHUTDOWN));
    cr_expect(eq(ptr, accepted, NULL));
    cr_expect(zero(long, loopback_read_all(client, &byte, 1)), "the client sees no end");
    close(client);
    iocp_socket_free(listener);
    contract_close(&contract);
}

EngineTest(lifetime, an_accept_ended_after_its_listener_was_freed_and_the_port_closed_fails)
{
    struct iocp_socket *accepted = NULL;
    uint16_t port_number;

    contract_open(&contract, *engine, 0);
    struct iocp_socket *listener = listen_at(&contract, &port_number);
    cr_assert(zero(int, iocp_begin_accept(listener, &op, iocp_no_callback, NULL)));
    int client = loopback_connect(port_number);
    cr_assert(eq(ptr, take_completion(&contract).op, &op));

    iocp_socket_free(listener);
    (void)iocp_port_close(contract.port);

    cr_expect(eq(int, iocp_end_accept(listener, &op, 0, &accepted), -ESHUTDOWN));
    cr_expect(zero(long, loopback_read_all(client, &byte, 1)), "the client sees no end");
    close(client);
    contract_close(&contract);
}

static atomic_uint callbacks_run;

static void count_callback(struct iocp_op *completed, void *context)
{
    (void)completed;
    (void)context;
    atomic_fetch_add(&callbacks_run, 1);
}

EngineTest(lifetime, closing_the_port_cancels_operations_of_every_kind)
{
    struct iocp_op receive = {0}, send = {0}, accept = {0}, connect = {0};
    struct iocp_socket *accepted = NULL;
    uint16_t port_number;
    int full[2];

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    struct iocp_socket *listener = listen_at(&contract, &port_number);
    struct iocp_socket *client = unconnected_socket(&contract);
    fill_listener(full);
    begin_connect_to(client, &connect, loopback_port(full[0]));
    begin_stuck_send(&contract, &connection, &send, stuck_bytes());
    cr_assert(zero(
        int, iocp_begin_receive(connection.socket, &receive, &byte, 1, iocp_no_callback, NULL)));
    cr_assert(zero(int, iocp_begin_accept(listener, &accept, NULL, NULL)));

    cr_expect(zero(sz, iocp_port_close(contract.port)), "what is in flight was not queued");

    cr_expect(eq(long, iocp_end_receive(connection.socket, &receive), -ECANCELED));
    cr_expect(eq(long, iocp_end_send(connection.socket, &send), -ECANCELED));
    cr_expect(eq(int, iocp_end_accept(listener, &accept, 0, &accepted), -ECANCELED));
    cr_expect(eq(int, iocp_end_connect(client, &connect), -ECANCELED));
    iocp_socket_free(client);
    iocp_socket_free(listener);
    close(full[0]);
    close(full[1]);
    contract_disconnect(&connection);
    contract_close(&contract);
}

EngineTest(lifetime, closing_the_port_cancels_and_runs_no_callback)
{
    contract_open(&contract, *engine, 2);
    contract_connect(&contract, &connection);
    cr_assert(
        zero(int, iocp_begin_receive(connection.socket, &op, &byte, 1, count_callback, NULL)));

    (void)iocp_port_close(contract.port);

    cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ECANCELED));
    contract_disconnect(&connection);
    contract_close(&contract); /* the workers have ended */
    cr_expect(zero(uint, atomic_load(&callbacks_run)));
}

/* A thread that ends receives and frees each at once. */
#define ENDED 4

struct ender {
    pthread_t thread;
    pthread_barrier_t *start;
    struct iocp_socket *socket;
    struct session *sessions[ENDED];
    ssize_t results[ENDED];
};

static void *end_all(void *self)
{
    struct ender *ender = self;

    pthread_barrier_wait(ender->start);
    for (size_t i = 0; i < ENDED; i++) {
        ender->results[i] = iocp_end_receive(ender->socket, &ender->sessions[i]->op);
        free(ender->sessions[i]);
    }
    return NULL;
}

/* Receives in flight on the connection, and the thread that ends them. */
static void start_ender(struct ender *ender, pthread_barrier_t *start, iocp_callback *callback)
{
    ender->start = start;
    ender->socket = connection.socket;
    for (size_t i = 0; i < ENDED; i++) {
        struct session *session = ender->sessions[i] = calloc(1, sizeof *session);

        cr_assert(session != NULL);
        cr_assert(zero(int, iocp_begin_receive(ender->socket, &session->op, &session->byte, 1,
                                               callback, NULL)));
    }
    cr_assert(zero(int, pthread_create(&ender->thread, NULL, end_all, ender)));
}

static void expect_cancelled(struct ender *ender)
{
    cr_assert(zero(int, pthread_join(ender->thread, NULL)));
    for (size_t i = 0; i < ENDED; i++)
        cr_expect(eq(long, ender->results[i], -ECANCELED));
}

static void free_what_the_closed_port_cancelled(size_t engine, iocp_callback *callback)
{
    pthread_barrier_t start;

    pthread_barrier_init(&start, NULL, 2);
    for (int round = 0; round < ROUNDS; round++) {
        struct ender ender;

        contract_open(&contract, engine, 0);
        contract_connect(&contract, &connection);
        start_ender(&ender, &start, callback);

        pthread_barrier_wait(&start);
        cr_expect(zero(sz, iocp_port_close(contract.port)));

        expect_cancelled(&ender);
        reset_connection();
        contract_close(&contract);
    }
    pthread_barrier_destroy(&start);
}

EngineTest(lifetime, an_end_may_free_what_the_closed_port_cancelled)
{
    free_what_the_closed_port_cancelled(*engine, NULL);
}

EngineTest(lifetime, an_end_may_free_what_the_closed_port_cancelled_though_it_has_a_callback)
{
    free_what_the_closed_port_cancelled(*engine, count_callback);

    cr_expect(zero(uint, atomic_load(&callbacks_run)));
}

/* A thread that closes a socket. */
struct closer {
    pthread_t thread;
    pthread_barrier_t *start;
    struct iocp_socket *socket;
    int result;
};

static void *close_it(void *self)
{
    struct closer *closer = self;

    pthread_barrier_wait(closer->start);
    closer->result = iocp_socket_close(closer->socket);
    return NULL;
}

EngineTest(lifetime, an_end_may_free_what_the_port_and_the_socket_cancel_at_once)
{
    pthread_barrier_t start;

    pthread_barrier_init(&start, NULL, 3);
    for (int round = 0; round < ROUNDS / 2; round++) {
        struct ender ender;

        contract_open(&contract, *engine, 0);
        contract_connect(&contract, &connection);
        struct closer closer = {.start = &start, .socket = connection.socket};
        start_ender(&ender, &start, NULL);
        cr_assert(zero(int, pthread_create(&closer.thread, NULL, close_it, &closer)));

        pthread_barrier_wait(&start);
        iocp_port_free(contract.port);

        cr_assert(zero(int, pthread_join(closer.thread, NULL)));
        cr_expect(zero(int, closer.result));
        expect_cancelled(&ender);
        reset_connection();
    }
    pthread_barrier_destroy(&start);
}

/* A thread that begins and ends receives until one is refused. */
struct beginner {
    pthread_t thread;
    pthread_barrier_t *start;
    struct iocp_socket *socket;
    int refusal;
    unsigned wrong_ends;
};

static void *begin_and_end(void *self)
{
    struct beginner *beginner = self;
    struct iocp_op receive = {0};
    char received;

    pthread_barrier_wait(beginner->start);
    while ((beginner->refusal =
                iocp_begin_receive(beginner->socket, &receive, &received, 1, NULL, NULL)) == 0) {
        if (iocp_end_receive(beginner->socket, &receive) != -ECANCELED)
            beginner->wrong_ends++;
    }
    return NULL;
}

EngineTest(lifetime, a_begin_against_the_close_of_its_port_is_refused_or_cancelled)
{
    pthread_barrier_t start;

    pthread_barrier_init(&start, NULL, 2);
    for (int round = 0; round < ROUNDS; round++) {
        contract_open(&contract, *engine, 0);
        contract_connect(&contract, &connection);
        struct beginner beginner = {.start = &start, .socket = connection.socket};
        cr_assert(zero(int, pthread_create(&beginner.thread, NULL, begin_and_end, &beginner)));

        pthread_barrier_wait(&start);
        (void)iocp_port_close(contract.port);

        cr_assert(zero(int, pthread_join(beginner.thread, NULL)));
        cr_expect(eq(int, beginner.refusal, -ESHUTDOWN));
        cr_expect(zero(uint, beginner.wrong_ends));
        reset_connection();
        contract_close(&contract);
    }
    pthread_barrier_destroy(&start);
}

/* After the port */

EngineTest(lifetime, every_begin_after_the_port_is_closed_is_refused)
{
    struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint16_t port_number;

    contract_open(&contract, *engine, 0);
    contract_connect(&contract, &connection);
    struct iocp_socket *listener = listen_at(&contract, &port_number);
    struct iocp_socket *client = unconnected_socket(&contract);
    nowhere.sin_port = htons(port_number);

    (void)iocp_port_close(contract.port);

    cr_expect(
        eq(int, iocp_begin_receive(connection.socket, &op, &byte, 1, NULL, NULL), -ESHUTDOWN));
    cr_expect(
        eq(int, iocp_begin_send(connection.socket, &op, "x", 1, count_callback, NULL), -ESHUTDOWN));
    cr_expect(eq(int, iocp_begin_accept(listener, &op, count_callback, NULL), -ESHUTDOWN));
    cr_expect(eq(int,
                 iocp_begin_connect(client, &op, (const struct sockaddr *)&nowhere, sizeof nowhere,
                                    count_callback, NULL),
                 -ESHUTDOWN));
    cr_expect(eq(int, iocp_port_post(contract.port, 0, 0, NULL), -ESHUTDOWN));
    cr_expect(
        eq(int, iocp_port_post_callback(contract.port, &op, 0, count_callback, NULL), -ESHUTDOWN));
    cr_expect(not(iocp_op_completed(&op)));
    iocp_socket_free(client);
    iocp_socket_free(listener);
    contract_disconnect(&connection);
    contract_close(&contract);
    cr_expect(zero(uint, atomic_load(&callbacks_run)));
}

EngineTest(lifetime, a_closed_port_takes_no_more_sockets_and_keeps_no_descriptor_of_theirs)
{
    struct iocp_socket *refused = NULL;
    int ends[2];

    contract_open(&contract, *engine, 0);
    loopback_pair(ends);
    size_t descriptors = open_descriptor_count();

    (void)iocp_port_close(contract.port);

    cr_expect(eq(int, iocp_socket_create(contract.port, AF_INET, 0, &refused), -ESHUTDOWN));
    cr_expect(eq(int, iocp_socket_adopt(contract.port, ends[0], 0, &refused), -ESHUTDOWN));
    cr_expect(eq(int, iocp_socket_adopt_accepted(contract.port, ends[0], 0, &refused), -ESHUTDOWN));
    cr_expect(eq(ptr, refused, NULL));
    cr_expect(eq(sz, open_descriptor_count(), descriptors));
    cr_expect(zero(int, close(ends[0]))); /* it stayed the caller's */
    cr_expect(zero(int, close(ends[1])));
    contract_close(&contract);
}

/* Every order in which each is closed before it is freed. */
enum step { CLOSE_PORT, FREE_PORT, CLOSE_SOCKET, FREE_SOCKET };

#define STEPS 4

static const enum step orders[][STEPS] = {
    {CLOSE_PORT, FREE_PORT, CLOSE_SOCKET, FREE_SOCKET},
    {CLOSE_PORT, CLOSE_SOCKET, FREE_PORT, FREE_SOCKET},
    {CLOSE_PORT, CLOSE_SOCKET, FREE_SOCKET, FREE_PORT},
    {CLOSE_SOCKET, CLOSE_PORT, FREE_PORT, FREE_SOCKET},
    {CLOSE_SOCKET, CLOSE_PORT, FREE_SOCKET, FREE_PORT},
    {CLOSE_SOCKET, FREE_SOCKET, CLOSE_PORT, FREE_PORT},
};

static void take_step(enum step step, struct iocp_port *port, struct iocp_socket *socket)
{
    switch (step) {
    case CLOSE_PORT:
        (void)iocp_port_close(port);
        break;
    case FREE_PORT:
        iocp_port_free(port);
        break;
    case CLOSE_SOCKET:
        cr_expect(zero(int, iocp_socket_close(socket)));
        break;
    case FREE_SOCKET:
        iocp_socket_free(socket);
        break;
    }
}

EngineTest(lifetime, port_and_socket_may_be_closed_and_freed_in_any_order)
{
    const size_t descriptors = open_descriptor_count();

    for (size_t order = 0; order < sizeof orders / sizeof *orders; order++) {
        contract_open(&contract, *engine, 0);
        contract_connect(&contract, &connection);
        cr_assert(zero(int, iocp_begin_receive(connection.socket, &op, &byte, 1, NULL, NULL)));

        for (size_t i = 0; i < STEPS; i++)
            take_step(orders[order][i], contract.port, connection.socket);

        cr_expect(eq(long, iocp_end_receive(connection.socket, &op), -ECANCELED));
        close(connection.peer);
        cr_expect(eq(sz, open_descriptor_count(), descriptors), "order %zu", order);
    }
}

EngineTest(lifetime, sockets_are_freed_in_any_order_after_their_port)
{
    const size_t descriptors = open_descriptor_count();
    struct connection connections[3];
    static const size_t order[3] = {1, 0, 2};

    contract_open(&contract, *engine, 2);
    for (size_t i = 0; i < 3; i++)
        contract_connect(&contract, &connections[i]);
    contract_close(&contract);

    for (size_t i = 0; i < 3; i++)
        contract_disconnect(&connections[order[i]]);

    cr_expect(eq(sz, open_descriptor_count(), descriptors));
}
