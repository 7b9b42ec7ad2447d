/* exchange.c - the bytes of the messages to the server, and back again. See clients.h. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clients.h"
#include "measure.h"
#include "pattern.h"

/* From a position on, up to the next byte that is the first of a message. */
static size_t to_next_mark(const struct load *load, uint64_t position)
{
    size_t size = load->options->message_size;

    return (size_t)((size - position % size) % size);
}

/* What is to be sent from where the client is on; with marks, in `piece`. */
static const unsigned char *bytes_to_send(struct load *load, const struct client *client,
                                          size_t count)
{
    const unsigned char *bytes =
        pattern_at(load->pattern, client_index(load, client), client->sent);

    if (!load->options->marked)
        return bytes;
    memcpy(load->piece, bytes, count);
    for (size_t i = to_next_mark(load, client->sent); i < count; i += load->options->message_size)
        load->piece[i] = 0;
    return load->piece;
}

void exchange_send(struct load *load, struct client *client)
{
    uint64_t until = client->begun * load->options->message_size;

    while (client->sent < until) {
        uint64_t rest = until - client->sent;
        size_t size = rest < PATTERN_PIECE ? (size_t)rest : PATTERN_PIECE;
        ssize_t count = send(client->descriptor, bytes_to_send(load, client, size), size,
                             MSG_DONTWAIT | MSG_NOSIGNAL);

        if (count < 0 && errno != EAGAIN)
            account_failure(load, client, -errno);
        if (count < 0)
            return;
        client->sent += (uint64_t)count;
        /* Of a connection that is reset by now, the receive will tell. */
        if (client->sent == until && load->options->kind == LOAD_MESSAGE)
            (void)shutdown(client->descriptor, SHUT_WR);
    }
}

/* Are the marks in `piece` such? They are noted, and made the bytes of the pattern. */
static bool take_marks(struct load *load, struct client *client, const unsigned char *expected,
                       size_t count)
{
    size_t size = load->options->message_size;

    for (size_t i = to_next_mark(load, client->echoed); i < count; i += size) {
        unsigned char mark = load->piece[i];

        if (mark != 0 && mark != LOAD_SLEPT)
            return false;
        client_moment(load, client, (client->echoed + i) / size)->slept = mark == LOAD_SLEPT;
        load->piece[i] = expected[i];
    }
    return true;
}

/* Are these the next bytes of the echo? */
static bool take_echo(struct load *load, struct client *client, size_t count)
{
    const unsigned char *expected =
        pattern_at(load->pattern, client_index(load, client), client->echoed);

    if (count > client->sent - client->echoed)
        return false;
    if (load->options->marked && !take_marks(load, client, expected, count))
        return false;
    if (memcmp(load->piece, expected, count) != 0)
        return false;
    client->echoed += count;
    return true;
}

static void end_message(struct load *load, struct client *client)
{
    if (load->options->kind != LOAD_STREAM) {
        close(client->descriptor); /* by reset, see connections.h */
        client->descriptor = -1;
    }
    account_ended(load, client);
    pace_ended(load, client);
}

/* The last byte that the message awaits may be the end of the stream itself. */
static void end_answered(struct load *load, struct client *client)
{
    size_t size = load->options->message_size;

    if (load->options->kind == LOAD_MESSAGE || client->echoed - client->ended * size < size)
        return;
    load->now_ns = measure_now_ns();
    while (client->echoed - client->ended * size >= size)
        end_message(load, client);
}

static void end_stream(struct load *load, struct client *client)
{
    if (load->options->kind != LOAD_MESSAGE ||
        client->echoed < client->begun * load->options->message_size) {
        account_failure(load, client, -ECONNRESET);
        return;
    }
    load->now_ns = measure_now_ns();
    end_message(load, client);
}

/*
 * The events are edges. A piece that is not full was all there is, and what comes later is another
 * edge; only an end that was told of already has to be read for.
 */
void exchange_receive(struct load *load, struct client *client, bool ending)
{
    size_t count = PATTERN_PIECE;

    while (client->descriptor >= 0 && (count == PATTERN_PIECE || ending)) {
        ssize_t result = recv(client->descriptor, load->piece, PATTERN_PIECE, MSG_DONTWAIT);

        if (result < 0 && errno == EAGAIN)
            return;
        if (result < 0)
            account_failure(load, client, -errno);
        else if (result == 0)
            end_stream(load, client);
        else if (!take_echo(load, client, (size_t)result))
            account_failure(load, client, -EBADMSG);
        else
            end_answered(load, client);
        count = result > 0 ? (size_t)result : 0;
    }
}
