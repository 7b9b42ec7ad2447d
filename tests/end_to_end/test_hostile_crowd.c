/* test_hostile_crowd.c - many bad clients beside good ones: slow, silent, vanishing, never reading.
 */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "clock.h"
#include "deadline.h"
#include "loopback.h"
#include "process_figures.h"
#include "server_process.h"

#define MIB ((size_t)1 << 20)

TestSuite(hostile_crowd, .timeout = 120);

/* Bad clients: -1 stands for one that is gone. */
struct gang {
    struct pollfd *members;
    size_t count;
};

static struct gang gang_make(size_t count)
{
    struct gang gang = {.members = calloc(count, sizeof *gang.members), .count = count};

    cr_assert(gang.members != NULL, "no memory");
    for (size_t i = 0; i < count; i++)
        gang.members[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    return gang;
}

static struct gang gang_connect(const struct server_process *server, size_t count)
{
    struct gang gang = gang_make(count);

    for (size_t i = 0; i < count; i++)
        gang.members[i].fd = client_connect(server);
    return gang;
}

static void gang_leave(struct gang *gang)
{
    for (size_t i = 0; i < gang->count; i++) {
        if (gang->members[i].fd >= 0)
            close(gang->members[i].fd);
    }
    free(gang->members);
}

/* Look for at most `time_ms` until the server ends somebody; who is ended, closes. Returns how many
 * are left. */
static size_t gang_look(struct gang *gang, int time_ms)
{
    char byte;
    size_t left = 0;

    cr_assert(poll(gang->members, gang->count, time_ms) >= 0, "poll: %s", strerror(errno));
    for (size_t i = 0; i < gang->count; i++) {
        struct pollfd *member = &gang->members[i];

        if (member->fd >= 0 && member->revents != 0) {
            cr_expect(le(int, (int)recv(member->fd, &byte, 1, 0), 0), "it is sent something");
            close(member->fd);
            member->fd = -1;
        }
        left += member->fd >= 0;
    }
    return left;
}

/* Each who is left says a byte of a message that has no end. One who is ended in this moment does
 * not. */
static void gang_say_a_byte(const struct gang *gang)
{
    for (size_t i = 0; i < gang->count; i++) {
        if (gang->members[i].fd >= 0)
            (void)send(gang->members[i].fd, "<", 1, MSG_NOSIGNAL);
    }
}

/* As long as one of the gang is left good clients come, one after the other, and each is to be
 * served whole. Returns how many came. */
static size_t serve_beside(const struct server_process *server, struct gang *gang, bool speaking)
{
    const int64_t deadline_ns = deadline_after_ms(PATIENCE_MS);
    size_t served = 0;

    while (gang_look(gang, 50) > 0) {
        cr_assert(clock_now_ns() < deadline_ns, "the server does not end them");
        if (speaking)
            gang_say_a_byte(gang);
        cr_expect(client_is_served(server));
        served++;
    }
    return served;
}

/* None of them is ever silent for as long as the idle time-out. */
Test(hostile_crowd, slow_clients_are_let_go_on_time_and_good_ones_served_beside_them)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--idle-timeout", "10s", "--message-timeout", "1s"));
    const int64_t begun_ns = clock_now_ns();
    struct gang slow = gang_connect(&server, 300);

    cr_expect(lt(sz, 0, serve_beside(&server, &slow, true)));

    cr_expect(clock_now_ns() - begun_ns >= 1000 * 1000000LL);
    gang_leave(&slow);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 0 reset, 300 timed out, 0 too long,"), 1));
}

Test(hostile_crowd, silent_clients_are_let_go_by_the_idle_timeout_and_good_ones_served_beside_them)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--idle-timeout", "1s"));
    struct gang silent = gang_connect(&server, 300);

    gang_say_a_byte(&silent); /* half of them would be enough: who has spoken waits otherwise */
    cr_expect(lt(sz, 0, serve_beside(&server, &silent, false)));

    gang_leave(&silent);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 0 reset, 300 timed out, 0 too long,"), 1));
}

/* They take every place there is, and say nothing. Who comes behind them waits in the kernel until
 * they have had their time. */
Test(hostile_crowd, a_flood_of_connections_keeps_nobody_out_for_longer_than_the_idle_timeout)
{
    char echo[8];
    struct server_process server;
    server_start(&server, ARGUMENTS("--max-connections", "200", "--idle-timeout", "300ms"));
    struct gang flood = gang_connect(&server, 600);
    int good = client_connect(&server);

    client_send(good, "m<EOF>", 6);
    cr_expect(eq(int, (int)client_receive_all(good, echo, sizeof echo), 6));
    close(good);
    while (gang_look(&flood, PATIENCE_MS) > 0)
        continue;

    gang_leave(&flood);
    cr_expect(client_is_served(&server));
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 600 timed out,"), 1));
}

/* Each third resets before it is accepted, perhaps, with bytes unread, or with an answer due. */
Test(hostile_crowd, a_flood_of_resets_takes_nothing_from_good_clients)
{
    static const char *const last_words[] = {"", "half of a mess", "whole<EOF>"};
    struct server_process server;
    server_start(&server, ARGUMENTS("--workers", "2"));
    cr_expect(client_is_served(&server));
    const size_t before = process_descriptor_count(&server);

    for (size_t i = 0; i < 1500; i++) {
        const char *words = last_words[i % 3];
        int fd = client_connect(&server);

        client_send(fd, words, strlen(words));
        loopback_reset(fd);
        if (i % 50 == 0)
            cr_expect(client_is_served(&server));
    }

    cr_expect(client_is_served(&server));
    wait_for_descriptors(&server, before + 2); /* the workers' own */
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 0 cut off, 0 failed\n"), 1));
}

/* With io_uring the kernel may forget a reset that comes while it hands out the bytes before it:
 * some of a thousand times. */
Test(hostile_crowd, a_reset_right_behind_bytes_is_noticed_every_time)
{
    struct server_process server;
    server_start(&server, ARGUMENTS("--workers", "2", "--drain-timeout", "2s", "--quiet"));

    for (size_t i = 0; i < 6000; i++) {
        int fd = client_connect(&server);

        client_send(fd, "half of a message", 17);
        loopback_reset(fd);
    }

    cr_expect(client_is_served(&server));
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 0 cut off, 0 failed\n"), 1));
}

/* Half of them are reset, half of them close. Those of whom nothing is heard any more, as after a
 * power cut, are like silent ones. */
Test(hostile_crowd, clients_that_vanish_in_mid_message_are_all_noticed)
{
    enum { EACH = 60 };
    struct server_process server;
    server_start(&server, ARGUMENTS("--end", "token", "--workers", "2"));
    cr_expect(client_is_served(&server));
    const size_t before = process_descriptor_count(&server);
    struct gang gang = gang_connect(&server, 2 * EACH);

    gang_say_a_byte(&gang);
    client_wait_until_taken(&server, gang.members[2 * EACH - 1].fd);
    for (size_t i = 0; i < 2 * EACH; i++) {
        if (i % 2 == 0)
            loopback_reset(gang.members[i].fd);
        else
            close(gang.members[i].fd);
        gang.members[i].fd = -1;
    }
    wait_for_descriptors(&server, before + 2); /* the workers' own */

    gang_leave(&gang);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz,
                 count_in_output(server.err, " 60 reset, 0 timed out, 0 too long, 60 incomplete, "
                                             "0 cut off, 0 failed\n"),
                 1));
}

/* What has come of the echo does not count as an end. */
static void gang_wait_until_dropped(struct gang *gang)
{
    for (size_t i = 0; i < gang->count; i++)
        gang->members[i].events = POLLRDHUP;
    for (size_t i = 0; i < gang->count; i++) {
        cr_assert(poll(&gang->members[i], 1, PATIENCE_MS) == 1, "the server waits for ever");
    }
}

/* While --max-memory allows all of them: not more than connections times the longest message. Each
 * echo is larger than what the kernel keeps. */
Test(hostile_crowd, receivers_that_never_read_are_dropped_and_cost_no_more_than_their_messages)
{
    enum { CLIENTS = 16 };
    const size_t size = 8 * MIB;
    char *message = malloc(size);
    struct server_process server;
    server_start(&server, ARGUMENTS("--idle-timeout", "1s", "--max-message", "8M", "--quiet"));
    cr_assert(message != NULL, "no memory");
    memset(message, 'n', size);
    memcpy(message + size - 5, "<EOF>", 5);
    cr_expect(client_is_served(&server));
    const size_t before = process_memory_peak(&server);
    struct gang gang = gang_make(CLIENTS);

    for (size_t i = 0; i < CLIENTS; i++) {
        gang.members[i].fd = client_connect(&server);
        client_send(gang.members[i].fd, message, size);
    }
    cr_expect(client_is_served(&server));
    gang_wait_until_dropped(&gang);

    expect_memory_at_most(&server, before + CLIENTS * size + 32 * MIB);
    free(message);
    gang_leave(&gang);
    cr_expect(client_is_served(&server));
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 0 reset, 16 timed out,"), 1));
}
