/* results.h - everything a run has found out: what the table, the report and results.json tell. */
/* SPDX-License-Identifier: MIT */
/*
 * A case is one thing done to a server: a scenario with its numbers. A subject is who it is done
 * to: iocp-server with one engine, or a peer. A row is what came of one subject in one case, over
 * all rounds; the rows of a case stand together.
 *
 * Threads  One.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "figures.h"
#include "fingerprint.h"
#include "histogram.h"
#include "load.h"
#include "measure.h"

#define RESULTS_SCHEMA 1

/* The percentiles by which a row keeps its latencies. */
#define RESULTS_PERCENTILES 20
extern const double results_percentiles[RESULTS_PERCENTILES];

struct result_case {
    char id[64];    /* unique in a run, good as a file's name: pingpong-64B-50c-1w */
    char title[96]; /* in words: pingpong, 64 B, 50 connections, 1 worker */
    char scenario[24];
    char placement[8]; /* server and generator: "same" CPU, "apart" on two, "free" */
    size_t connections;
    size_t idle_connections; /* beside them, silent */
    size_t message_size;
    size_t depth; /* messages in flight on one connection */
    size_t workers;
    double planned_rate; /* of an open loop; 0: a closed one */
    char leads[16];      /* the key of the figure by which it is judged first */
};

enum row_state {
    ROW_MEASURED, /* every round went as it should */
    ROW_INVALID,  /* measured, but not to be believed: trouble says why */
    ROW_FAILED,   /* something went wrong, trouble says what; rounds before that count */
    ROW_SKIPPED,  /* not there, or cannot do this; trouble says why */
};

struct result_row {
    size_t which_case; /* index */
    char subject[40];  /* "iocp-server io_uring", "libuv" */
    bool ours;
    enum row_state state;
    char trouble[200];
    struct series figures[FIGURES]; /* one value of each round, in their order; maybe none */
    uint64_t latency_count;
    double latency_us[RESULTS_PERCENTILES];     /* all rounds together; open loop: as planned */
    double uncorrected_us[RESULTS_PERCENTILES]; /* open loop: from the moment of sending */
    uint64_t errors[LOAD_ERRORS];
};

struct results {
    struct fingerprint machine;
    char command[512]; /* the line to reproduce it */
    char started[32];  /* 2026-11-23T06:45:00Z */
    double elapsed_s;
    bool interrupted;
    struct result_case *cases;
    size_t case_count;
    struct result_row *rows;
    size_t row_count;
};

/* Each returns a new member, zeroed but for what is given, at an address that the next call may
 * change; NULL: no memory. */
struct result_case *results_add_case(struct results *results);
struct result_row *results_add_row(struct results *results, size_t which_case, const char *subject,
                                   bool ours);

/* Free what results hold, not the structure itself. */
void results_destroy(struct results *results);

/* The row's latencies of all rounds. */
void results_set_latency(double us[RESULTS_PERCENTILES], const struct histogram *histogram);

/* The median of a figure; false: the row has none, or is not to be believed. */
bool results_median(const struct result_row *row, enum figure figure, double *median);

/* The same with the range of its rounds. */
bool results_spread(const struct result_row *row, enum figure figure, struct spread *spread);

/* The row of a case, among ours or among the peers, whose median of a figure is the best one; NULL:
 * there is none. */
const struct result_row *results_best(const struct results *results, size_t which_case,
                                      enum figure figure, bool ours);

/* The best peer's median in a case; false: no peer has one. `who` may be NULL. */
bool results_best_peer(const struct results *results, size_t which_case, enum figure figure,
                       double *median, const char **who);

#endif
