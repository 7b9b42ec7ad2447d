/* listener.h - opening the listening sockets that the options ask for. */
/* SPDX-License-Identifier: MIT */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stddef.h>

#include <iocp/address.h>

#include "options.h"

struct listener {
    int fd; /* non-blocking, so that a client who leaves early does not stop the acceptor */
    char address[IOCP_ADDRESS_TEXT_SIZE]; /* with its real port */
};

/*
 * Open a listener for each --listen, or for the default addresses; of these the one of IPv6 is
 * left out, with a warning, on a machine without it.
 *
 * Ownership  The caller closes the descriptors.
 * Returns    How many. A negative errno: none is open, and a line on stderr says why.
 */
int listener_open_all(const struct options *options,
                      struct listener listeners[OPTIONS_LISTENS_MAX]);

void listener_close_all(struct listener *listeners, size_t count);

#endif
