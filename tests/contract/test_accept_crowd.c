/* test_accept_crowd.c - many accepts with first data at once, and ends that race with the data. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "own.h"
#include "scenery.h"

TestSuite(accept_crowd, .timeout = 120);

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ROUNDS 500
#else
#define ROUNDS 2000
#endif

#define CROWD 64

static struct contract contract;
static struct iocp_socket *listener;
static uint16_t port_number;

/* An accept of the crowd, and a client; which of them meet is the kernel's choice. */
static struct arrival {
    struct iocp_op op;
    unsigned completions;
    uint16_t said; /* what its client sent: the client's own port number */
    int client;
} arrivals[CROWD];

/* Take half of the completions of the crowd, which are to come to `error`. */
static void take_half(int error)
{
    for (size_t i = 0; i < CROWD / 2; i++) {
        struct iocp_completion completion = take_completion(&contract);
        struct arrival *arrival = iocp_op_context(completion.op);

        arrival->completions++;
        cr_expect(eq(int, completion.error, error));
        cr_expect(eq(sz, completion.count, error == 0 ? sizeof arrival->said : 0));
    }
    cr_expect(contract_is_quiet(&contract));
}

/* End an accept; returns its client's port number, which must be what the client has said. */
static uint16_t end(struct arrival *arrival)
{
    struct iocp_socket *accepted = NULL;
    struct sockaddr_storage address;

    if (iocp_end_accept(listener, &arrival->op, 0, &accepted) < 0)
        return 0;
    cr_assert(lt(int, 0, iocp_socket_remote_address(accepted, &address)));
    cr_expect(eq(u16, arrival->said, ntohs(((const struct sockaddr_in *)&address)->sin_port)));
    iocp_socket_free(accepted);
    return arrival->said;
}

/* The clients with even numbers speak, the others are silent. */
static void let_the_crowd_in(void)
{
    for (size_t i = 0; i < CROWD; i++)
        cr_assert(zero(int, iocp_begin_accept_receive(listener, &arrivals[i].op, &arrivals[i].said,
                                                      sizeof arrivals[i].said, iocp_no_callback,
                                                      &arrivals[i])));
    for (size_t i = 0; i < CROWD; i++) {
        arrivals[i].client = loopback_connect(port_number);
        uint16_t own_number = loopback_port(arrivals[i].client);
        if (i % 2 == 0)
            cr_assert(
                zero(int, loopback_write_all(arrivals[i].client, &own_number, sizeof own_number)));
    }
}

/* AC-09 */
EngineTest(accept_crowd, half_of_which_is_silent_gets_what_each_client_said_and_loses_nobody)
{
    unsigned served = 0;
    size_t descriptors = open_descriptor_count();

    contract_open(&contract, *engine, 0);
    listener = listen_at(&contract, &port_number);
    let_the_crowd_in();

    take_half(0);
    cr_expect(eq(int, iocp_socket_cancel(listener, NULL), CROWD / 2));
    take_half(-ECANCELED);

    for (size_t i = 0; i < CROWD; i++) {
        cr_expect(eq(uint, arrivals[i].completions, 1));
        served += end(&arrivals[i]) != 0;
    }
    cr_expect(eq(uint, served, CROWD / 2));
    for (size_t i = 0; i < CROWD; i++) {
        char byte;
        cr_expect(eq(long, loopback_read_all(arrivals[i].client, &byte, 1),
                     i % 2 == 0 ? 0 : -ECONNRESET));
        close(arrivals[i].client);
    }
    iocp_socket_free(listener);
    contract_close(&contract);
    cr_expect(eq(sz, open_descriptor_count(), descriptors), "descriptors have leaked");
}

/* Clients, one after the other, each with its number: 1 and so on. */
static struct {
    pthread_t thread;
    unsigned ended; /* orderly: they had been served */
    unsigned reset;
    int result; /* anything else that came */
    atomic_bool finished;
} clients;

static int run_client(uint32_t number)
{
    const struct timespec pause = {.tv_nsec = 500000 + (number * 7919 % 100) * 10000};
    int fd = loopback_try_connect(port_number);
    char byte;

    if (fd < 0) /* it was reset before it knew that it was connected */
        return fd;
    (void)nanosleep(&pause, NULL); /* aims at the end of the accept; nothing relies on a hit */
    ssize_t result = loopback_write_all(fd, &number, sizeof number);
    if (result == 0)
        result = loopback_read_all(fd, &byte, 1);
    close(fd);
    return (int)result;
}

static void *run_clients(void *argument)
{
    for (uint32_t number = 1; number <= ROUNDS; number++) {
        int result = run_client(number);

        clients.ended += result == 0;
        clients.reset += result == -ECONNRESET || result == -EPIPE;
        if (result > 0 || (result < 0 && result != -ECONNRESET && result != -EPIPE))
            clients.result = result;
    }
    atomic_store(&clients.finished, true);
    return argument;
}

static struct {
    struct iocp_event ran; /* auto-reset */
    atomic_uint runs;
} callbacks;

static void tell(struct iocp_op *op, void *context)
{
    (void)op;
    (void)context;
    atomic_fetch_add(&callbacks.runs, 1);
    iocp_event_set(&callbacks.ran);
}

/* Cancel the accept after a millisecond. */
static void cancel(struct iocp_op *op)
{
    int waited = iocp_op_wait(op, 1);
    int asked = iocp_socket_cancel(listener, op);

    cr_assert(asked == -ENOENT || (asked == 1 && waited == -ETIMEDOUT), "cancel returned %d",
              asked);
}

static void let_it_be(struct iocp_op *op)
{
    (void)op;
}

/* Accept while clients come, with something that ends most of the accepts; returns how many were
 * served. Every accept completes once; a client is served or sees a reset. */
static unsigned accept_against(struct iocp_op *op, void (*end_it)(struct iocp_op *op))
{
    unsigned served = 0, rounds = 0;
    uint32_t last = 0;

    for (; !atomic_load(&clients.finished); rounds++) {
        struct iocp_socket *accepted = NULL;
        uint32_t number = 0;

        cr_assert(
            zero(int, iocp_begin_accept_receive(listener, op, &number, sizeof number, tell, NULL)));
        end_it(op);
        cr_assert(zero(int, iocp_event_wait(&callbacks.ran, PATIENCE_MS)));
        int result = iocp_end_accept(listener, op, 0, &accepted);
        cr_assert(result == 0 || result == -ECANCELED || result == -ETIMEDOUT, "end returned %d",
                  result);
        if (result < 0)
            continue;
        cr_assert(eq(sz, iocp_op_count(op), sizeof number));
        cr_assert(lt(u32, last, number));
        last = number;
        served++;
        iocp_socket_free(accepted);
    }
    cr_expect(eq(uint, atomic_load(&callbacks.runs), rounds));
    return served;
}

static void race(size_t engine, struct iocp_op *op, void (*end_it)(struct iocp_op *op))
{
    size_t descriptors = open_descriptor_count();

    contract_open(&contract, engine, 2);
    listener = listen_at(&contract, &port_number);
    iocp_event_init(&callbacks.ran, IOCP_AUTO_RESET, false);
    cr_assert(zero(int, pthread_create(&clients.thread, NULL, run_clients, NULL)));

    unsigned served = accept_against(op, end_it);

    cr_assert(zero(int, pthread_join(clients.thread, NULL)));
    cr_expect(zero(int, clients.result));
    cr_expect(eq(uint, clients.ended, served));
    cr_expect(eq(uint, clients.ended + clients.reset, ROUNDS));
    iocp_socket_free(listener);
    contract_close(&contract);
    cr_expect(eq(sz, open_descriptor_count(), descriptors), "descriptors have leaked");
}

EngineTest(accept_crowd, against_cancels_gets_every_client_served_or_reset)
{
    struct iocp_op op = {0};

    race(*engine, &op, cancel);
}

EngineTest(accept_crowd, against_deadlines_gets_every_client_served_or_reset)
{
    struct iocp_op op = {0};

    iocp_op_set_timeout(&op, 1);
    race(*engine, &op, let_it_be);
}

EngineTest(accept_crowd, against_cancels_and_deadlines_gets_every_client_served_or_reset)
{
    struct iocp_op op = {0};

    iocp_op_set_timeout(&op, 1);
    race(*engine, &op, cancel);
}
