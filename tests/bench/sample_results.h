/* sample_results.h - results that nobody measured, with everything that can be in results. */
/* SPDX-License-Identifier: MIT */
#ifndef SAMPLE_RESULTS_H
#define SAMPLE_RESULTS_H

#include "results.h"

/* What a report of the sample has to show. */
#define SAMPLE_PLOTS 15

/* Fill all-zero results; results_destroy frees them. Returns 0, -ENOMEM. */
int sample_results(struct results *results);

#endif
