/* echoes.c - start a server, have it echo for a while, end it, and say how many echoes it was. */
/* SPDX-License-Identifier: MIT */
/*
 * usage: echoes SECONDS 'COMMAND ... {port} ...'
 *
 * For what counts a server from its start to its end, as valgrind does: costs.sh.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "load.h"

#define CONNECTIONS  50
#define MESSAGE_SIZE 64
#define SECONDS_MAX  60
#define SECOND_NS    1e9

/* Of a load of so many seconds; 0: not every message came back. */
static uint64_t count(const struct echo_server *server, double seconds)
{
    struct load_options load = {
        .kind = LOAD_STREAM,
        .server = server->address,
        .connections = CONNECTIONS,
        .message_size = MESSAGE_SIZE,
        .depth = 1,
        .measured_ns = (int64_t)(seconds * SECOND_NS),
        .patience_ns = (int64_t)(SECONDS_MAX * SECOND_NS),
    };
    struct load_result *result = calloc(1, sizeof *result);
    uint64_t echoes = 0;

    if (result && load_run(&load, result) == 0 && load_error_count(result) == 0)
        echoes = result->latency.count;
    free(result);
    return echoes;
}

/* By a signal that leaves nothing to be done in order, of which threads under valgrind might hold
 * each other up; one of them has to see it, if all wait. */
static void end(struct echo_server *server)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char how[200];

    (void)kill(server->pid, SIGBUS);
    (void)connect(client, (const struct sockaddr *)&server->address, sizeof server->address);
    (void)echo_server_has_ended(server, ECHO_SERVER_PATIENCE_MS, how, sizeof how);
    (void)close(client);
    echo_server_stop(server);
}

int main(int argc, char *argv[])
{
    struct echo_server server;
    double seconds = argc == 3 ? strtod(argv[1], NULL) : 0;
    uint64_t echoes;

    if (!(seconds > 0 && seconds <= SECONDS_MAX)) {
        (void)fprintf(stderr, "usage: echoes SECONDS 'COMMAND ... {port} ...'\n");
        return 2;
    }
    if (command_start("echoes", argv[2], &server) < 0)
        return 1;
    echoes = count(&server, seconds);
    end(&server);
    printf("%llu\n", (unsigned long long)echoes);
    return echoes > 0 ? 0 : 1;
}
