/* plain_port.h - scenarios of a port, a pool and sockets, without a server. */
/* SPDX-License-Identifier: MIT */
#ifndef FAULTS_PLAIN_PORT_H
#define FAULTS_PLAIN_PORT_H

/* Accepts and connects, with first data and without; what is sent arrives. */
void plain_connect(const char *engine);

/* Two sends, one behind the other: the second does not go out if the first is cut short. */
void plain_sends(const char *engine);

/* Operations that wait are cancelled one by one, all at once, and by their deadlines. */
void plain_cancel(const char *engine);

/* Callbacks sleep where the library does not know, each until another one has run. */
void plain_blocked(const char *engine);

/* Sockets, and then the port, are closed while operations wait. */
void plain_close(const char *engine);

#endif
