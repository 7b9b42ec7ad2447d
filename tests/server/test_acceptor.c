/* test_acceptor.c - how many clients it lets in while no worker has time for them. */
/* SPDX-License-Identifier: MIT */
#include "acceptor.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../end_to_end/client.h"
#include "contract.h"
#include "handler.h"
#include "own.h"
#include "taker.h"

#define WORKERS 2
#define BEYOND  20
#define CLIENTS (SESSIONS_UNOPENED_MAX + BEYOND)

TestSuite(acceptor, .timeout = 60);

static struct contract contract;
static struct sessions sessions;
static struct listener listener;
static struct acceptor acceptor;
static struct iocp_event gate;

static void open_acceptor(size_t engine)
{
    contract_open(&contract, engine, WORKERS);
    sessions = (struct sessions){
        .port = contract.port,
        .handler = handler_at(0),
        .max = 2 * CLIENTS,
    };
    handler_rules_init(&sessions.rules, FRAMING_AT_EITHER, 1000, NULL, NULL);
    cr_assert(zero(int, sessions_init(&sessions)));
    listener.fd = loopback_listen();
    cr_assert(zero(int, fcntl(listener.fd, F_SETFL, O_NONBLOCK)));
    acceptor = (struct acceptor){
        .sessions = &sessions,
        .listeners = &listener,
        .listener_count = 1,
    };
}

static void close_acceptor(void)
{
    acceptor_stop(&acceptor);
    sessions_stop(&sessions, 0);
    contract_close(&contract);
    sessions_destroy(&sessions);
    close(listener.fd);
}

static void stay_inside(struct iocp_op *op, void *result)
{
    (void)op;
    *(int *)result = iocp_event_wait(&gate, PATIENCE_MS);
}

static bool all_workers_are_inside(void *unused)
{
    struct iocp_port_statistics now = port_statistics(contract.port);

    (void)unused;
    return now.waiting == 0 && now.running == 0 && now.queued == 0;
}

/* How many clients stand in the kernel's backlog. */
static size_t backlog(void)
{
    struct tcp_info of_listener;
    socklen_t length = sizeof of_listener;

    cr_assert(zero(int, getsockopt(listener.fd, IPPROTO_TCP, TCP_INFO, &of_listener, &length)));
    return of_listener.tcpi_unacked;
}

static bool backlog_is(void *size)
{
    return backlog() == *(const size_t *)size;
}

/* The last one is posted a moment after it was accepted. */
static bool queue_is_full(void *unused)
{
    (void)unused;
    return port_statistics(contract.port).queued == SESSIONS_UNOPENED_MAX;
}

static bool is_left_waiting(int client)
{
    struct pollfd answer = {.fd = client, .events = POLLIN};

    return poll(&answer, 1, QUIET_MS) == 0;
}

/* AC-13 */
EngineTest(acceptor, with_all_workers_busy_stops_at_the_bound_and_goes_on_when_one_has_time)
{
    struct iocp_op ops[WORKERS] = {0};
    int results[WORKERS], clients[CLIENTS];
    size_t beyond = BEYOND, none = 0;

    allow_descriptors(2 * CLIENTS + 100);
    open_acceptor(*engine);
    iocp_event_init(&gate, IOCP_MANUAL_RESET, false);
    for (size_t i = 0; i < WORKERS; i++)
        cr_assert(zero(
            int, iocp_port_post_callback(contract.port, &ops[i], 0, stay_inside, &results[i])));
    cr_assert(wait_until(all_workers_are_inside, NULL));

    cr_assert(zero(int, acceptor_start(&acceptor)));
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i] = loopback_connect(loopback_port(listener.fd));
    cr_assert(wait_until(backlog_is, &beyond));
    cr_assert(wait_until(queue_is_full, NULL));
    cr_expect(is_left_waiting(clients[CLIENTS - 1]));
    cr_expect(eq(sz, backlog(), BEYOND), "nor later");
    cr_expect(queue_is_full(NULL), "nor later");

    iocp_event_set(&gate);
    cr_expect(wait_until(backlog_is, &none));
    for (size_t i = 0; i < CLIENTS; i++)
        client_send(clients[i], "m<EOF>", 6);
    for (size_t i = 0; i < CLIENTS; i++) {
        char echo[8];

        cr_expect(eq(long, client_receive_all(clients[i], echo, sizeof echo), 6));
        close(clients[i]);
    }
    close_acceptor();
    for (size_t i = 0; i < WORKERS; i++)
        cr_expect(zero(int, results[i]));
    iocp_event_destroy(&gate);
}

/* The listener does not block, and a client may be there only a moment after its connect. */
static int accept_from(const struct listener *from)
{
    struct pollfd client = {.fd = from->fd, .events = POLLIN};

    cr_assert(eq(int, poll(&client, 1, PATIENCE_MS), 1));
    return accept4(from->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Of the first thread with that name; -1: there is none. */
static int policy_of(const char *thread_name)
{
    DIR *threads = opendir("/proc/self/task");
    int policy = -1;

    cr_assert_not_null(threads);
    for (const struct dirent *entry; policy < 0 && (entry = readdir(threads)) != NULL;) {
        char path[300], name[32] = "";

        (void)snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *comm = fopen(path, "r");
        if (comm && fgets(name, sizeof name, comm) && strcmp(name, thread_name) == 0)
            policy = sched_getscheduler(atoi(entry->d_name));
        if (comm)
            (void)fclose(comm);
    }
    closedir(threads);
    return policy;
}

static bool thread_is_of_class(void *policy)
{
    return policy_of("iocp-acceptor\n") == *(const int *)policy;
}

EngineTest(acceptor, interrupts_nobody_who_works)
{
    int batch = SCHED_BATCH;

    open_acceptor(*engine);
    cr_assert(zero(int, acceptor_start(&acceptor)));
    cr_expect(wait_until(thread_is_of_class, &batch));
    close_acceptor();
}

Test(acceptor, has_listeners_whose_clients_get_replies_without_delay)
{
    struct options options = {.listen_count = 1};
    struct listener opened[OPTIONS_LISTENS_MAX];
    int has = 0;
    socklen_t size = sizeof has;

    options.listens[0].length =
        (socklen_t)iocp_address_parse("127.0.0.1:0", &options.listens[0].address);
    cr_assert(eq(int, listener_open_all(&options, opened), 1));
    int client = loopback_connect(loopback_port(opened[0].fd));
    int accepted = accept_from(&opened[0]);

    cr_assert(ge(int, accepted, 0));
    cr_assert(zero(int, getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &has, &size)));
    cr_expect(ne(int, has, 0));
    close(accepted);
    close(client);
    listener_close_all(opened, 1);
}
