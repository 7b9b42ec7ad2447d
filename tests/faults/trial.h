/* trial.h - one run of one scenario, in a process of its own. */
/* SPDX-License-Identifier: MIT */
#ifndef FAULTS_TRIAL_H
#define FAULTS_TRIAL_H

#include "options.h"
#include "shim.h"
#include "visits.h"

struct scenario {
    const char *name;
    void (*configure)(struct options *options); /* of the server; NULL: as they are */
    struct visits *visits;                      /* of the server; NULL: it is none */
    void (*play)(const char *engine);           /* without a server */
    bool is_small;                              /* its faults are few: all are played, or many */
};

struct run {
    const struct scenario *scenario;
    const char *engine;
    struct plan plan;
};

/* All scenarios; NULL past the last. */
const struct scenario *scenario_at(size_t index);

/* Play it, and look at what is left. What is wrong stands in the account. */
void trial_run(const struct run *run, struct account *account);

#endif
