/* contract.c - the fixture of the suites that every engine passes. */
/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENGINES_MAX 8

const char *contract_only_engine(void)
{
    return getenv("IOCP_TEST_ENGINE");
}

struct criterion_test_params contract_engines(void)
{
    static size_t indices[ENGINES_MAX];
    const char *only = contract_only_engine();
    size_t count = 0;

    for (size_t i = 0; iocp_engine_name(i); i++) {
        if (only && strcmp(only, iocp_engine_name(i)) != 0)
            continue;
        cr_assert(lt(sz, count, ENGINES_MAX));
        indices[count++] = i;
    }
    return cr_make_param_array(size_t, indices, count);
}

struct iocp_port *contract_create_port(const char *engine, unsigned concurrency)
{
    struct iocp_port *port = NULL;
    int result = iocp_port_create(engine, concurrency, &port);

    if (result == -ENOTSUP)
        cr_skip_test("the kernel refuses the engine %s", engine);
    cr_assert(zero(int, result));
    return port;
}

void contract_open(struct contract *contract, size_t engine, unsigned workers)
{
    const char *name = iocp_engine_name(engine);

    contract->port = contract_create_port(name, workers > 0 ? workers : 1);
    cr_assert_str_eq(iocp_port_engine(contract->port), name);

    contract->pool = NULL;
    if (workers > 0)
        cr_assert(zero(int, iocp_pool_create(contract->port, workers, &contract->pool)));
}

void contract_close(struct contract *contract)
{
    if (contract->pool)
        cr_expect(zero(long, iocp_pool_stop(contract->pool, IOCP_DRAIN)));
    iocp_pool_free(contract->pool);
    iocp_port_free(contract->port);
}

void contract_connect(struct contract *contract, struct connection *connection)
{
    int ends[2];

    loopback_pair(ends);
    contract_adopt(contract, connection, ends);
}

void contract_adopt(struct contract *contract, struct connection *connection, const int ends[2])
{
    cr_assert(
        zero(int, iocp_socket_adopt(contract->port, ends[0], CONNECTION_KEY, &connection->socket)));
    connection->descriptor = ends[0];
    connection->peer = ends[1];
}

void contract_disconnect(struct connection *connection)
{
    iocp_socket_free(connection->socket);
    if (connection->peer >= 0)
        close(connection->peer);
}

struct iocp_op *contract_run_one(struct contract *contract)
{
    struct iocp_completion completion;

    cr_assert(zero(int, iocp_port_wait(contract->port, &completion, PATIENCE_MS)));
    cr_assert(completion.callback != NULL);
    completion.callback(completion.op, iocp_op_context(completion.op));
    return completion.op;
}

void contract_run(struct contract *contract, size_t count)
{
    for (size_t i = 0; i < count; i++)
        contract_run_one(contract);
}

bool contract_is_quiet(struct contract *contract)
{
    struct iocp_completion completion;

    return iocp_port_wait(contract->port, &completion, QUIET_MS) == -ETIMEDOUT;
}

ssize_t contract_receive(struct contract *contract, struct iocp_socket *socket, void *buffer,
                         size_t size)
{
    struct iocp_op op = {0};
    int begun = iocp_begin_receive(socket, &op, buffer, size, iocp_no_callback, NULL);

    if (begun < 0)
        return begun;
    cr_assert(contract_run_one(contract) == &op);
    return iocp_end_receive(socket, &op);
}

ssize_t contract_send(struct contract *contract, struct iocp_socket *socket, const void *buffer,
                      size_t size)
{
    struct iocp_op op = {0};
    int begun = iocp_begin_send(socket, &op, buffer, size, iocp_no_callback, NULL);

    if (begun < 0)
        return begun;
    cr_assert(contract_run_one(contract) == &op);
    return iocp_end_send(socket, &op);
}
