/* server.c - wires port, pool, acceptor; the order of start and stop. */
/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/event.h>
#include <iocp/pool.h>
#include <iocp/port.h>

#include "acceptor.h"
#include "listener.h"
#include "log.h"
#include "sessions.h"
#include "signals.h"

/* A stop that takes so much longer than --drain-timeout never ends: a callback stands before a full
 * pipe, or in a file system that hangs. */
#define STOP_GRACE_MS 5000

/* How often spare memory ages: in a server at rest it is given back after twice this time. */
#define MEMORY_AGE_MS 10000

struct server {
    const struct options *options;
    struct transcript transcript;
    struct iocp_event stop; /* set by a signal; what allDone is in the article */
    struct signals signals;
    struct iocp_port *port;
    struct memory memory;
    struct sessions sessions;
    struct listener listeners[OPTIONS_LISTENS_MAX];
    size_t listener_count;
    struct iocp_pool *pool;
    struct acceptor acceptor;
};

/* NULL: nobody wants it. */
static struct transcript *wanted_transcript(struct server *server)
{
    return server->options->quiet ? NULL : &server->transcript;
}

static int failed_to(const char *what, int result)
{
    log_line("iocp-server: %s: %s", what, strerror(-result));
    return result;
}

/* Every callback may block, on a full pipe behind stdout if on nothing else. */
static void warn_of_starvation(void *context, const struct iocp_starvation *starvation)
{
    (void)context;
    log_line("warning: no worker was free for %u ms: all %u were inside callbacks, %u still block; "
             "--workers gives more",
             starvation->milliseconds, starvation->threads, starvation->blocked);
}

static int open_port(struct server *server)
{
    const struct options *options = server->options;
    char what[64];

    int result = iocp_port_create(options->engine, options->concurrency, &server->port);
    if (result == 0) {
        iocp_port_on_starvation(server->port, warn_of_starvation, NULL);
        return 0;
    }
    (void)snprintf(what, sizeof what, "--engine %s", options->engine);
    (void)failed_to(what, result);
    if (result == -ENOTSUP)
        log_line("the kernel refuses it here (a container's policy? sysctl "
                 "kernel.io_uring_disabled?); --engine auto takes the best that works");
    return result;
}

static unsigned choose_connections(const struct options *options)
{
    const unsigned possible = options_possible_connections(options);

    if (options->max_connections > 0)
        return options->max_connections;
    if (possible > 0)
        return possible;
    log_line(
        "warning: the limit of open files leaves room for hardly any client beside %u workers; "
        "ulimit -n raises it, --workers and --concurrency need less",
        options->workers);
    return 1;
}

static int open_sessions(struct server *server)
{
    const struct options *options = server->options;

    server->sessions = (struct sessions){
        .port = server->port,
        .handler = options->handler,
        .idle_timeout_ms = options->idle_timeout_ms,
        .message_timeout_ms = options->message_timeout_ms,
        .max = choose_connections(options),
    };
    memory_init(&server->memory, options->max_memory);
    handler_rules_init(&server->sessions.rules, options->end, options->max_message,
                       wanted_transcript(server), &server->memory);
    int result = sessions_init(&server->sessions);
    return result < 0 ? failed_to("sessions", result) : 0;
}

static int open_listeners(struct server *server)
{
    int result = listener_open_all(server->options, server->listeners);

    if (result < 0)
        return result;
    server->listener_count = (size_t)result;
    for (size_t i = 0; i < server->listener_count; i++)
        transcript_local_address(wanted_transcript(server), server->listeners[i].address);
    return 0;
}

/* Everything that needs no thread. */
static int open_all(struct server *server)
{
    int result = open_port(server);

    if (result < 0)
        return result;
    result = open_sessions(server);
    if (result < 0)
        goto free_port;
    result = open_listeners(server);
    if (result < 0)
        goto destroy_sessions;
    return 0;

destroy_sessions:
    sessions_destroy(&server->sessions);
free_port:
    iocp_port_free(server->port);
    return result;
}

static void close_all(struct server *server)
{
    sessions_destroy(&server->sessions);
    memory_destroy(&server->memory);
    iocp_port_free(server->port);
}

static void stop_pool(struct server *server)
{
    long result = iocp_pool_stop(server->pool, IOCP_DRAIN);

    if (result < 0)
        (void)failed_to("stopping the workers", (int)result);
    iocp_pool_free(server->pool);
}

/* The threads: first those who serve, then the one who accepts. */
static int start_all(struct server *server)
{
    int result = iocp_pool_create(server->port, server->options->workers, &server->pool);

    if (result < 0)
        return failed_to("starting the workers", result);
    server->acceptor = (struct acceptor){
        .sessions = &server->sessions,
        .transcript = wanted_transcript(server),
        .listeners = server->listeners,
        .listener_count = server->listener_count,
    };
    result = acceptor_start(&server->acceptor);
    if (result < 0) {
        stop_pool(server);
        return failed_to("starting the acceptor", result);
    }
    return 0;
}

static void log_banner(struct server *server)
{
    char addresses[OPTIONS_LISTENS_MAX * (IOCP_ADDRESS_TEXT_SIZE + 2)];
    struct iocp_port_statistics statistics;
    size_t used = 0;

    iocp_port_read_statistics(server->port, &statistics);
    for (size_t i = 0; i < server->listener_count; i++)
        used += (size_t)snprintf(addresses + used, sizeof addresses - used, "%s, ",
                                 server->listeners[i].address);
    const char *note = iocp_port_engine_note(server->port);
    log_line("listening on %sengine %s, %u workers, concurrency %u%s%s%s", addresses,
             iocp_port_engine(server->port), iocp_pool_size(server->pool), statistics.concurrency,
             note != NULL ? " (" : "", note != NULL ? note : "", note != NULL ? ")" : "");
}

/*
 * Accept nobody any more, let the sessions come to their end, and only then the workers: a
 * session needs them to end. When `sessions_stop` returns no operation is in flight.
 */
static void stop_all(struct server *server)
{
    transcript_closing(wanted_transcript(server));
    acceptor_stop(&server->acceptor);
    listener_close_all(server->listeners, server->listener_count);
    sessions_stop(&server->sessions, server->options->drain_timeout_ms);
    stop_pool(server);
    sessions_log(&server->sessions);
}

static int serve(struct server *server)
{
    int result = open_all(server);

    if (result < 0)
        return result;
    result = start_all(server);
    if (result == 0) {
        log_banner(server);
        while (iocp_event_wait(&server->stop, MEMORY_AGE_MS) < 0)
            memory_age(&server->memory);
        stop_all(server);
    } else {
        listener_close_all(server->listeners, server->listener_count);
    }
    close_all(server);
    return result;
}

int server_run(const struct options *options)
{
    struct server server = {.options = options};

    transcript_init(&server.transcript, stdout);
    iocp_event_init(&server.stop, IOCP_MANUAL_RESET, false);
    int result =
        signals_start(&server.signals, &server.stop, options->drain_timeout_ms + STOP_GRACE_MS);
    if (result < 0) {
        (void)failed_to("waiting for signals", result);
    } else {
        result = serve(&server);
        signals_stop(&server.signals);
    }
    iocp_event_destroy(&server.stop);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
