/* one_connection.h - for suites of which each test has one port and one connection. */
/* SPDX-License-Identifier: MIT */
/* A test is a process of its own, so these are shared by nobody. */
#ifndef CONTRACT_ONE_CONNECTION_H
#define CONTRACT_ONE_CONNECTION_H

#include <stddef.h>

#include "contract.h"

extern struct contract contract;
extern struct connection connection;

/* Open both, without workers. */
void open_connection(size_t engine);
void close_connection(void);

#endif
