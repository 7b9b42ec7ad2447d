/* options_help.c - the text of --help. */
/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <iocp/pool.h>
#include <iocp/port.h>

#include "value.h"

static void print_workers(const struct options *defaults, FILE *stream)
{
    const char *engine;

    (void)fprintf(stream,
                  "  --workers N\n"
                  "      threads that run callbacks, 1 to %d\n"
                  "      (default: 2 x processors + 2, here %u)\n"
                  "  --concurrency N\n"
                  "      how many of them may run at once, 0 to %d\n"
                  "      (default: 0, as many as processors)\n"
                  "  --engine ENGINE\n"
                  "      auto",
                  IOCP_WORKERS_MAX, defaults->workers, IOCP_CONCURRENCY_MAX);
    for (size_t i = 0; (engine = iocp_engine_name(i)) != NULL; i++)
        (void)fprintf(stream, ", %s", engine);
    (void)fprintf(stream,
                  " (default: auto, the best that works here).\n"
                  "      With blocking, each receive occupies a worker: --workers bounds how many\n"
                  "      receives are waited for at the same time, silent clients take turns\n");
}

static void print_messages(const struct options *defaults, FILE *stream)
{
    const struct handler_ops *handler;

    (void)fprintf(stream, "  --handler HANDLER\n");
    for (size_t i = 0; (handler = handler_at(i)) != NULL; i++)
        (void)fprintf(stream, "      %-8s %s%s\n", handler->name, handler->summary,
                      handler == defaults->handler ? " (default)" : "");
    (void)fprintf(
        stream,
        "  --end END\n"
        "      what ends a message: eof, the client's half-close; token, the bytes\n"
        "      " FRAMING_TOKEN "; either, whichever comes first (default: either)\n"
        "  --max-message SIZE\n"
        "      longest message of handler message, 1 to 1G bytes; units k, M, G of 1024\n"
        "      (default: 16M)\n"
        "  --max-memory SIZE\n"
        "      memory of all messages together, 1M to 1024G; one that needs more than is left\n"
        "      is refused (default: half of this machine's memory, here %zuM)\n",
        defaults->max_memory >> 20);
}

static void print_limits(const struct options *defaults, FILE *stream)
{
    (void)fprintf(stream,
                  "  --idle-timeout TIME\n"
                  "      end a client that neither sends nor reads for this long, up to 1440m;\n"
                  "      units ms, s, m; without one: seconds; 0: never (default: 60s)\n"
                  "  --message-timeout TIME\n"
                  "      end a client whose message of handler message is not whole so long after\n"
                  "      its first byte, up to 1440m; 0: never (default: 10m)\n"
                  "  --max-connections N\n"
                  "      clients at once, 1 to %d; further ones wait\n"
                  "      (default: as the limit of open files allows, here %u)\n"
                  "  --drain-timeout TIME\n"
                  "      how long SIGTERM or SIGINT lets messages in progress go on, up to 1440m;\n"
                  "      a second signal ends the program at once (default: 10s)\n",
                  OPTIONS_CONNECTIONS_MAX, options_possible_connections(defaults));
}

void options_print_help(const struct options *defaults, FILE *stream)
{
    (void)fprintf(stream, "usage: iocp-server [OPTION]...\n"
                          "A TCP server on a completion port with a fixed pool of workers.\n\n");
    print_workers(defaults, stream);
    (void)fprintf(stream,
                  "  --listen ADDRESS:PORT\n"
                  "      may be given up to %d times; port 0 picks a free one\n"
                  "      (default: 127.0.0.1:11000 and [::1]:11000, this machine only)\n"
                  "  --reuse-port\n"
                  "      let further servers of this user, all with this option, listen on the\n"
                  "      same addresses; the kernel spreads the clients over them\n",
                  OPTIONS_LISTENS_MAX);
    print_messages(defaults, stream);
    print_limits(defaults, stream);
    (void)fprintf(stream,
                  "  --quiet\n"
                  "      no transcript on stdout. Its Data lines show control characters as\n"
                  "      \\r, \\n, \\t or \\xHH, and at most the first %d bytes of a message\n"
                  "  --version\n"
                  "  --help\n\n"
                  "Exit status: 0 after a stop by signal, 1 if something failed, 2 if the\n"
                  "options are wrong.\n",
                  TRANSCRIPT_DATA_MAX);
}
