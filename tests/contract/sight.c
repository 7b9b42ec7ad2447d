/* sight.c - one receive, and what its callback saw of it. */
/* SPDX-License-Identifier: MIT */
#include "sight.h"

#include <string.h>

void send_text(const struct connection *connection, const char *text)
{
    cr_assert(zero(int, loopback_write_all(connection->peer, text, strlen(text))));
}

void begin(const struct connection *connection, struct iocp_op *op, void *buffer, size_t size,
           iocp_callback *callback, void *context)
{
    cr_assert(
        zero(int, iocp_begin_receive(connection->socket, op, buffer, size, callback, context)));
}

bool has_completed(void *op)
{
    return iocp_op_completed(op);
}

void on_received(struct iocp_op *op, void *context)
{
    struct sight *sight = context;

    sight->calls++;
    sight->op = op;
    sight->op_context = iocp_op_context(op);
    sight->completed = iocp_op_completed(op);
    sight->synchronous = iocp_op_completed_synchronously(op);
    sight->thread = pthread_self();
    if (sight->event)
        sight->event_result = iocp_event_wait(sight->event, 0);
    sight->end = iocp_end_receive(sight->socket, op);
    iocp_event_set(&sight->seen);
}

void sight_init(struct sight *sight, const struct connection *connection)
{
    *sight = (struct sight){.socket = connection->socket};
    iocp_event_init(&sight->seen, IOCP_MANUAL_RESET, false);
}
