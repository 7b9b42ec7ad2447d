/* results_json_write.c - results as one JSON document, and that as a file. */
/* SPDX-License-Identifier: MIT */
/*
 * Ownership  A new value is put into its parent first and filled there: whatever fails, giving up
 *            the root frees all.
 */
#include "results_json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "results_form.h"

#define DIGITS 9

static int put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) < 0 ? -ENOMEM : 0;
}

/* Puts an empty one, and returns it; NULL: no memory. */
static json_t *put_empty(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) < 0 ? NULL : value;
}

static int put_form(json_t *object, const struct form *form, const void *structure)
{
    return json_write_fields(object, form->fields, form->count, structure);
}

static int put_numbers(json_t *object, const char *key, const double values[], size_t count)
{
    json_t *array = put_empty(object, key, json_array());

    if (!array)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return -EDOM;
        if (json_array_append_new(array, json_real(values[i])) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int put_figures(json_t *object, const struct result_row *row)
{
    json_t *figures = put_empty(object, "figures", json_object());
    int error = figures ? 0 : -ENOMEM;

    for (int i = 0; error == 0 && i < FIGURES; i++)
        if (row->figures[i].count > 0)
            error = put_numbers(figures, figure_kind((enum figure)i)->key, row->figures[i].values,
                                row->figures[i].count);
    return error;
}

static int put_errors(json_t *object, const struct result_row *row)
{
    json_t *errors = put_empty(object, "errors", json_object());
    int error = errors ? 0 : -ENOMEM;

    for (int i = 0; error == 0 && i < LOAD_ERRORS; i++)
        error = put(errors, load_error_name((enum load_error)i),
                    json_integer((json_int_t)row->errors[i]));
    return error;
}

static int put_row(json_t *rows, const struct result_row *row, bool open_loop)
{
    json_t *object = json_object();
    int error = json_array_append_new(rows, object) < 0 ? -ENOMEM : 0;

    if (error == 0)
        error = put(object, "state", json_string(form_states[row->state]));
    if (error == 0)
        error = put_form(object, &form_row, row);
    if (error == 0)
        error = put_figures(object, row);
    if (error == 0 && row->latency_count > 0)
        error = put_numbers(object, "latency_us", row->latency_us, RESULTS_PERCENTILES);
    if (error == 0 && row->latency_count > 0 && open_loop)
        error = put_numbers(object, "uncorrected_us", row->uncorrected_us, RESULTS_PERCENTILES);
    return error < 0 ? error : put_errors(object, row);
}

static int put_case(json_t *cases, const struct results *results, size_t which_case)
{
    const struct result_case *one = &results->cases[which_case];
    json_t *object = json_object(), *rows;
    int error = json_array_append_new(cases, object) < 0 ? -ENOMEM : 0;

    if (error == 0)
        error = put_form(object, &form_case, one);
    if (error < 0)
        return error;
    rows = put_empty(object, "rows", json_array());
    error = rows ? 0 : -ENOMEM;
    for (size_t i = 0; error == 0 && i < results->row_count; i++)
        if (results->rows[i].which_case == which_case)
            error = put_row(rows, &results->rows[i], one->planned_rate > 0);
    return error;
}

static int put_all(json_t *root, const struct results *results)
{
    json_t *machine, *cases;
    int error = put(root, "schema", json_integer(RESULTS_SCHEMA));

    if (error == 0)
        error = put_form(root, &form_run, results);
    if (error < 0)
        return error;
    machine = put_empty(root, "machine", json_object());
    error = machine ? put_form(machine, &form_machine, &results->machine) : -ENOMEM;
    if (error == 0)
        error = put_numbers(root, "percentiles", results_percentiles, RESULTS_PERCENTILES);
    if (error < 0)
        return error;
    cases = put_empty(root, "cases", json_array());
    error = cases ? 0 : -ENOMEM;
    for (size_t i = 0; error == 0 && i < results->case_count; i++)
        error = put_case(cases, results, i);
    return error;
}

/* Whole and on the disk, or not at all. */
static int write_whole(const json_t *root, const char *path)
{
    FILE *file = fopen(path, "we");
    int error = 0;

    if (!file)
        return -errno;
    errno = ENOMEM;
    if (json_dumpf(root, file, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS)) < 0 ||
        fputc('\n', file) == EOF || fflush(file) == EOF || fsync(fileno(file)) < 0)
        error = -errno;
    if (fclose(file) == EOF && error == 0)
        error = -errno;
    return error;
}

static int write_beside(const json_t *root, const char *path)
{
    char *beside;
    int error;

    if (asprintf(&beside, "%s.new", path) < 0)
        return -ENOMEM;
    error = write_whole(root, beside);
    if (error == 0 && rename(beside, path) < 0)
        error = -errno;
    if (error < 0)
        (void)unlink(beside);
    free(beside);
    return error;
}

int results_json_write(const struct results *results, const char *path)
{
    json_t *root = json_object();
    int error = root ? put_all(root, results) : -ENOMEM;

    if (error == 0)
        error = write_beside(root, path);
    json_decref(root);
    return error;
}
