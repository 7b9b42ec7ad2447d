/* own.h - what this process has: descriptors and threads. */
/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_OWN_H
#define SUPPORT_OWN_H

#include <stddef.h>

/* How many it has at this moment: compare before and after. */
size_t open_descriptor_count(void);
size_t thread_count(void);

/* Let it, and those it starts, have at least `count` descriptors. The test fails if it may not. */
void allow_descriptors(size_t count);

#endif
