/* trial.c - one run of one scenario, in a process of its own. */
/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

enum { DESCRIPTORS_MAX = 1024, DRAIN_MS = 5000 };

static unsigned count_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void set_options(struct options *options, const struct run *run)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    options_init(options);
    options->engine = run->engine;
    options->workers = 2;
    options->concurrency = 2;
    options->quiet = true;
    options->drain_timeout_ms = DRAIN_MS;
    options->listen_count = 1;
    options->listens[0].length = sizeof address;
    memcpy(&options->listens[0].address, &address, sizeof address);
    if (run->scenario->configure != NULL)
        run->scenario->configure(options);
}

/* The signal that the visitor sends is for the server's own thread. */
static void keep_stop_signal(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void play_server(const struct run *run, struct account *account)
{
    struct options options;

    set_options(&options, run);
    keep_stop_signal();
    if (!visits_start(run->scenario->visits))
        abort();
    shim_arm(&run->plan, account);
    int status = server_run(&options);
    bool served = visits_end();
    if (status != EXIT_SUCCESS && !shim_has_hurt())
        shim_blame("the server did not start, though nothing failed that it needs");
    if (status == EXIT_SUCCESS && !served)
        shim_blame("the server did not serve the next client");
}

static void look_at_rest(unsigned descriptors, long blocks)
{
    unsigned open = count_descriptors();

    if (open != descriptors)
        shim_blame("%d descriptors were left open", (int)open - (int)descriptors);
    if (atomic_load(&shim_blocks) != blocks)
        shim_blame("%ld blocks of memory were not freed", atomic_load(&shim_blocks) - blocks);
    if (atomic_load(&shim_threads) != 0)
        shim_blame("%ld threads were not joined", atomic_load(&shim_threads));
    if (atomic_load(&shim_operations) != 0)
        shim_blame("of the operations begun %ld did not complete", atomic_load(&shim_operations));
}

void trial_run(const struct run *run, struct account *account)
{
    unsigned descriptors = count_descriptors();
    long blocks = atomic_load(&shim_blocks);

    if (run->scenario->visits != NULL) {
        play_server(run, account);
    } else {
        shim_arm(&run->plan, account);
        run->scenario->play(run->engine);
    }
    shim_disarm();
    look_at_rest(descriptors, blocks);
}
