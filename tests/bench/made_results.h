/* made_results.h - results that no run has measured, for the tests of what is told of them. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MADE_RESULTS_H
#define BENCH_MADE_RESULTS_H

#include <stdio.h>

#include "results.h"

/* Add a case with that id, and with numbers that differ from member to member. */
struct result_case *made_case(struct results *results, const char *id);

/* Add a row to the last case, with rounds of processor time for an operation up to a 0. */
struct result_row *made_row(struct results *results, const char *subject, bool ours,
                            const double cpu_us[]);
#define ROUNDS(...) ((const double[]){__VA_ARGS__, 0})

/* Rounds of a figure, up to a 0. */
void made_figure(struct result_row *row, enum figure figure, const double values[]);

/* Fill every member with something. */
void made_machine(struct fingerprint *machine);

/* All that `write` puts into a stream; to be freed. */
char *made_text(void (*write)(FILE *out, const void *what), const void *what);

/* The text is, has or has not that one. */
void expect_text(const char *text, const char *due);
void expect_part(const char *text, const char *part);
void expect_no_part(const char *text, const char *part);

#endif
