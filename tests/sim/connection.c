/* connection.c - connections of a trial, and whether their books are right. */
/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "chance.h"
#include "schedule.h"
#include "trial.h"

void draw_script(struct net_script *script)
{
    static const unsigned pauses[] = {10, 300, 5000};

    *script = (struct net_script){
        .to_send = chance_one_in(4) ? 0 : chance_below(600),
        .piece_max = chance_between(1, 120),
        .pause_us_max = pauses[chance_below(3)],
        .read_max = chance_one_in(4) ? 0 : chance_between(1, 200),
        .ending = chance_below(NET_ENDINGS),
    };
}

/* A simulated stream has its number for a port. */
static struct net_stream *stream_of(struct iocp_socket *socket)
{
    struct sockaddr_storage name;
    struct sockaddr_in ipv4;

    if (iocp_socket_local_address(socket, &name) < 0)
        schedule_fail("an open socket has no address");
    memcpy(&ipv4, &name, sizeof ipv4);
    return net_stream_by_number(ntohs(ipv4.sin_port));
}

struct connection *connection_make(struct iocp_socket *socket, enum exchange_kind inward,
                                   enum exchange_kind outward)
{
    struct net_stream *stream = stream_of(socket);
    struct connection *connection;

    if (trial.connection_count == CONNECTIONS_MAX)
        return NULL; /* others were faster */
    connection = &trial.connections[trial.connection_count];
    connection->socket = socket;
    connection->stream = stream;
    connection->number = ++trial.connection_count;
    connection->disturbed = trial.walks > 0;
    connection->listens = inward == EXCHANGE_ACCEPT;
    for (unsigned i = 0; i < EXCHANGES_EACH_WAY; i++) {
        connection->exchanges[0][i].kind = inward;
        connection->exchanges[1][i].kind = i == 0 ? outward : EXCHANGE_SEND;
        for (unsigned way = 0; way < 2; way++) {
            struct exchange *exchange = &connection->exchanges[way][i];

            exchange->connection = connection;
            exchange->has_event = chance_one_in(2);
            iocp_event_init(&exchange->done, IOCP_MANUAL_RESET, false);
            if (exchange->has_event)
                iocp_op_set_event(&exchange->op.op, &exchange->done);
        }
    }
    schedule_note("connection %u is stream %u", connection->number, connection->stream->number);
    return connection;
}

static void check_first(const struct net_stream *stream, const uint8_t *first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (first[i] != net_byte_at(stream, i))
            schedule_fail("stream %u: byte %zu did not come with its accept", stream->number, i);
}

void take_in(struct iocp_socket *accepted, const uint8_t *first, size_t count)
{
    struct net_stream *stream = stream_of(accepted);
    struct connection *connection = NULL;

    stream->handed_over = true;
    check_first(stream, first, count);
    if (!trial.over && chance_one_in(2))
        connection = connection_make(accepted, EXCHANGE_RECEIVE, EXCHANGE_SEND);
    if (connection != NULL)
        connection->first = count;
    else if (!trial.over && trial.echo_count < ECHOES_MAX)
        echo_make(accepted, first, count);
    else
        iocp_socket_free(accepted);
}

static void check_received(const struct connection *connection, const struct receipt *receipt,
                           uint64_t *place)
{
    for (size_t i = 0; i < receipt->count; i++, (*place)++)
        if (connection->log[receipt->at + i] != net_byte_at(connection->stream, *place))
            schedule_fail("connection %u: byte %llu was not received in its place",
                          connection->number, (unsigned long long)*place);
}

static void check_sent(const struct connection *connection, const struct receipt *receipt,
                       uint64_t *place)
{
    for (size_t i = 0; i < receipt->count; i++, (*place)++)
        if (*place >= connection->stream->sent ||
            connection->stream->bytes_sent[*place] != send_byte(receipt->tag, i))
            schedule_fail("connection %u: byte %llu was not sent in its place", connection->number,
                          (unsigned long long)*place);
}

void connection_free(struct connection *connection)
{
    iocp_socket_free(connection->socket);
    for (unsigned i = 0; i < 2 * EXCHANGES_EACH_WAY; i++)
        iocp_event_destroy(&(&connection->exchanges[0][0])[i].done);
}

/* Behind a send that was cut short nothing is sent any more. */
static void check_cut(const struct connection *connection)
{
    const struct receipt *receipts = connection->receipts[1];
    bool cut = false;

    for (unsigned i = 0; i < RECEIPTS_MAX && receipts[i].present; i++) {
        if (cut && (receipts[i].result == 0 || receipts[i].count > 0))
            schedule_fail("connection %u: send %u went out behind one that was cut short",
                          connection->number, i);
        cut = cut || (receipts[i].count > 0 && receipts[i].count < receipts[i].size);
    }
}

static uint64_t check_direction(const struct connection *connection, bool outward)
{
    const struct receipt *receipts = connection->receipts[outward];
    uint64_t place = outward ? 0 : connection->first;
    unsigned known = 0;

    for (; known < RECEIPTS_MAX && receipts[known].present; known++)
        (outward ? check_sent : check_received)(connection, &receipts[known], &place);
    for (unsigned i = known; i < RECEIPTS_MAX; i++)
        if (receipts[i].present)
            schedule_fail("connection %u: operation %u has a place, %u has none",
                          connection->number, i, known);
    return place;
}

/* If the last send failed the peer is not told an end, as it would take what it got for all. */
static bool end_is_due(const struct connection *connection)
{
    const struct receipt *last = NULL;

    for (unsigned i = 0; i < RECEIPTS_MAX && connection->receipts[1][i].present; i++)
        last = &connection->receipts[1][i];
    return connection->shut && !connection->closing && !connection->stream->broken &&
           (last == NULL || last->result == 0);
}

void connection_check(const struct connection *connection)
{
    const struct net_stream *stream = connection->stream;
    uint64_t received, sent;

    for (unsigned i = 0; i < 2 * EXCHANGES_EACH_WAY; i++)
        if ((&connection->exchanges[0][0])[i].claimed)
            schedule_fail("connection %u: an operation was never settled", connection->number);
    if (connection->listens)
        return;
    check_cut(connection);
    received = check_direction(connection, false);
    sent = check_direction(connection, true);
    if (received != stream->taken)
        schedule_fail("connection %u: of %llu bytes %llu came out", connection->number,
                      (unsigned long long)stream->taken, (unsigned long long)received);
    if (sent != stream->sent && !connection->tail_unknown)
        schedule_fail("connection %u: %llu bytes went out, %llu were accounted for",
                      connection->number, (unsigned long long)stream->sent,
                      (unsigned long long)sent);
    if (end_is_due(connection) && !stream->sends_shut)
        schedule_fail("connection %u: the peer never saw the end", connection->number);
}

static void on_echo(struct iocp_op *op, void *context);

/* Begin the next operation, until one is in flight or the connection is over. */
static void echo_go_on(struct echo *echo, long result)
{
    for (;;) {
        int begun;

        if (trial.over || result <= 0)
            break;
        echo->begun++;
        flight_begins();
        if (echo->sending)
            begun = iocp_begin_send(echo->socket, &echo->op, echo->bytes, (size_t)result, on_echo,
                                    echo);
        else
            begun = iocp_begin_receive(echo->socket, &echo->op, echo->bytes, sizeof echo->bytes,
                                       on_echo, echo);
        if (begun == 0)
            return;
        echo->begun--;
        flight_ends();
        if (begun < 0)
            break;
        result = echo->sending ? iocp_end_send(echo->socket, &echo->op)
                               : iocp_end_receive(echo->socket, &echo->op);
        echo->sending = !echo->sending;
    }
    iocp_socket_free(echo->socket);
    echo->socket = NULL;
}

static void on_echo(struct iocp_op *op, void *context)
{
    struct echo *echo = context;
    long result;

    callback_enter();
    if (op != &echo->op || ++echo->run != echo->begun)
        schedule_fail("an echo's callback has run %u times of %u", echo->run, echo->begun);
    trial.runs++;
    result = echo->sending ? iocp_end_send(echo->socket, op) : iocp_end_receive(echo->socket, op);
    schedule_note("echo: %s ends with %ld", echo->sending ? "send" : "receive", result);
    echo->sending = !echo->sending;
    if (chance_one_in(8))
        dawdle();
    echo_go_on(echo, result);
    flight_ends();
    callback_leave();
}

/* It begins with what came with the accept. */
void echo_make(struct iocp_socket *socket, const uint8_t *first, size_t count)
{
    struct echo *echo = &trial.echoes[trial.echo_count++];

    echo->socket = socket;
    echo->stream = stream_of(socket);
    if (chance_one_in(2))
        iocp_socket_skip_on_success(socket);
    for (size_t i = 0; i < count; i++)
        echo->bytes[i] = (char)first[i];
    echo->sending = count > 0;
    echo_go_on(echo, count > 0 ? (long)count : 1);
}

void echo_check(const struct echo *echo)
{
    const struct net_stream *stream = echo->stream;

    if (stream->sent > stream->taken)
        schedule_fail("an echo sent back more than it had received");
    for (uint64_t i = 0; i < stream->sent; i++)
        if (stream->bytes_sent[i] != net_byte_at(stream, i))
            schedule_fail("an echo sent byte %llu back wrongly", (unsigned long long)i);
}
