/* stress_port.c - everything at once on one port, for a few seconds, and then the accounts. */
/* SPDX-License-Identifier: MIT */
/*
 * For the thread sanitizer above all. Each round: threads post callbacks and packets, threads
 * with connections receive while others send, cancel and close, a pool runs the callbacks; and
 * then the pool is drained, or it drops what is left, or the port is closed under its feet.
 * What was begun has to be found again: run once, dropped once, or never more than once.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <iocp/event.h>
#include <iocp/pool.h>
#include <iocp/port.h>
#include <iocp/socket.h>

#define SECONDS    3
#define POSTERS    3
#define POSTS      ((size_t)2000) /* of one poster in one round */
#define LINKS      8
#define WORKERS    6
#define PATIENCE_S 20

enum ending {
    DRAINED,
    DISCARDED,
    CLOSED,
    ENDINGS,
};

/* A connection that receives until it is closed, however often it is cancelled. */
struct link {
    struct round *round;
    struct iocp_socket *socket;
    struct iocp_op receive;
    struct iocp_event ended; /* no receive is in flight, and none will be */
    int peer;
    char bytes[64];
};

struct round {
    struct iocp_port *port;
    struct iocp_op posts[POSTERS * POSTS];
    atomic_uint posted_times[POSTERS * POSTS];
    struct link links[LINKS];
    atomic_size_t begun;   /* posts and receives whose callback is due */
    atomic_size_t packets; /* posted */
    atomic_size_t run;
    atomic_size_t misfits; /* outcomes that must not be */
};

struct thread {
    pthread_t id;
    struct round *round;
    unsigned index;
};

static void die(const char *what, int error)
{
    (void)fprintf(stderr, "stress_port: %s: %s\n", what, strerror(error < 0 ? -error : error));
    exit(1);
}

static void check(int result, const char *what)
{
    if (result < 0)
        die(what, result);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_post(struct iocp_op *op, void *context)
{
    struct round *round = context;

    atomic_fetch_add(&round->posted_times[op - round->posts], 1);
    atomic_fetch_add(&round->run, 1);
}

static void on_receive(struct iocp_op *op, void *context);

static bool receive_next(struct link *link)
{
    atomic_fetch_add(&link->round->begun, 1);
    if (iocp_begin_receive(link->socket, &link->receive, link->bytes, sizeof link->bytes,
                           on_receive, link) == 0)
        return true;
    atomic_fetch_sub(&link->round->begun, 1);
    return false;
}

static void on_receive(struct iocp_op *op, void *context)
{
    struct link *link = context;
    ssize_t got = iocp_end_receive(link->socket, op);

    atomic_fetch_add(&link->round->run, 1);
    if (got == 0 || (got < 0 && got != -ECANCELED && got != -ECONNRESET))
        atomic_fetch_add(&link->round->misfits, 1);
    if (!receive_next(link))
        iocp_event_set(&link->ended);
}

static void *post_all(void *self)
{
    struct thread *thread = self;
    struct round *round = thread->round;

    for (size_t i = 0; i < POSTS; i++) {
        atomic_fetch_add(&round->begun, 1);
        if (iocp_port_post_callback(round->port, &round->posts[thread->index * POSTS + i], i,
                                    on_post, round) < 0)
            atomic_fetch_sub(&round->begun, 1); /* the port is closed */
        if (i % 8 == 0 && iocp_port_post(round->port, i, i, NULL) == 0)
            atomic_fetch_add(&round->packets, 1);
    }
    return NULL;
}

static void *disturb_links(void *self)
{
    struct thread *thread = self;
    unsigned seed = thread->index;

    for (int i = 0; i < 400; i++) {
        struct link *link = &thread->round->links[(unsigned)rand_r(&seed) % LINKS];

        switch (rand_r(&seed) % 8) {
        case 0:
            if (iocp_socket_cancel(link->socket, &link->receive) == -EINVAL)
                atomic_fetch_add(&thread->round->misfits, 1);
            break;
        case 1:
            iocp_port_cancel_all(thread->round->port);
            break;
        case 2:
            if (i > 300)
                iocp_socket_close(link->socket);
            break;
        default:
            (void)!send(link->peer, "abcdefgh", 8, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    }
    return NULL;
}

static void connect_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(bind(listener, (struct sockaddr *)&address, length) < 0 ? -errno : 0, "bind");
    check(listen(listener, 1) < 0 ? -errno : 0, "listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(connect(ends[0], (struct sockaddr *)&address, length) < 0 ? -errno : 0, "connect");
    ends[1] = accept(listener, NULL, NULL);
    check(ends[1] < 0 ? -errno : 0, "accept");
    close(listener);
}

static void open_link(struct link *link, struct round *round)
{
    int ends[2];

    connect_pair(ends);
    link->round = round;
    link->peer = ends[1];
    iocp_event_init(&link->ended, IOCP_MANUAL_RESET, false);
    check(iocp_socket_adopt(round->port, ends[0], 0, &link->socket), "adopt");
    if (!receive_next(link))
        die("receive", EINVAL);
}

static void close_links(struct round *round, bool await)
{
    for (size_t i = 0; i < LINKS; i++)
        iocp_socket_close(round->links[i].socket);
    for (size_t i = 0; i < LINKS && await; i++)
        check(iocp_event_wait(&round->links[i].ended, PATIENCE_S * 1000), "a receive never ended");
}

static void free_links(struct round *round)
{
    for (size_t i = 0; i < LINKS; i++) {
        iocp_socket_free(round->links[i].socket);
        close(round->links[i].peer);
        iocp_event_destroy(&round->links[i].ended);
    }
}

static size_t packets_met(const struct iocp_pool *pool)
{
    struct iocp_worker_statistics statistics;
    size_t packets = 0;

    for (unsigned i = 0; i < WORKERS; i++) {
        check(iocp_pool_read_statistics(pool, i, &statistics), "statistics");
        packets += statistics.packets;
    }
    return packets;
}

/* What the pool neither ran nor dropped has to come to the next taker, to the last one. */
static size_t take_the_rest(struct iocp_port *port, size_t expected)
{
    struct iocp_completion completion;
    size_t taken = 0;

    while (taken < expected && iocp_port_wait(port, &completion, PATIENCE_S * 1000) == 0)
        taken++;
    while (iocp_port_wait(port, &completion, 0) == 0)
        taken++;
    return taken;
}

/* The pool has been stopped and has dropped so many. After a close nobody can tell how many
 * completions came too late for the port; else all there were have to be found. */
static void judge(struct round *round, struct iocp_pool *pool, enum ending ending, size_t dropped)
{
    size_t begun = atomic_load(&round->begun), run = atomic_load(&round->run);
    size_t due = begun + atomic_load(&round->packets);
    size_t met = run + packets_met(pool) + dropped;
    size_t twice = 0;

    if (ending != CLOSED)
        met += take_the_rest(round->port, due > met ? due - met : 0);
    for (size_t i = 0; i < POSTERS * POSTS; i++)
        twice += atomic_load(&round->posted_times[i]) > 1;
    if (twice == 0 && atomic_load(&round->misfits) == 0 && run <= begun &&
        (ending == CLOSED ? met <= due : met == due) &&
        (ending != DRAINED || (run == begun && dropped == 0)))
        return;
    (void)fprintf(
        stderr,
        "stress_port: engine %s, ending %d: %zu due, %zu met; %zu begun, %zu run, %zu twice; "
        "%zu dropped, %zu misfits\n",
        iocp_port_engine(round->port), (int)ending, due, met, begun, run, twice, dropped,
        atomic_load(&round->misfits));
    exit(1);
}

static size_t run_round(const char *engine, enum ending ending)
{
    struct round *round = calloc(1, sizeof *round);
    struct thread threads[POSTERS + 2];
    struct iocp_pool *pool;
    long dropped = 0;
    size_t run;

    if (!round)
        die("memory", ENOMEM);
    check(iocp_port_create(engine, 3, &round->port), "port");
    check(iocp_pool_create(round->port, WORKERS, &pool), "pool");
    for (size_t i = 0; i < LINKS; i++)
        open_link(&round->links[i], round);
    for (unsigned i = 0; i < POSTERS + 2; i++) {
        threads[i].round = round;
        threads[i].index = i;
        check(-pthread_create(&threads[i].id, NULL, i < POSTERS ? post_all : disturb_links,
                              &threads[i]),
              "thread");
    }
    if (ending == CLOSED)
        dropped = (long)iocp_port_close(round->port);
    for (size_t i = 0; i < POSTERS + 2; i++)
        pthread_join(threads[i].id, NULL);
    close_links(round, ending == DRAINED);
    dropped += iocp_pool_stop(pool, ending == DISCARDED ? IOCP_DISCARD : IOCP_DRAIN);
    judge(round, pool, ending, (size_t)dropped);
    run = atomic_load(&round->run);
    free_links(round);
    iocp_pool_free(pool);
    iocp_port_free(round->port);
    free(round);
    return run;
}

int main(void)
{
    int64_t end_ms = now_ms() + SECONDS * INT64_C(1000);
    size_t rounds = 0, callbacks = 0;

    alarm(60); /* a hang is a failure */
    do {
        for (size_t engine = 0; iocp_engine_name(engine); engine++)
            for (enum ending ending = DRAINED; ending < ENDINGS; ending++, rounds++)
                callbacks += run_round(iocp_engine_name(engine), ending);
    } while (now_ms() < end_ms);
    printf("stress_port: %zu rounds, %zu callbacks, all accounted for\n", rounds, callbacks);
    return 0;
}
