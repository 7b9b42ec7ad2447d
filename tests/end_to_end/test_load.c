/* test_load.c - many clients at once, large messages, and crowds that say nothing. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "server_process.h"

/* For all clients together; they take seconds, under a sanitizer on a busy machine more. */
#define LOAD_DEADLINE_MS 180000

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)

TestSuite(load, .timeout = 240);

/* All clients are connected before the first one sends. */
static void expect_all_echoed(const char *const arguments[], size_t clients, size_t message_size)
{
    struct server_process server;
    struct crowd crowd;

    allow_descriptors(clients + 200);
    server_start(&server, arguments);
    crowd_connect(&crowd, &server, clients, message_size);

    cr_expect(eq(sz, crowd_exchange(&crowd, LOAD_DEADLINE_MS), clients));

    crowd_leave(&crowd);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, "Read "), clients));
    cr_expect(eq(sz, count_in_output(server.out, "Sent "), clients));
}

Test(load, two_thousand_clients_at_once_get_their_kibibyte_back)
{
    expect_all_echoed(ARGUMENTS("--workers", "4"), 2000, KIB);
}

Test(load, fifty_clients_get_their_mebibyte_back)
{
    expect_all_echoed(ARGUMENTS("--workers", "4"), 50, MIB);
}

Test(load, fifty_clients_get_their_kibibyte_back_from_the_blocking_engine)
{
    expect_all_echoed(ARGUMENTS("--engine", "blocking", "--workers", "4"), 50, KIB);
}

Test(load, fifty_clients_get_their_mebibyte_back_from_the_blocking_engine)
{
    expect_all_echoed(ARGUMENTS("--engine", "blocking", "--workers", "4"), 50, MIB);
}

/* A newcomer is served while `silent` clients, who came first, hold on and say nothing. */
static void expect_newcomer_served(const char *const arguments[], size_t silent)
{
    int *fds = calloc(silent, sizeof *fds);
    struct server_process server;

    cr_assert(fds != NULL);
    allow_descriptors(silent + 200);
    server_start(&server, arguments);
    for (size_t i = 0; i < silent; i++)
        fds[i] = client_connect(&server);
    wait_for_output(&server, server.out, "Waiting for a connection...\n", silent + 1);

    cr_expect(client_is_served(&server));

    for (size_t i = 0; i < silent; i++)
        close(fds[i]);
    free(fds);
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(load, a_newcomer_is_served_beside_a_thousand_silent_clients)
{
    expect_newcomer_served(ARGUMENTS("--workers", "4"), 1000);
}

Test(load, a_newcomer_is_served_by_four_blocking_workers_beside_eight_silent_clients)
{
    expect_newcomer_served(ARGUMENTS("--engine", "blocking", "--workers", "4"), 8);
}
