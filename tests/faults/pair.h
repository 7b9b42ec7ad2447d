/* pair.h - two sockets that are connected with each other. */
/* SPDX-License-Identifier: MIT */
#ifndef FAULTS_PAIR_H
#define FAULTS_PAIR_H

#include <stdbool.h>

/* The caller closes both. False: there are none. */
bool pair_open(int fds[2]);

#endif
