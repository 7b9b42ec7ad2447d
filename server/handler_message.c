/* handler_message.c - the article's program: a whole message is shown, echoed, and that is it. */
/* SPDX-License-Identifier: MIT */
#include "handler.h"

static enum handler_next echo_message(struct handler *handler)
{
    const struct buffer *message = &handler->input;

    transcript_read(handler->rules->transcript, message->bytes, message->size);
    handler->reply = message->bytes;
    handler->reply_size = message->size;
    return HANDLER_FINISH;
}

static enum handler_next received(struct handler *handler, size_t size)
{
    const struct buffer *message = &handler->input;

    if (message->size > handler->rules->message_max) {
        handler->too_long = true;
        return handler_refuse(handler, handler->rules->too_long);
    }
    if (framing_received(&handler->framing, message->bytes + message->size - size, size))
        return echo_message(handler);
    return HANDLER_RECEIVE;
}

static enum handler_next ended(struct handler *handler)
{
    if (handler->input.size == 0)
        return HANDLER_FINISH;
    if (framing_ended(&handler->framing))
        return echo_message(handler);
    handler->incomplete = true;
    return HANDLER_FINISH;
}

const struct handler_ops handler_message = {
    .name = "message",
    .summary = "echoes one whole message, then closes",
    .received = received,
    .ended = ended,
};
