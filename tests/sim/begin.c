/* begin.c - begins the operation of an exchange, in one of the ways there are. */
/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "chance.h"
#include "schedule.h"
#include "trial.h"

uint8_t send_byte(unsigned tag, size_t place)
{
    return (uint8_t)((tag * 37U + (unsigned)place * 101U) ^ (tag >> 3));
}

/* Cut the buffer into a few parts, empty ones among them. */
static size_t draw_parts(struct exchange *exchange, struct iovec parts[4])
{
    size_t count = chance_between(1, 4), from = 0;

    for (size_t i = 0; i < count; i++) {
        size_t left = exchange->size - from;
        size_t length = i + 1 == count ? left : chance_below((unsigned)left + 1);

        parts[i] = (struct iovec){exchange->bytes + from, length};
        from += length;
    }
    return count;
}

static int begin_receive(struct exchange *exchange, iocp_callback *callback)
{
    struct iocp_socket *socket = exchange->connection->socket;
    struct iovec parts[4];

    exchange->size = chance_one_in(8) ? 0 : chance_between(1, EXCHANGE_BYTES);
    memset(exchange->bytes, 0, sizeof exchange->bytes);
    if (chance_one_in(2))
        return iocp_begin_receive(socket, &exchange->op.op, exchange->bytes, exchange->size,
                                  callback, exchange);
    return iocp_begin_receive_vector(socket, &exchange->op, parts, draw_parts(exchange, parts),
                                     callback, exchange);
}

static void fill_outward(struct exchange *exchange, unsigned none_odds)
{
    exchange->size = chance_one_in(none_odds) ? 0 : chance_between(1, EXCHANGE_BYTES);
    exchange->tag = ++trial.next_tag;
    for (size_t i = 0; i < exchange->size; i++)
        exchange->bytes[i] = send_byte(exchange->tag, i);
}

static int begin_last_send(struct exchange *exchange, iocp_callback *callback)
{
    struct connection *connection = exchange->connection;
    int result;

    connection->shutting = true;
    result = iocp_begin_send_shutdown(connection->socket, &exchange->op.op, exchange->bytes,
                                      exchange->size, callback, exchange);
    if (result >= 0)
        connection->shut = true;
    return result;
}

static int begin_send(struct exchange *exchange, iocp_callback *callback)
{
    struct iocp_socket *socket = exchange->connection->socket;
    struct iovec parts[4];

    fill_outward(exchange, 16);
    if (chance_one_in(24))
        return begin_last_send(exchange, callback);
    if (chance_one_in(2))
        return iocp_begin_send(socket, &exchange->op.op, exchange->bytes, exchange->size, callback,
                               exchange);
    return iocp_begin_send_vector(socket, &exchange->op, parts, draw_parts(exchange, parts),
                                  callback, exchange);
}

static int begin_connect(struct exchange *exchange, iocp_callback *callback)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(7), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct iocp_destination to = {
        .address = (const struct sockaddr *)(const void *)&address,
        .length = sizeof address,
        .buffer = exchange->bytes,
    };

    fill_outward(exchange, 2);
    to.size = exchange->size;
    return iocp_begin_connect_send(exchange->connection->socket, &exchange->op.op, &to, callback,
                                   exchange);
}

/* With room for the first data, or without. */
static int begin_accept(struct exchange *exchange, iocp_callback *callback)
{
    exchange->size = chance_one_in(2) ? 0 : chance_between(1, ECHO_BYTES);
    memset(exchange->bytes, 0, sizeof exchange->bytes);
    return iocp_begin_accept_receive(exchange->connection->socket, &exchange->op.op,
                                     exchange->bytes, exchange->size, callback, exchange);
}

static int begin_post(struct exchange *exchange, iocp_callback *callback)
{
    exchange->poster = schedule_number(schedule_self());
    exchange->tag = ++trial.last_posted[exchange->poster];
    return iocp_port_post_callback(trial.port, &exchange->op.op, 0, callback, exchange);
}

int begin_operation(struct exchange *exchange, iocp_callback *callback)
{
    switch (exchange->kind) {
    case EXCHANGE_RECEIVE:
        return begin_receive(exchange, callback);
    case EXCHANGE_SEND:
        return begin_send(exchange, callback);
    case EXCHANGE_ACCEPT:
        return begin_accept(exchange, callback);
    case EXCHANGE_CONNECT:
        return begin_connect(exchange, callback);
    case EXCHANGE_POST:
        break;
    }
    return begin_post(exchange, callback);
}
