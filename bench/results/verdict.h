/* verdict.h - what a case has come to, in one plain sentence. */
/* SPDX-License-Identifier: MIT */
/*
 * Honesty  A ratio is told only where the ranges of the rounds lie apart; else the two are about
 *          the same. Where there was but one round, the sentence says so.
 */
#ifndef BENCH_VERDICT_H
#define BENCH_VERDICT_H

#include <stddef.h>

#include "results.h"

#define VERDICT_SIZE 600 /* room for the longest sentence */

/*
 * Write the best of ours beside the best peer: by processor time for an operation (by the rate, if
 * that was not measured), and by memory of an idle connection. Rows that do not count are named.
 *
 *     iocp-server io_uring 5.10 us, 0.86 of the best peer (libuv 5.93 us)
 */
void verdict_write(const struct results *results, size_t which_case, char *text, size_t size);

/*
 * Write what the best of ours needs of what each peer needs, by processor time (or the rate);
 * nothing if there is no peer.
 *
 *     iocp-server io_uring to each peer: libuv 0.86, libevent about the same, asio 0.71
 */
void verdict_write_ratios(const struct results *results, size_t which_case, char *text,
                          size_t size);

/* A word for a row's state: "INVALID" and "failed" catch the eye. */
const char *verdict_state(enum row_state state);

#endif
