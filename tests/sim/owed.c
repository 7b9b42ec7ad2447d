/* owed.c - operations that have to complete by themselves, as nothing stands in their way. */
/* SPDX-License-Identifier: MIT */
#include "fault.h"
#include "schedule.h"
#include "trial.h"

enum { PAUSE_NS = 10000000, PAUSES = 1000 };

/* Does an operation of this kind on this stream have nothing to wait for? */
static bool is_owed(enum exchange_kind kind, const struct net_stream *stream)
{
    const bool is_read = stream->script.read_max > 0 || stream->broken;

    switch (kind) {
    case EXCHANGE_RECEIVE:
        return stream->arrived > stream->taken || stream->ended || stream->broken;
    case EXCHANGE_SEND:
        return is_read;
    case EXCHANGE_CONNECT: /* and the first data may have to be read */
        return stream->phase == NET_REFUSED || (stream->phase == NET_CONNECTED && is_read);
    case EXCHANGE_ACCEPT:
    case EXCHANGE_POST:
        break;
    }
    return true;
}

static unsigned count_claimed(const struct connection *connection)
{
    const struct exchange *exchanges = &connection->exchanges[0][0];
    unsigned count = 0;

    for (unsigned i = 0; i < 2 * EXCHANGES_EACH_WAY; i++)
        count += exchanges[i].claimed;
    return count;
}

/* Its accepts owe what calls and what has called and said something; silent callers may each
 * keep one of them waiting. */
static bool listener_owes(const struct connection *listener)
{
    const struct net_stream *stream;
    unsigned accepted = 0;

    for (unsigned i = 1; (stream = net_stream_by_number(i)) != NULL; i++) {
        if (stream->listener != listener->stream || stream->handed_over || stream->file == NULL)
            continue;
        if (stream->arrived > 0 || stream->ended || stream->broken)
            return true;
        accepted++;
    }
    return listener->stream->backlog_count > 0 && count_claimed(listener) > accepted;
}

/* One with a deadline completes in any case. */
static bool exchange_owes(const struct exchange *exchange)
{
    const struct connection *connection = exchange->connection;

    if (!exchange->claimed)
        return false;
    if (connection->closing || exchange->timeout_ms > 0)
        return true;
    return !connection->listens && is_owed(exchange->kind, connection->stream);
}

static bool connection_owes(const struct connection *connection)
{
    const struct exchange *exchanges = &connection->exchanges[0][0];

    for (unsigned i = 0; i < 2 * EXCHANGES_EACH_WAY; i++)
        if (exchange_owes(&exchanges[i]))
            return true;
    return connection->listens && count_claimed(connection) > 0 && listener_owes(connection);
}

static bool echo_owes(const struct echo *echo)
{
    return echo->begun > echo->run &&
           is_owed(echo->sending ? EXCHANGE_SEND : EXCHANGE_RECEIVE, echo->stream);
}

static bool anybody_owes(void)
{
    for (unsigned i = 0; i < trial.connection_count; i++)
        if (connection_owes(&trial.connections[i]))
            return true;
    for (unsigned i = 0; i < trial.echo_count; i++)
        if (echo_owes(&trial.echoes[i]))
            return true;
    for (unsigned i = 0; i < POSTS_MAX; i++)
        if (trial.posts[i].claimed)
            return true;
    return false;
}

void await_what_is_owed(void)
{
    fault_set_odds(FAULT_DESCRIPTOR, 0);
    for (int pauses = 0; anybody_owes(); pauses++) {
        if (pauses == PAUSES)
            schedule_fail("an operation that nothing hinders does not complete");
        sim_sleep(PAUSE_NS);
    }
}
