/* contract.h - what every engine must do alike: a port, a connection, and completions by hand. */
/* SPDX-License-Identifier: MIT */
/*
 * Every function asserts what a test takes for granted, so it is called in the test's own
 * thread. A test opens the contract without workers and takes the completions itself, or with
 * workers and leaves them to the pool; never both, as a thread that took one counts as running.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include <iocp/event.h>
#include <iocp/op.h>
#include <iocp/pool.h>
#include <iocp/port.h>
#include <iocp/socket.h>

#include "deadline.h"
#include "loopback.h"

/* How long a test looks on while nothing may happen; what must happen has PATIENCE_MS. */
#define QUIET_MS 60
/* The key of every connection's socket. */
#define CONNECTION_KEY 42

/* The one engine that is to be tested, as the environment's IOCP_TEST_ENGINE says; NULL: all. */
const char *contract_only_engine(void);

/* The indices of all engines to be tested, as the parameters of a test. */
struct criterion_test_params contract_engines(void);

/* Create a port. The test is skipped if the kernel refuses the engine. */
struct iocp_port *contract_create_port(const char *engine, unsigned concurrency);

/* A test that runs once for each engine; its body sees the index as `*engine`. */
#define EngineTest(suite, name)              \
    ParameterizedTestParameters(suite, name) \
    {                                        \
        return contract_engines();           \
    }                                        \
    ParameterizedTest(const size_t *engine, suite, name)

struct contract {
    struct iocp_port *port;
    struct iocp_pool *pool; /* NULL: the test takes the completions */
};

/* One TCP connection over loopback: a socket at the port, and a plain blocking descriptor. */
struct connection {
    struct iocp_socket *socket; /* NULL: the test has freed it */
    int descriptor;             /* the socket's own, to look at */
    int peer;                   /* -1: the test has closed it */
};

/* Open a port with engine `engine`, and `workers` workers, as many at once. The test is skipped
 * if the kernel refuses the engine. */
void contract_open(struct contract *contract, size_t engine, unsigned workers);

/* Stop the workers, if any, and free the port. Sockets are to be freed before. */
void contract_close(struct contract *contract);

/* Make a connection. */
void contract_connect(struct contract *contract, struct connection *connection);

/* Make a connection of two connected descriptors, the first of which becomes the socket's. */
void contract_adopt(struct contract *contract, struct connection *connection, const int ends[2]);

/* Free the socket and close the peer. */
void contract_disconnect(struct connection *connection);

/* Take one completion and run its callback; returns the operation. */
struct iocp_op *contract_run_one(struct contract *contract);

/* Take `count` completions, running each one's callback. */
void contract_run(struct contract *contract, size_t count);

/* Does the port stay without a completion for QUIET_MS? (It is waited on meanwhile.) */
bool contract_is_quiet(struct contract *contract);

/* Begin an operation, take its completion and end it: for when nothing else is in flight.
 * Returns what begin refused it with, or what end says. */
ssize_t contract_receive(struct contract *contract, struct iocp_socket *socket, void *buffer,
                         size_t size);
ssize_t contract_send(struct contract *contract, struct iocp_socket *socket, const void *buffer,
                      size_t size);

#endif
