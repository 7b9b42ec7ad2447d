/* json_fields.h - the plain members of a structure as members of a JSON object, by a table. */
/* SPDX-License-Identifier: MIT */
/*
 * Mistakes  Reading stops at the first one and keeps it, with its place, in one line; whatever is
 *           read after that is zero. So a reader may go on, and ask once at the end.
 */
#ifndef BENCH_JSON_FIELDS_H
#define BENCH_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum json_kind {
    JSON_FIELD_TEXT,  /* char[] */
    JSON_FIELD_COUNT, /* unsigned, of 4 or 8 bytes */
    JSON_FIELD_REAL,  /* double */
    JSON_FIELD_FLAG,  /* bool */
};

struct json_field {
    const char *key;
    enum json_kind kind;
    size_t offset, size;
};

#define JSON_FIELD(kind, structure, member)                             \
    {                                                                   \
#member, JSON_FIELD_##kind, offsetof(struct structure, member), \
            sizeof((struct structure *)NULL)->member                    \
    }

/* Where in the file a reader is, and the first mistake. */
struct json_place {
    char path[160];
    char *mistake;
    size_t mistake_size;
    bool mistaken;
};

/* Go into a member; returns what leaves it again. */
size_t json_enter(struct json_place *place, const char *key);
size_t json_enter_index(struct json_place *place, size_t index);
void json_leave(struct json_place *place, size_t mark);

/* Keep what is wrong at the place, if it is the first mistake. */
void json_mistake(struct json_place *place, const char *what, ...)
    __attribute__((format(printf, 2, 3)));

/* The member of that type, JSON_REAL standing for any number; NULL and a mistake: it is not there,
 * or of another type. */
json_t *json_member(struct json_place *place, const json_t *object, const char *key,
                    json_type type);

/* The same for the next member of an array, the place being inside it. */
json_t *json_element(struct json_place *place, const json_t *array, size_t index, json_type type);

void json_read_fields(struct json_place *place, const json_t *object,
                      const struct json_field fields[], size_t count, void *structure);

/* Returns 0; -ENOMEM; -EDOM: a member is not a number. */
int json_write_fields(json_t *object, const struct json_field fields[], size_t count,
                      const void *structure);

/* A string in which what is not UTF-8 has become question marks; NULL: no memory. */
json_t *json_text(const char *text);

#endif
