/* html.c - see html.h. */
/* SPDX-License-Identifier: MIT */
#include "html.h"

#include <stdarg.h>
#include <string.h>

void html_put(FILE *page, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfprintf(page, format, arguments);
    va_end(arguments);
}

static void put_character(FILE *page, char character)
{
    switch (character) {
    case '&':
        (void)fputs("&amp;", page);
        break;
    case '<':
        (void)fputs("&lt;", page);
        break;
    case '>':
        (void)fputs("&gt;", page);
        break;
    case '"':
        (void)fputs("&quot;", page);
        break;
    case '\'':
        (void)fputs("&#39;", page);
        break;
    default: /* a page may hold no control characters */
        (void)fputc((unsigned char)character < ' ' || character == '\x7f' ? ' ' : character, page);
    }
}

void html_text(FILE *page, const char *text)
{
    for (; *text; text++)
        put_character(page, *text);
}

void html_element(FILE *page, const char *tag, const char *text)
{
    html_put(page, "<%s>", tag);
    html_text(page, text);
    html_put(page, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}
