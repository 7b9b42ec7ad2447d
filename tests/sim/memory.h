/* memory.h - how much memory is in use. */
/* SPDX-License-Identifier: MIT */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stddef.h>

/* Blocks that were allocated and not freed. */
size_t memory_blocks(void);

#endif
