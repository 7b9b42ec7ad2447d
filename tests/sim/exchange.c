/* exchange.c - hold the result of each operation against what may have come of it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "chance.h"
#include "fault.h"
#include "schedule.h"
#include "trial.h"

/* Nobody may have had the time to look at a deadline for so long, but not longer. */
#define LATE_NS INT64_C(250000000)

static void on_exchange(struct iocp_op *op, void *context);

static const char *const kinds[] = {
    [EXCHANGE_RECEIVE] = "receive", [EXCHANGE_SEND] = "send", [EXCHANGE_ACCEPT] = "accept",
    [EXCHANGE_CONNECT] = "connect", [EXCHANGE_POST] = "post",
};

static bool is_outward(const struct exchange *exchange)
{
    return exchange->kind == EXCHANGE_SEND || exchange->kind == EXCHANGE_CONNECT;
}

static unsigned number_of(const struct exchange *exchange)
{
    return exchange->connection != NULL ? exchange->connection->number : 0;
}

void flight_begins(void)
{
    trial.in_flight++;
}

void flight_ends(void)
{
    if (trial.in_flight == 0)
        schedule_fail("more completions than operations");
    if (--trial.in_flight == 0)
        iocp_event_set(&trial.quiet);
}

struct exchange *exchange_claim_idle(struct exchange *exchanges, unsigned count)
{
    unsigned first = chance_below(count);

    for (unsigned i = 0; i < count; i++) {
        struct exchange *exchange = &exchanges[(first + i) % count];

        if (!exchange->claimed) {
            exchange->claimed = true;
            return exchange;
        }
    }
    return NULL;
}

/* May a begin have failed so? */
static bool is_plausible_refusal(const struct exchange *exchange, int error)
{
    const struct connection *connection = exchange->connection;

    switch (-error) {
    case ESHUTDOWN:
        return trial.port_closing || (is_outward(exchange) && connection->shutting);
    case EBADF:
        return connection->closing;
    case ENOTCONN:
        return connection->exchanges[1][0].kind == EXCHANGE_CONNECT;
    case EISCONN:
    case EALREADY:
        return exchange->kind == EXCHANGE_CONNECT;
    case ECONNRESET:
        return connection->stream->broken;
    case EPIPE:
        return exchange->kind == EXCHANGE_SEND &&
               (connection->disturbed || connection->may_be_cut || fault_count(FAULT_WATCH) > 0);
    case ENOSPC:
        return fault_count(FAULT_WATCH) > 0;
    default:
        return false;
    }
}

static void note_refusal(struct exchange *exchange, int error)
{
    schedule_note("%s on %u: begin fails with %d", kinds[exchange->kind], number_of(exchange),
                  error);
    if (!is_plausible_refusal(exchange, error))
        schedule_fail("a %s on connection %u could not begin: error %d", kinds[exchange->kind],
                      number_of(exchange), error);
    if (is_outward(exchange) && error == -ENOSPC)
        exchange->connection->tail_unknown = true;
}

bool exchange_begin(struct exchange *exchange, int timeout_ms, bool with_callback)
{
    int result;

    if (exchange->has_event)
        iocp_event_reset(&exchange->done);
    exchange->timeout_ms = timeout_ms;
    exchange->begun_ns = schedule_now_ns();
    exchange->has_callback = with_callback;
    iocp_op_set_timeout(&exchange->op.op, timeout_ms);
    if (timeout_ms > 0 && exchange->connection != NULL && is_outward(exchange))
        exchange->connection->may_be_cut = true;
    if (with_callback) {
        exchange->begun++;
        flight_begins();
    }
    schedule_note("%s on %u: begins, callback %d, time-out %d", kinds[exchange->kind],
                  number_of(exchange), with_callback, timeout_ms);
    result = begin_operation(exchange, with_callback ? on_exchange : NULL);
    if (result == 0)
        return true;

    if (with_callback) {
        exchange->begun--;
        flight_ends();
    }
    if (result == 1) {
        exchange_settle(exchange);
    } else {
        note_refusal(exchange, result);
        exchange->claimed = false;
    }
    return false;
}

/* May the operation itself have failed so? */
static bool is_plausible_failure(const struct exchange *exchange, int error)
{
    const struct connection *connection = exchange->connection;

    switch (-error) {
    case ECANCELED:
        return connection->disturbed || trial.port_closing;
    case ETIMEDOUT:
        return exchange->timeout_ms > 0 &&
               schedule_now_ns() >= exchange->begun_ns + exchange->timeout_ms * INT64_C(1000000);
    case ECONNRESET:
        return connection->stream->broken;
    case EPIPE:
        return exchange->kind == EXCHANGE_SEND &&
               (connection->disturbed || connection->may_be_cut || fault_count(FAULT_WATCH) > 0);
    case ENOSPC:
        return exchange->kind == EXCHANGE_ACCEPT && exchange->size > 0 &&
               fault_count(FAULT_WATCH) > 0;
    case EMFILE:
        return exchange->kind == EXCHANGE_ACCEPT && fault_count(FAULT_DESCRIPTOR) > 0;
    case ENOMEM:
        return exchange->kind == EXCHANGE_ACCEPT && fault_count(FAULT_MEMORY) > 0;
    case ESHUTDOWN:
        return exchange->kind == EXCHANGE_ACCEPT && trial.port_closing;
    case ECONNREFUSED:
        return exchange->kind == EXCHANGE_CONNECT && connection->stream->phase == NET_REFUSED;
    default:
        return false;
    }
}

static void check_outcome(const struct exchange *exchange, long result)
{
    const struct net_stream *stream = exchange->connection->stream;
    size_t count = iocp_op_count(&exchange->op.op);

    if (result < 0 && !is_plausible_failure(exchange, (int)result))
        schedule_fail("a %s on connection %u ended with error %ld", kinds[exchange->kind],
                      number_of(exchange), result);
    if (result < 0)
        return;
    if (exchange->kind == EXCHANGE_SEND && (size_t)result != exchange->size)
        schedule_fail("a send of %u bytes succeeded with %ld", exchange->size, result);
    if (exchange->kind == EXCHANGE_CONNECT && count != exchange->size)
        schedule_fail("a connect with %u bytes succeeded with %zu", exchange->size, count);
    if (exchange->kind == EXCHANGE_ACCEPT && count > exchange->size)
        schedule_fail("an accept with room for %u bytes received %zu", exchange->size, count);
    if (exchange->kind == EXCHANGE_RECEIVE &&
        ((size_t)result > exchange->size || (size_t)result != count))
        schedule_fail("a receive of %u bytes came back with %ld", exchange->size, result);
    if (exchange->kind == EXCHANGE_RECEIVE && result == 0 && exchange->size > 0 &&
        (!stream->ended || stream->arrived != stream->taken))
        schedule_fail("a receive on connection %u found an end that is none", number_of(exchange));
}

static void write_receipt(const struct exchange *exchange, long result)
{
    struct connection *connection = exchange->connection;
    uint64_t place = iocp_op_sequence(&exchange->op.op);
    struct receipt *receipt;

    if (place >= RECEIPTS_MAX)
        schedule_fail("the scenario begins more than %d operations on a socket", RECEIPTS_MAX);
    receipt = &connection->receipts[is_outward(exchange)][place];
    if (receipt->present)
        schedule_fail("two operations on connection %u have the place %llu", connection->number,
                      (unsigned long long)place);
    *receipt = (struct receipt){
        .present = true,
        .result = result < 0 ? (int)result : 0,
        .count = iocp_op_count(&exchange->op.op),
        .size = is_outward(exchange) ? exchange->size : 0,
        .at = connection->logged,
        .tag = exchange->tag,
    };
    if (exchange->kind != EXCHANGE_RECEIVE || receipt->count == 0)
        return;
    if (connection->logged + receipt->count > LOG_BYTES)
        schedule_fail("the scenario receives more than %d bytes on a socket", LOG_BYTES);
    memcpy(connection->log + connection->logged, exchange->bytes, receipt->count);
    connection->logged += receipt->count;
}

static long end(struct exchange *exchange)
{
    struct iocp_socket *socket = exchange->connection->socket;
    struct iocp_socket *made = NULL;
    long result;

    switch (exchange->kind) {
    case EXCHANGE_RECEIVE:
        return iocp_end_receive(socket, &exchange->op.op);
    case EXCHANGE_SEND:
        return iocp_end_send(socket, &exchange->op.op);
    case EXCHANGE_CONNECT:
        return iocp_end_connect(socket, &exchange->op.op);
    case EXCHANGE_ACCEPT:
        result = iocp_end_accept(socket, &exchange->op.op, 0, &made);
        if (result == 0)
            take_in(made, exchange->bytes, iocp_op_count(&exchange->op.op));
        return result;
    case EXCHANGE_POST:
        break;
    }
    return 0;
}

void exchange_settle(struct exchange *exchange)
{
    long result;

    if (exchange->kind == EXCHANGE_POST) {
        exchange->claimed = false;
        return;
    }
    result = end(exchange);
    schedule_note("%s on %u: ends with %ld", kinds[exchange->kind], number_of(exchange), result);
    if (!iocp_op_completed(&exchange->op.op))
        schedule_fail("an operation was ended that has not completed");
    if (exchange->has_event && iocp_event_wait(&exchange->done, 0) != 0)
        schedule_fail("an operation was ended whose event is not set");
    if (result == -ETIMEDOUT && !exchange->has_callback &&
        schedule_now_ns() > exchange->begun_ns + exchange->timeout_ms * INT64_C(1000000) + LATE_NS)
        schedule_fail("an operation's deadline was seen to very late");
    check_outcome(exchange, result);
    write_receipt(exchange, result);
    if (exchange->kind != EXCHANGE_ACCEPT && chance_one_in(8) && end(exchange) != -EALREADY)
        schedule_fail("a second end was not refused");
    exchange->claimed = false;
}

/* A single taker meets the posts of one thread in their order. */
static void check_order(const struct exchange *exchange)
{
    unsigned *met = &trial.last_met[exchange->poster];

    if (trial.takers == 1 && exchange->tag < *met)
        schedule_fail("post %u of thread %u came after post %u", exchange->tag, exchange->poster,
                      *met);
    *met = exchange->tag;
}

static void on_exchange(struct iocp_op *op, void *context)
{
    struct exchange *exchange = context;

    callback_enter();
    if (op != &exchange->op.op)
        schedule_fail("a callback was given the operation of another");
    if (++exchange->run != exchange->begun)
        schedule_fail("callback %u of a %s that was begun %u times", exchange->run,
                      kinds[exchange->kind], exchange->begun);
    trial.runs++;
    if (exchange->kind == EXCHANGE_POST)
        check_order(exchange);
    if (chance_one_in(4))
        dawdle();
    exchange_settle(exchange);
    for (unsigned i = chance_below(3); i > 0 && !trial.over; i--)
        act();
    if (chance_one_in(4))
        dawdle();
    flight_ends();
    callback_leave();
}
