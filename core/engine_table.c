/* engine_table.c - the engines that are built in. */
/* SPDX-License-Identifier: MIT */
#include "engine.h"

const struct engine_ops *const engine_table[] = {
#ifdef IOCP_HAVE_URING
    &engine_uring,
#endif
    &engine_epoll,
    &engine_blocking,
    NULL,
};
