/* peer.c - the other ends of the streams: what happens to a stream by its script. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "chance.h"
#include "net.h"
#include "schedule.h"

static struct net_stream streams[NET_STREAMS_MAX];
static unsigned stream_count;
static struct net_welcome welcome;

uint8_t net_byte_at(const struct net_stream *stream, uint64_t place)
{
    uint32_t mixed = (uint32_t)(place + 1) * 2654435761U + stream->number * 40503U;

    return (uint8_t)(mixed >> 13 ^ mixed >> 24);
}

struct net_stream *net_stream_by_number(unsigned number)
{
    return number >= 1 && number <= stream_count ? &streams[number - 1] : NULL;
}

void net_set_welcome(const struct net_welcome *wanted)
{
    welcome = *wanted;
}

struct net_stream *net_new_stream(enum net_phase phase, const struct net_script *script)
{
    struct net_stream *stream = &streams[stream_count];

    if (stream_count == NET_STREAMS_MAX)
        schedule_fail("the scenario wants more than %d streams", NET_STREAMS_MAX);
    memset(stream, 0, offsetof(struct net_stream, bytes_sent));
    stream->number = ++stream_count;
    stream->phase = phase;
    stream->room = chance_between(16, 512);
    if (script != NULL)
        stream->script = *script;
    return stream;
}

static int64_t pause_ns(const struct net_stream *stream)
{
    return (int64_t)chance_below(stream->script.pause_us_max + 1) * 1000;
}

static void break_stream(struct net_stream *stream, int error)
{
    stream->broken = true;
    stream->pending_error = error;
    net_file_changed(stream->file);
    schedule_note("stream %u is reset", stream->number);
}

static void be_reset(void *subject)
{
    struct net_stream *stream = subject;

    if (!stream->broken && stream->farewell != NET_SAW_RESET)
        break_stream(stream, ECONNRESET);
}

void net_plan_reset(struct net_stream *stream)
{
    schedule_later(pause_ns(stream), be_reset, stream);
}

static void end_script(struct net_stream *stream)
{
    switch (stream->script.ending) {
    case NET_RESET:
        be_reset(stream);
        break;
    case NET_FIN:
    case NET_GONE:
        stream->ended = true;
        net_file_changed(stream->file);
        schedule_note("stream %u is ended by its peer", stream->number);
        break;
    case NET_SILENCE:
    case NET_ENDINGS:
        break;
    }
}

static void arrive(void *subject)
{
    struct net_stream *stream = subject;
    unsigned piece = chance_between(1, stream->script.piece_max);

    if (stream->broken || stream->farewell == NET_SAW_RESET)
        return;
    if (stream->script.to_send == 0) {
        end_script(stream);
        return;
    }
    if (piece > stream->script.to_send)
        piece = stream->script.to_send;
    stream->script.to_send -= piece;
    stream->arrived += piece;
    net_file_changed(stream->file);
    schedule_note("stream %u: %u bytes arrive", stream->number, piece);
    schedule_later(pause_ns(stream), arrive, stream);
}

static void read_some(void *subject)
{
    struct net_stream *stream = subject;
    uint64_t count = chance_between(1, stream->script.read_max);
    uint64_t unread = stream->sent - stream->peer_read;

    stream->reading = false;
    if (stream->file == NULL)
        return;
    stream->peer_read += count < unread ? count : unread;
    if (stream->room_wanted && (net_readiness(stream->file) & POLLOUT)) {
        stream->room_wanted = false;
        net_file_changed(stream->file);
    }
    net_plan_read(stream);
}

void net_plan_read(struct net_stream *stream)
{
    if (stream->reading || stream->script.read_max == 0 || stream->file == NULL ||
        stream->sent == stream->peer_read)
        return;
    stream->reading = true;
    schedule_later(pause_ns(stream) + 1000, read_some, stream);
}

void net_say_farewell(struct net_stream *stream)
{
    bool lost_input = stream->arrived > stream->taken;

    for (unsigned i = 0; i < stream->backlog_count; i++)
        stream->backlog[i]->farewell = NET_SAW_RESET;
    if (stream->reset_at_close || lost_input)
        stream->farewell = NET_SAW_RESET;
    else
        stream->farewell = NET_SAW_FIN;
    stream->file = NULL;
    schedule_note("stream %u is closed by %s", stream->number,
                  stream->farewell == NET_SAW_FIN ? "an end" : "a reset");
}

int net_open_connected(const struct net_script *script)
{
    struct file *file;
    int descriptor = net_open_file(FILE_STREAM, &file);

    if (descriptor < 0)
        return descriptor;
    file->stream = net_new_stream(NET_CONNECTED, script);
    file->stream->file = file;
    schedule_later(pause_ns(file->stream), arrive, file->stream);
    return descriptor;
}

/* A peer on its way to a listening stream. */
struct caller {
    struct net_stream *listener;
    struct net_script script;
};

static struct caller callers[NET_STREAMS_MAX];
static unsigned caller_count;

static void call(void *subject)
{
    const struct caller *caller = subject;
    struct net_stream *listener = caller->listener;
    struct net_stream *stream;

    if (listener->file == NULL || listener->phase != NET_LISTENING ||
        listener->backlog_count == NET_BACKLOG_MAX)
        return;
    stream = net_new_stream(NET_CONNECTED, &caller->script);
    listener->backlog[listener->backlog_count++] = stream;
    net_file_changed(listener->file);
    schedule_note("stream %u calls at stream %u", stream->number, listener->number);
    schedule_later(pause_ns(stream), arrive, stream);
}

void net_call_at(const struct net_stream *listener, int64_t delay_ns,
                 const struct net_script *script)
{
    struct caller *caller = &callers[caller_count++];

    if (caller_count == NET_STREAMS_MAX)
        schedule_fail("the scenario sends more than %d peers", NET_STREAMS_MAX);
    *caller = (struct caller){net_stream_by_number(listener->number), *script};
    schedule_later(delay_ns, call, caller);
}

static void be_refused(void *subject)
{
    struct net_stream *stream = subject;

    if (stream->file == NULL)
        return;
    stream->phase = NET_REFUSED;
    stream->pending_error = ECONNREFUSED;
    net_file_changed(stream->file);
}

static void be_connected(void *subject)
{
    struct net_stream *stream = subject;

    if (stream->file == NULL)
        return;
    stream->phase = NET_CONNECTED;
    net_file_changed(stream->file);
    schedule_later(pause_ns(stream), arrive, stream);
}

void net_begin_connect(struct net_stream *stream)
{
    int64_t delay_ns = (int64_t)chance_below(welcome.delay_us_max + 1) * 1000;

    stream->script = welcome.script;
    stream->phase = NET_CONNECTING;
    if (chance_one_in(welcome.at_once_odds))
        be_connected(stream);
    else if (chance_one_in(welcome.refused_odds))
        schedule_later(delay_ns, be_refused, stream);
    else if (!chance_one_in(welcome.unanswered_odds))
        schedule_later(delay_ns, be_connected, stream);
}

void net_reset(void)
{
    net_clear_files();
    stream_count = 0;
    caller_count = 0;
}
