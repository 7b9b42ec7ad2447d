/* loopback.h - plain blocking TCP over 127.0.0.1: the stranger at the other end of a test. */
/* SPDX-License-Identifier: MIT */
/*
 * Failures  Without a loopback no test means anything: where nothing else is said, a failing
 *           call ends the test with a message.
 * Time      A descriptor from here gives a read or a write up after PATIENCE_MS.
 */
#ifndef SUPPORT_LOOPBACK_H
#define SUPPORT_LOOPBACK_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A listening socket on a port of the kernel's choice. */
int loopback_listen(void);

/* The address a socket is bound to. */
struct sockaddr_in loopback_address(int fd);

/* The port a socket is bound to. */
uint16_t loopback_port(int fd);

/* A connection to that port; the second one, where it may fail: or a negative errno. */
int loopback_connect(uint16_t port);
int loopback_try_connect(uint16_t port);

/* The next connection of a listening socket. */
int loopback_accept(int listener);

/* Two ends of one connection. */
void loopback_pair(int ends[2]);

/* Write all of it; returns 0 or a negative errno (-EPIPE raises no signal). */
int loopback_write_all(int fd, const void *bytes, size_t size);

/* Read until `size` bytes are there or the peer has ended; returns how many, or a negative
 * errno: -EAGAIN when patience is over. */
ssize_t loopback_read_all(int fd, void *bytes, size_t size);

/* Close so that the peer sees a reset. */
void loopback_reset(int fd);

#endif
