/* scarcity.h - no memory for the calling thread, when a test wants it so. */
/* SPDX-License-Identifier: MIT */
#ifndef CONTRACT_SCARCITY_H
#define CONTRACT_SCARCITY_H

#include <stdbool.h>

/* Not under a sanitizer that brings its own allocator. */
bool memory_can_be_made_scarce(void);

/* From now on every allocation of this thread fails, or none does. */
void memory_make_scarce(bool scarce);

#endif
