/* test_peer.c - the bench's echo servers: every byte comes back, and who slept says so. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <iocp/port.h>

#include "connections.h"
#include "load.h"
#include "peers/peer.h"

#define MS_NS       INT64_C(1000000)
#define CONNECTIONS 20

static struct load_options load = {.connections = CONNECTIONS,
                                   .message_size = PEER_MESSAGE_SIZE,
                                   .measured_ns = 100 * MS_NS,
                                   .patience_ns = 30000 * MS_NS};
static struct load_result result;

TestSuite(peer, .timeout = 120);

static void *run_load(void *error)
{
    *(int *)error = load_run(&load, &result);
    return NULL;
}

/* All connections are live while the load is on, none afterwards. */
static void exchange(struct peer *peer)
{
    pthread_t thread;
    int error = -EINPROGRESS, listener = connections_listen(&load.server);

    cr_assert(ge(int, listener, 0));
    cr_assert(zero(int, pthread_create(&thread, NULL, run_load, &error)));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        int descriptor = connections_accept(listener);

        cr_assert(ge(int, descriptor, 0));
        cr_assert(zero(int, peer_add(peer, descriptor)));
    }
    pthread_join(thread, NULL);
    close(listener);
    cr_assert(zero(int, error));
    cr_expect(zero(int, peer_stop(peer)));
    cr_expect(zero(u64, load_error_count(&result)));
}

static void expect_marked_sleepers(int (*start)(const struct peer_options *, struct peer **),
                                   struct peer_options options)
{
    struct peer *peer;
    int error;

    options.sleep_every = 10;
    options.sleep_ns = MS_NS;
    error = start(&options, &peer);
    if (error == -ENOTSUP)
        return;
    cr_assert(zero(int, error));
    result = (struct load_result){0};
    exchange(peer);

    cr_expect(gt(u64, result.slept.count, 0));
    cr_expect(gt(u64, result.others.count, result.slept.count));
    cr_expect(ge(u64, histogram_percentile(&result.slept, 0), MS_NS));
}

Test(peer, on_the_library_echoes_and_marks_the_sleepers)
{
    for (size_t i = 0; iocp_engine_name(i); i++) {
        struct peer_options options = {
            .engine = iocp_engine_name(i), .workers = 4, .concurrency = 2};

        expect_marked_sleepers(peer_start_library, options);
        options.bracketed = true;
        expect_marked_sleepers(peer_start_library, options);
    }
}

Test(peer, as_an_event_loop_echoes_and_marks_the_sleepers)
{
    expect_marked_sleepers(peer_start_epoll_loop, (struct peer_options){0});
}

Test(peer, that_is_not_to_sleep_marks_nobody)
{
    struct peer_options options = {.engine = NULL, .workers = 2};
    struct peer *peer;

    cr_assert(zero(int, peer_start_library(&options, &peer)));
    exchange(peer);

    cr_expect(zero(u64, result.slept.count));
    cr_expect(gt(u64, result.others.count, 0));
}
