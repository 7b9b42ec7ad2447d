/* results_json.h - results.json: everything a run has found out, to keep and to read again. */
/* SPDX-License-Identifier: MIT */
/*
 * Form   An object: "schema" first, then the members of struct results by their names, with the
 *        rows of a case inside it. Numbers have nine digits.
 */
#ifndef BENCH_RESULTS_JSON_H
#define BENCH_RESULTS_JSON_H

#include <stddef.h>

#include "results.h"

#define RESULTS_JSON_MISTAKE 400 /* room for any */

/*
 * Write beside the file, then put it in its place: there is always a whole one.
 *
 * Returns  0. -EDOM: a figure is not a number. -ENOMEM, or what the file system says.
 */
int results_json_write(const struct results *results, const char *path);

/*
 * Read results that results_json_write has written; results_destroy is due.
 *
 * Returns  0. Otherwise a negative errno, *results is untouched, and `mistake` says in one line
 *          what is wrong with the file. -EPROTO: it holds something else.
 */
int results_json_read(const char *path, struct results *results, char *mistake, size_t size);

#endif
