/* page_check.c - see page_check.h. */
/* SPDX-License-Identifier: MIT */
#include "page_check.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 32
#define NAME_SIZE 16

struct open_tags {
    char names[DEPTH_MAX][NAME_SIZE];
    size_t depth;
};

/* The tags that have no end. */
static bool is_void(const char *name)
{
    return strcmp(name, "meta") == 0 || strcmp(name, "!DOCTYPE") == 0 || strcmp(name, "br") == 0;
}

/* The ">" of a tag, past its attributes; NULL: there is something wrong with them. */
static const char *end_of_tag(const char *at)
{
    bool quoted = false;

    for (; *at && (quoted || *at != '>'); at++) {
        if (*at == '<' || (*at == '=' && !quoted && at[1] != '"'))
            return NULL;
        quoted = quoted != (*at == '"');
    }
    return *at == '>' ? at : NULL;
}

static bool read_name(const char *at, char name[NAME_SIZE])
{
    size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789!DOCTYPE");

    if (length == 0 || length >= NAME_SIZE)
        return false;
    memcpy(name, at, length);
    name[length] = '\0';
    return true;
}

static const char *read_tag(const char *at, struct open_tags *open)
{
    bool closes = at[1] == '/';
    char name[NAME_SIZE];
    const char *end = end_of_tag(at + 1);

    if (!end || !read_name(at + 1 + closes, name))
        return NULL;
    if (closes)
        return open->depth > 0 && strcmp(open->names[--open->depth], name) == 0 ? end : NULL;
    if (is_void(name) || end[-1] == '/')
        return end;
    if (open->depth == DEPTH_MAX)
        return NULL;
    memcpy(open->names[open->depth++], name, NAME_SIZE);
    return end;
}

static bool is_entity(const char *at)
{
    size_t length = strcspn(at, "; \n<");

    return length > 1 && length < 8 && at[length] == ';';
}

const char *page_check(const char *page)
{
    struct open_tags open = {.depth = 0};
    const char *at;

    for (at = page; *at; at++) {
        const char *end = at;

        if (*at == '<')
            end = read_tag(at, &open);
        if (!end || (*at == '&' && !is_entity(at)))
            return at;
        at = end;
    }
    return open.depth == 0 ? NULL : at;
}

size_t page_count(const char *page, const char *part)
{
    size_t count = 0;

    for (const char *at = page; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}
