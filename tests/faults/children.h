/* children.h - runs in processes of their own, some at once. */
/* SPDX-License-Identifier: MIT */
#ifndef FAULTS_CHILDREN_H
#define FAULTS_CHILDREN_H

#include "trial.h"

/* What came of a run; `status` is that of waitpid. */
typedef void children_judge(const struct run *run, int status, const struct account *account);

void children_open(children_judge *judge);

/* Begin a run; waits for an earlier one if there are enough. */
void children_run(const struct run *run);

/* Wait for all. */
void children_wait(void);

#endif
