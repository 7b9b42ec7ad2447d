/* trial_servers.c - the servers of a trial: from their start to their end. See trial.h. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "processors.h"
#include "trial.h"

#define MS_NS INT64_C(1000000)

static int server_processor(enum placement placement)
{
    int first, last;

    processors_find(&first, &last);
    return placement == PLACE_FREE ? PROCESSORS_ALL : last;
}

static int start_one(struct trial *trial, const struct manner *manner,
                     const struct sockaddr_in *address, struct echo_server *server)
{
    struct arguments arguments;
    struct echo_server_options options = {
        .arguments = arguments.argv,
        .address = *address,
        .cpu = server_processor(trial->plan->placement),
        .stop = trial->stop,
    };
    char trouble[sizeof trial->row->trouble];
    int error;

    subject_command_line(trial->subject, manner, &arguments);
    error = echo_server_start(server, &options, trouble, sizeof trouble);
    return error < 0 ? trial_fail(trial, error, "%s", trouble) : 0;
}

static void let_go_of_port(struct trial_servers *servers)
{
    if (servers->kept_port >= 0)
        close(servers->kept_port);
    servers->kept_port = -1;
}

/* That one of several listens is no sign of the others. */
static int await_all(struct trial *trial, const struct trial_servers *servers)
{
    int64_t patience_ns = measure_now_ns() + ECHO_SERVER_PATIENCE_MS * MS_NS;

    while (echo_server_count_listeners(&servers->each[0].address) < servers->count) {
        if (atomic_load(trial->stop))
            return -EINTR;
        if (measure_now_ns() > patience_ns)
            return trial_fail(trial, -ETIMEDOUT, "not all of %zu servers listen", servers->count);
        measure_sleep_ns(MS_NS);
    }
    return 0;
}

int trial_start(struct trial *trial, struct manner manner, struct trial_servers *servers)
{
    size_t count = trial->plan->servers > 0 ? trial->plan->servers : 1;
    struct sockaddr_in address;
    int error = 0;

    *servers = (struct trial_servers){.kept_port = echo_server_keep_port(&address)};
    if (servers->kept_port < 0)
        return trial_fail(trial, servers->kept_port, "no port: %s", strerror(-servers->kept_port));
    if (trial->subject->kind == SUBJECT_COMMAND)
        let_go_of_port(servers); /* a stranger may want it for itself alone */
    manner.port = ntohs(address.sin_port);
    if (manner.workers == 0)
        manner.workers = trial->plan->workers;
    manner.share_port = count > 1;
    for (; servers->count < count && error == 0; servers->count += error == 0)
        error = start_one(trial, &manner, &address, &servers->each[servers->count]);
    if (error == 0 && count > 1)
        error = await_all(trial, servers);
    if (error < 0)
        trial_stop(servers);
    return error;
}

void trial_stop(struct trial_servers *servers)
{
    while (servers->count > 0)
        echo_server_stop(&servers->each[--servers->count]);
    let_go_of_port(servers);
}

int trial_end(struct trial *trial, struct trial_servers *servers)
{
    char trouble[sizeof trial->row->trouble];
    int error = 0;

    while (servers->count > 0)
        if (echo_server_end(&servers->each[--servers->count], trouble, sizeof trouble) < 0)
            error = trial_fail(trial, -ECHILD, "%s", trouble);
    let_go_of_port(servers);
    return error;
}
