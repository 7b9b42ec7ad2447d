/* owed.c - operations that have to complete by themselves, as nothing stands in their way. */
/* SPDX-License-Identifier: MIT */
#include "fault.h"
#include "schedule.h"
#include "trial.h"

enum { PAUSE_NS = 10000000, PAUSES = 1000 };

/* Does an operation of this kind on this stream have nothing to wait for? */
static bool is_owed(enum exchange_kind kind, const struct net_stream *stream)
{
    switch (kind) {
    case EXCHANGE_RECEIVE:
        return stream->arrived > stream->taken || stream->ended || stream->broken;
    case EXCHANGE_SEND:
        return stream->script.read_max > 0 || stream->broken;
    case EXCHANGE_ACCEPT:
        return stream->backlog_count > 0;
    case EXCHANGE_CONNECT:
        return stream->phase != NET_CONNECTING;
    case EXCHANGE_POST:
        break;
    }
    return true;
}

static bool connection_owes(const struct connection *connection)
{
    const struct exchange *exchanges = &connection->exchanges[0][0];

    for (unsigned i = 0; i < 2 * EXCHANGES_EACH_WAY; i++)
        if (exchanges[i].claimed &&
            (connection->closing || is_owed(exchanges[i].kind, connection->stream)))
            return true;
    return false;
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
