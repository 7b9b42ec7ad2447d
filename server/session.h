/* session.h - one client: receive, framing, handler, send, receive again. */
/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "sessions.h"

/*
 * Begin a session on a connected descriptor; a worker opens it. It ends and frees itself.
 *
 * Ownership  The descriptor is taken over in any case: after a failure it is closed.
 * Returns    0. -ENOMEM, -ESHUTDOWN.
 */
int session_start(struct sessions *sessions, int fd);

#endif
