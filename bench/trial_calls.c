/* trial_calls.c - the system calls of a server for one operation. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "strace.h"
#include "trial.h"

struct count {
    const struct echo_server *server;
    struct strace strace;
    uint64_t calls;
    int error;
};

static void count_calls(enum load_moment moment, void *context)
{
    struct count *count = context;

    if (moment == LOAD_MEASURING)
        count->error = strace_start(&count->strace, count->server);
    else if (count->error == 0)
        count->error = strace_stop(&count->strace, &count->calls);
}

int trial_count_calls(struct trial *trial, struct trial_servers *servers, struct load_options *load)
{
    struct load_result *result = calloc(1, sizeof *result);
    struct count count = {.server = &servers->each[0]};
    int error;

    if (!result)
        return trial_fail(trial, -ENOMEM, "%s", strerror(ENOMEM));
    load->at = count_calls;
    load->context = &count;
    error = trial_run_load(trial, servers, load, result);
    if (error == 0 && count.error == 0 && result->completed > 0 && !atomic_load(trial->stop))
        series_add(&trial->row->figures[FIGURE_SYSCALLS],
                   (double)count.calls / (double)result->completed);
    free(result);
    return error;
}
