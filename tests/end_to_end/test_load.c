/* test_load.c - many clients at once, large messages, and crowds that say nothing. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "contract.h"
#include "own.h"
#include "server_process.h"

/* For all clients together; they take seconds, under a sanitizer on a busy machine more. */
#define LOAD_DEADLINE_MS 180000

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)

TestSuite(load, .timeout = 240);

/* All clients are connected before the first one sends. */
static void expect_all_echoed(size_t engine, size_t clients, size_t message_size)
{
    struct server_process server;
    struct crowd crowd;

    allow_descriptors(clients + 200);
    server_start_engine(&server, engine, ARGUMENTS("--workers", "4"));
    crowd_connect(&crowd, &server, clients, message_size);

    cr_expect(eq(sz, crowd_exchange(&crowd, LOAD_DEADLINE_MS), clients));

    crowd_leave(&crowd);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, "Read "), clients));
    cr_expect(eq(sz, count_in_output(server.out, "Sent "), clients));
}

EngineTest(load, two_thousand_clients_at_once_get_their_kibibyte_back)
{
    expect_all_echoed(*engine, 2000, KIB);
}

EngineTest(load, fifty_clients_get_their_mebibyte_back)
{
    expect_all_echoed(*engine, 50, MIB);
}

/* A newcomer is served while `silent` clients, who came first, hold on and say nothing. */
static void expect_newcomer_served(size_t engine, size_t silent)
{
    int *fds = calloc(silent, sizeof *fds);
    struct server_process server;

    cr_assert(fds != NULL);
    allow_descriptors(silent + 200);
    server_start_engine(&server, engine, ARGUMENTS("--workers", "4"));
    for (size_t i = 0; i < silent; i++)
        fds[i] = client_connect(&server);
    wait_for_output(&server, server.out, "Waiting for a connection...\n", silent + 1);

    cr_expect(client_is_served(&server));

    for (size_t i = 0; i < silent; i++)
        close(fds[i]);
    free(fds);
    cr_expect(eq(int, server_stop(&server), 0));
}

EngineTest(load, a_newcomer_is_served_beside_eight_silent_clients)
{
    expect_newcomer_served(*engine, 8);
}

EngineTest(load, a_newcomer_is_served_beside_a_thousand_silent_clients)
{
    expect_newcomer_served(*engine, 1000);
}
