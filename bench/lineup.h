/* lineup.h - who is measured in a run, as the options say. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_LINEUP_H
#define BENCH_LINEUP_H

#include "bench_options.h"
#include "subjects.h"

/* Ours first. Who is not there is in it too, with the reason. */
void lineup_fill(struct subjects *subjects, const struct bench_options *options);

#endif
