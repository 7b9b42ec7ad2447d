/* peer_serve.c - how a peer program begins: its limits, its listeners, its threads. */
/* SPDX-License-Identifier: MIT */
#include "peer_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Some systems allow a thousand times as many, for which a table would not fit in memory. */
#define DESCRIPTORS_MAX (1 << 20)

struct worker {
    const struct peer_options *options;
    peer_loop *loop;
    int listener;
};

void peer_prepare(void)
{
    struct rlimit limit;

    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static struct sockaddr_in address_of(const struct peer_options *options)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(options->port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

int peer_failed(const struct peer_options *options, const char *what, int error)
{
    (void)fprintf(stderr, "%s: %s: %s\n", options->program, what, strerror(-error));
    return 1;
}

static int open_listener(const struct peer_options *options)
{
    const struct sockaddr_in address = address_of(options);
    const int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listener < 0)
        return -errno;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, PEER_BACKLOG) < 0) {
        int error = -errno;

        close(listener);
        return error;
    }
    return listener;
}

int peer_listen(const struct peer_options *options)
{
    int listener = open_listener(options);
    char what[32];

    if (listener >= 0)
        return listener;
    (void)snprintf(what, sizeof what, "127.0.0.1:%u", options->port);
    (void)peer_failed(options, what, listener);
    return -1;
}

static void *run(void *argument)
{
    const struct worker *worker = argument;

    exit(worker->loop(worker->options, worker->listener)); /* one that ends ends them all */
}

static int run_all(struct worker *workers, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, run, &workers[i]);

        if (error != 0)
            return peer_failed(workers->options, "a thread", -error);
    }
    return workers->loop(workers->options, workers->listener);
}

static int serve(const struct peer_options *options, peer_loop *loop)
{
    struct worker *workers = calloc(options->workers, sizeof *workers);
    int status = 1;

    if (!workers)
        return peer_failed(options, "the workers", -ENOMEM);
    for (unsigned i = 0; i < options->workers; i++) {
        workers[i] = (struct worker){options, loop, peer_listen(options)};
        if (workers[i].listener < 0)
            goto free_workers;
        (void)fcntl(workers[i].listener, F_SETFL, O_NONBLOCK);
    }
    status = run_all(workers, options->workers);

free_workers:
    free(workers);
    return status;
}

int peer_main(int argc, char *argv[], peer_loop *loop)
{
    struct peer_options options;
    int status = peer_options_read(argc, argv, PEER_OTHER, &options);

    if (status != 0)
        return status;
    peer_prepare();
    return serve(&options, loop);
}
