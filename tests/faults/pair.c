/* pair.c - two sockets that are connected with each other. */
/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static bool connect_pair(int listener, int fds[2])
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    if (listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        return false;
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fds[0] < 0)
        return false;
    if (connect(fds[0], (const struct sockaddr *)&address, length) == 0)
        fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fds[1] < 0)
        close(fds[0]);
    return fds[1] >= 0;
}

/* An unbound socket that listens is given an address of its own. */
bool pair_open(int fds[2])
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool opened = listener >= 0 && connect_pair(listener, fds);

    if (listener >= 0)
        close(listener);
    return opened;
}
