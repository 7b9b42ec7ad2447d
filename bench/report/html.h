/* html.h - a page written piece by piece; what comes from outside is escaped. */
/* SPDX-License-Identifier: MIT */
/* Failures to write stay in the stream: who opened it asks ferror at the end. */
#ifndef BENCH_HTML_H
#define BENCH_HTML_H

#include <stdio.h>

/* Markup as it stands. No text from outside may be among the arguments. */
__attribute__((format(printf, 2, 3))) void html_put(FILE *page, const char *format, ...);

/* Text from anywhere, for between tags or inside a quoted attribute. */
void html_text(FILE *page, const char *text);

/* <tag>text</tag>; what stands before the first space of `tag` is its name. */
void html_element(FILE *page, const char *tag, const char *text);

#endif
