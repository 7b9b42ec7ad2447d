/* page_check.h - is a page well-formed? */
/* SPDX-License-Identifier: MIT */
#ifndef PAGE_CHECK_H
#define PAGE_CHECK_H

#include <stddef.h>

/*
 * Every tag that is opened is closed, in the order in which it has to be; attributes are quoted;
 * no "<" or bare "&" stands in a text.
 *
 * Returns  NULL: so it is; else the place where it is not.
 */
const char *page_check(const char *page);

/* How often one text stands in another. */
size_t page_count(const char *page, const char *part);

#endif
