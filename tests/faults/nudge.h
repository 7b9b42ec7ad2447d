/* nudge.h - an event for what the shim has kept back. */
/* SPDX-License-Identifier: MIT */
#ifndef FAULTS_NUDGE_H
#define FAULTS_NUDGE_H

/*
 * The shim has said EAGAIN, or moved fewer bytes than it could have. Where that happens, the
 * kernel tells at the next change, once; here there is none, so it is asked to tell again.
 */
void nudge(int fd);

#endif
