/* trial.h - one round of one subject in one case: start it, put a load on it, note the figures. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_TRIAL_H
#define BENCH_TRIAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "echo_server.h"
#include "histogram.h"
#include "load.h"
#include "plan.h"
#include "results.h"
#include "subjects.h"

#define TRIAL_SERVERS_MAX 16

/* Processor time of a server in the kernel's ticks, too coarse for one round. */
struct trial_ticks {
    double user, kernel;
};

struct trial {
    const struct plan_case *plan;
    const struct subject *subject;
    struct pace pace;
    const atomic_bool *stop; /* the user has had enough */
    double *knee;            /* of the case: operations a second in a closed loop; overload */
    bool counts;             /* the last round, of a plan that counts system calls */
    struct result_row *row;  /* gets the figures and what went wrong */
    /* All rounds of this row. */
    struct histogram *latency, *uncorrected;
    struct trial_ticks *ticks;
};

/* The servers of a trial: all are one program and listen on one port. */
struct trial_servers {
    struct echo_server each[TRIAL_SERVERS_MAX];
    size_t count;
    int kept_port; /* a descriptor; negative: none */
};

/* The row has failed: say why, printf-like. What goes wrong after a stop is nobody's failure.
 * Returns `error`. */
__attribute__((format(printf, 3, 4))) int trial_fail(struct trial *trial, int error,
                                                     const char *format, ...);

/* Start as many as the plan says, in the manner given but for the port; with the plan's workers
 * if it names none. Returns 0, or a negative errno after trial_fail. */
int trial_start(struct trial *trial, struct manner manner, struct trial_servers *servers);

void trial_stop(struct trial_servers *servers);

/* The same of servers that are to end by SIGTERM alone, with exit status 0. Returns 0, or a
 * negative errno after trial_fail. */
int trial_end(struct trial *trial, struct trial_servers *servers);

/* The load of the plan: a stream of messages on its connections, in a closed loop. */
struct load_options trial_load(const struct trial *trial, const struct trial_servers *servers);

/* A load that returned `error` is over: what is to be said of it, and of the servers? Returns as
 * trial_run_load. */
int trial_judge_load(struct trial *trial, const struct trial_servers *servers, int error,
                     const struct load_result *result);

/*
 * Put the load on, the generator in its place; errors of connections, and a server that has ended,
 * are failures.
 *
 * Returns  0, or a negative errno after trial_fail.
 */
int trial_run_load(struct trial *trial, const struct trial_servers *servers,
                   const struct load_options *load, struct load_result *result);

/*
 * Put the load on, and note in the row what it cost: all figures of a round.
 *
 * Returns  0, or a negative errno after trial_fail.
 */
int trial_measure(struct trial *trial, struct trial_servers *servers, struct load_options *load);

/* The same, and tell what the load came to: `result` is all zero before. */
int trial_measure_load(struct trial *trial, struct trial_servers *servers,
                       struct load_options *load, struct load_result *result);

/* Note the most memory that the servers ever had. Returns as trial_measure. */
int trial_note_peak(struct trial *trial, const struct trial_servers *servers);

/* Put the load on once more while strace counts. Without strace there is no figure. Returns as
 * trial_measure. */
int trial_count_calls(struct trial *trial, struct trial_servers *servers,
                      struct load_options *load);

/* Put the load on, and tell the rate alone. Returns as trial_measure. */
int trial_measure_rate(struct trial *trial, struct trial_servers *servers,
                       struct load_options *load, double *rate);

#endif
