/* json_fields.c - see json_fields.h. */
/* SPDX-License-Identifier: MIT */
#include "json_fields.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t json_enter(struct json_place *place, const char *key)
{
    size_t mark = strlen(place->path);

    (void)snprintf(place->path + mark, sizeof place->path - mark, "%s%s", mark > 0 ? "." : "", key);
    return mark;
}

size_t json_enter_index(struct json_place *place, size_t index)
{
    size_t mark = strlen(place->path);

    (void)snprintf(place->path + mark, sizeof place->path - mark, "[%zu]", index);
    return mark;
}

void json_leave(struct json_place *place, size_t mark)
{
    place->path[mark] = '\0';
}

void json_mistake(struct json_place *place, const char *what, ...)
{
    char said[128];
    va_list arguments;

    if (place->mistaken)
        return;
    va_start(arguments, what);
    (void)vsnprintf(said, sizeof said, what, arguments);
    va_end(arguments);
    (void)snprintf(place->mistake, place->mistake_size, "%s%s%s", place->path,
                   place->path[0] != '\0' ? " " : "", said);
    place->mistaken = true;
}

static const char *type_name(json_type type)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",    [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a count",     [JSON_REAL] = "a number",  [JSON_TRUE] = "true or false",
        [JSON_FALSE] = "true or false", [JSON_NULL] = "null"};

    return names[type];
}

static bool is_of(const json_t *value, json_type type)
{
    if (type == JSON_REAL)
        return json_is_number(value);
    if (type == JSON_TRUE)
        return json_is_boolean(value);
    return json_typeof(value) == type;
}

static json_t *expect(struct json_place *place, json_t *value, json_type type)
{
    if (!value)
        json_mistake(place, "is missing");
    else if (!is_of(value, type))
        json_mistake(place, "is not %s", type_name(type));
    return place->mistaken ? NULL : value;
}

json_t *json_member(struct json_place *place, const json_t *object, const char *key, json_type type)
{
    size_t mark = json_enter(place, key);
    json_t *value = expect(place, json_object_get(object, key), type);

    json_leave(place, mark);
    return value;
}

json_t *json_element(struct json_place *place, const json_t *array, size_t index, json_type type)
{
    size_t mark = json_enter_index(place, index);
    json_t *value = expect(place, json_array_get(array, index), type);

    json_leave(place, mark);
    return value;
}

static void read_text(struct json_place *place, const json_t *value, char *text, size_t size)
{
    if (json_string_length(value) < size)
        (void)snprintf(text, size, "%s", json_string_value(value));
    else
        json_mistake(place, "is longer than %zu bytes", size - 1);
}

static void read_count(struct json_place *place, const json_t *value, void *at, size_t size)
{
    uint64_t count = (uint64_t)json_integer_value(value);
    uint32_t small = (uint32_t)count;

    if (json_integer_value(value) < 0)
        json_mistake(place, "is less than 0");
    else if (size == sizeof small && count > UINT32_MAX)
        json_mistake(place, "is more than %u", (unsigned)UINT32_MAX);
    else if (size == sizeof small)
        memcpy(at, &small, sizeof small);
    else
        memcpy(at, &count, sizeof count);
}

static void read_field(struct json_place *place, const json_t *object,
                       const struct json_field *field, void *at)
{
    static const json_type types[] = {[JSON_FIELD_TEXT] = JSON_STRING,
                                      [JSON_FIELD_COUNT] = JSON_INTEGER,
                                      [JSON_FIELD_REAL] = JSON_REAL,
                                      [JSON_FIELD_FLAG] = JSON_TRUE};
    const json_t *value = json_member(place, object, field->key, types[field->kind]);
    size_t mark;

    if (!value)
        return;
    mark = json_enter(place, field->key);
    switch (field->kind) {
    case JSON_FIELD_TEXT:
        read_text(place, value, at, field->size);
        break;
    case JSON_FIELD_COUNT:
        read_count(place, value, at, field->size);
        break;
    case JSON_FIELD_REAL:
        *(double *)at = json_number_value(value);
        break;
    case JSON_FIELD_FLAG:
        *(bool *)at = json_is_true(value);
        break;
    }
    json_leave(place, mark);
}

void json_read_fields(struct json_place *place, const json_t *object,
                      const struct json_field fields[], size_t count, void *structure)
{
    for (size_t i = 0; i < count; i++)
        read_field(place, object, &fields[i], (char *)structure + fields[i].offset);
}

json_t *json_text(const char *text)
{
    json_t *string = json_string(text);
    char *plain;

    if (string)
        return string;
    plain = strdup(text);
    for (char *at = plain; at && *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    string = plain ? json_string(plain) : NULL;
    free(plain);
    return string;
}

static json_t *count_at(const void *at, size_t size)
{
    uint64_t count;
    uint32_t small;

    assert(size == sizeof count || size == sizeof small);
    memcpy(size == sizeof small ? (void *)&small : (void *)&count, at, size);
    return json_integer((json_int_t)(size == sizeof small ? small : count));
}

int json_write_fields(json_t *object, const struct json_field fields[], size_t count,
                      const void *structure)
{
    for (size_t i = 0; i < count; i++) {
        const void *at = (const char *)structure + fields[i].offset;
        json_t *value = NULL;

        switch (fields[i].kind) {
        case JSON_FIELD_TEXT:
            value = json_text(at);
            break;
        case JSON_FIELD_COUNT:
            value = count_at(at, fields[i].size);
            break;
        case JSON_FIELD_REAL:
            if (!isfinite(*(const double *)at))
                return -EDOM;
            value = json_real(*(const double *)at);
            break;
        case JSON_FIELD_FLAG:
            value = json_boolean(*(const bool *)at);
            break;
        }
        if (json_object_set_new(object, fields[i].key, value) < 0)
            return -ENOMEM;
    }
    return 0;
}
