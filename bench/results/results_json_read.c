/* results_json_read.c - results out of a JSON document, which may hold anything. */
/* SPDX-License-Identifier: MIT */
#include "results_json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "results_form.h"

static void read_form(struct json_place *place, const json_t *object, const struct form *form,
                      void *structure)
{
    json_read_fields(place, object, form->fields, form->count, structure);
}

/* The numbers of an array, at most `room` of them; returns how many. */
static size_t read_numbers(struct json_place *place, const json_t *object, const char *key,
                           double values[], size_t room)
{
    const json_t *array = json_member(place, object, key, JSON_ARRAY);
    size_t count = json_array_size(array), mark = json_enter(place, key);

    if (count > room)
        json_mistake(place, "has %zu members, of at most %zu", count, room);
    for (size_t i = 0; i < count && !place->mistaken; i++)
        values[i] = json_number_value(json_element(place, array, i, JSON_REAL));
    json_leave(place, mark);
    return place->mistaken ? 0 : count;
}

static void read_percentiles(struct json_place *place, const json_t *object, const char *key,
                             double values[RESULTS_PERCENTILES])
{
    size_t count = read_numbers(place, object, key, values, RESULTS_PERCENTILES);
    size_t mark = json_enter(place, key);

    if (count < RESULTS_PERCENTILES)
        json_mistake(place, "has %zu members, not %d", count, RESULTS_PERCENTILES);
    json_leave(place, mark);
}

static void read_figures(struct json_place *place, const json_t *row, struct series figures[])
{
    const json_t *object = json_member(place, row, "figures", JSON_OBJECT);
    size_t mark = json_enter(place, "figures");

    for (int i = 0; i < FIGURES; i++) {
        const char *key = figure_kind((enum figure)i)->key;

        if (json_object_get(object, key))
            figures[i].count = read_numbers(place, object, key, figures[i].values, ROUNDS_MAX);
    }
    json_leave(place, mark);
}

static void read_errors(struct json_place *place, const json_t *row, uint64_t errors[LOAD_ERRORS])
{
    const json_t *object = json_member(place, row, "errors", JSON_OBJECT);
    size_t mark = json_enter(place, "errors");

    for (int i = 0; i < LOAD_ERRORS; i++) {
        const struct json_field field = {load_error_name((enum load_error)i), JSON_FIELD_COUNT, 0,
                                         sizeof errors[i]};

        json_read_fields(place, object, &field, 1, &errors[i]);
    }
    json_leave(place, mark);
}

static void read_state(struct json_place *place, const json_t *row, enum row_state *state)
{
    const char *said = json_string_value(json_member(place, row, "state", JSON_STRING));
    size_t mark = json_enter(place, "state");
    int i = 0;

    while (said && i < ROW_STATES && strcmp(form_states[i], said) != 0)
        i++;
    if (i < ROW_STATES)
        *state = (enum row_state)i;
    else
        json_mistake(place, "is not measured, invalid, failed or skipped");
    json_leave(place, mark);
}

static void read_row(struct json_place *place, const json_t *object, bool open_loop,
                     struct result_row *row)
{
    read_state(place, object, &row->state);
    read_form(place, object, &form_row, row);
    read_figures(place, object, row->figures);
    if (row->latency_count > 0)
        read_percentiles(place, object, "latency_us", row->latency_us);
    if (row->latency_count > 0 && open_loop)
        read_percentiles(place, object, "uncorrected_us", row->uncorrected_us);
    read_errors(place, object, row->errors);
}

static void read_rows(struct json_place *place, const json_t *object, size_t which_case,
                      struct results *results)
{
    const json_t *rows = json_member(place, object, "rows", JSON_ARRAY);
    const bool open_loop = results->cases[which_case].planned_rate > 0;
    size_t mark = json_enter(place, "rows");

    for (size_t i = 0; i < json_array_size(rows) && !place->mistaken; i++) {
        const json_t *element = json_element(place, rows, i, JSON_OBJECT);
        size_t inner = json_enter_index(place, i);
        struct result_row *row = results_add_row(results, which_case, "", false);

        if (row)
            read_row(place, element, open_loop, row);
        else
            json_mistake(place, "does not fit in memory");
        json_leave(place, inner);
    }
    json_leave(place, mark);
}

static void read_cases(struct json_place *place, const json_t *root, struct results *results)
{
    const json_t *cases = json_member(place, root, "cases", JSON_ARRAY);
    size_t mark = json_enter(place, "cases");

    for (size_t i = 0; i < json_array_size(cases) && !place->mistaken; i++) {
        const json_t *element = json_element(place, cases, i, JSON_OBJECT);
        size_t inner = json_enter_index(place, i);
        struct result_case *one = results_add_case(results);

        if (one) {
            read_form(place, element, &form_case, one);
            read_rows(place, element, i, results);
        } else {
            json_mistake(place, "does not fit in memory");
        }
        json_leave(place, inner);
    }
    json_leave(place, mark);
}

static void read_machine(struct json_place *place, const json_t *root, struct fingerprint *machine)
{
    const json_t *object = json_member(place, root, "machine", JSON_OBJECT);
    size_t mark = json_enter(place, "machine");

    read_form(place, object, &form_machine, machine);
    json_leave(place, mark);
}

/* A file with other percentiles would be read as if it had ours. */
static void check_percentiles(struct json_place *place, const json_t *root)
{
    double percentiles[RESULTS_PERCENTILES] = {0};
    size_t mark;

    read_percentiles(place, root, "percentiles", percentiles);
    mark = json_enter(place, "percentiles");
    for (size_t i = 0; i < RESULTS_PERCENTILES; i++)
        if (percentiles[i] < results_percentiles[i] || percentiles[i] > results_percentiles[i])
            json_mistake(place, "has %g, where this program has %g", percentiles[i],
                         results_percentiles[i]);
    json_leave(place, mark);
}

static void read_all(struct json_place *place, const json_t *root, struct results *results)
{
    const json_t *schema = json_member(place, root, "schema", JSON_INTEGER);

    if (schema && json_integer_value(schema) != RESULTS_SCHEMA)
        json_mistake(place, "has schema %" JSON_INTEGER_FORMAT ", this program reads %d",
                     json_integer_value(schema), RESULTS_SCHEMA);
    read_form(place, root, &form_run, results);
    read_machine(place, root, &results->machine);
    check_percentiles(place, root);
    read_cases(place, root, results);
}

/* What the parser quotes of the file may be anything. */
static void make_one_line(char *text)
{
    for (; *text; text++)
        if (!isprint((unsigned char)*text))
            *text = '?';
}

static json_t *load(const char *path, char *mistake, size_t size, int *error)
{
    json_error_t parser;
    json_t *root;
    FILE *file = fopen(path, "re");

    *error = file ? -EPROTO : -errno;
    if (!file) {
        (void)snprintf(mistake, size, "%s: %s", path, strerror(-*error));
        return NULL;
    }
    root = json_loadf(file, JSON_REJECT_DUPLICATES, &parser);
    if (!root && ferror(file)) {
        *error = -EIO;
        (void)snprintf(mistake, size, "%s: cannot be read", path);
    } else if (!root) {
        make_one_line(parser.text);
        (void)snprintf(mistake, size, "%s: not JSON: line %d, column %d: %s", path, parser.line,
                       parser.column, parser.text);
    }
    (void)fclose(file);
    return root;
}

int results_json_read(const char *path, struct results *results, char *mistake, size_t size)
{
    char what[RESULTS_JSON_MISTAKE] = "";
    struct json_place place = {.mistake = what, .mistake_size = sizeof what};
    struct results read = {0};
    int error;
    json_t *root = load(path, mistake, size, &error);

    if (!root)
        return error;
    read_all(&place, root, &read);
    json_decref(root);
    if (place.mistaken) {
        results_destroy(&read);
        (void)snprintf(mistake, size, "%s: %s", path, what);
        return -EPROTO;
    }
    *results = read;
    return 0;
}
