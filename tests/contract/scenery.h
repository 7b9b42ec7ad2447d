/* scenery.h - listeners, and peers that keep an operation in flight. */
/* SPDX-License-Identifier: MIT */
/* Every function asserts what a test takes for granted: for the test's own thread. */
#ifndef CONTRACT_SCENERY_H
#define CONTRACT_SCENERY_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "contract.h"

/* Beyond what the kernel holds for a peer that does not read. */
#define STUCK_SIZE ((size_t)16 << 20)

/*
 * STUCK_SIZE zeroes to send, and room for STUCK_SIZE + 1 bytes to arrive: the same ones at each
 * call, as long as the test's process lives. They are no static arrays, since the leak checker
 * reads all of those at the end of every process, whatever its test was about.
 */
unsigned char *stuck_bytes(void);
unsigned char *stuck_arrivals(void);

/* Take one completion as it is: its callback is not run. */
struct iocp_completion take_completion(struct contract *contract);

/* A socket at the port, with CONNECTION_KEY, that listens on 127.0.0.1 at *port_number. */
struct iocp_socket *listen_at(struct contract *contract, uint16_t *port_number);

/* A new socket at the port, neither bound nor connected. */
struct iocp_socket *unconnected_socket(struct contract *contract);

/* The descriptor of this process that is connected to the client at that port number; -1: none,
 * for example because nobody has accepted the client yet. */
int descriptor_towards(uint16_t client);

/* A listener (ends[0]) with no room for another client than the one it has (ends[1]): a connect
 * to it neither succeeds nor fails. Both are the caller's to close. */
void fill_listener(int ends[2]);

/* A port number where a connect is refused, as long as *holder is not closed. */
uint16_t refusing_port(int *holder);

/* Begin a connect to 127.0.0.1 at `port_number`. */
void begin_connect_to(struct iocp_socket *socket, struct iocp_op *op, uint16_t port_number);

/* Begin a send of STUCK_SIZE bytes to a peer that does not read, and see the first of them
 * arrive. The contract has no workers. */
void begin_stuck_send(struct contract *contract, const struct connection *connection,
                      struct iocp_op *op, const void *bytes);

#endif
