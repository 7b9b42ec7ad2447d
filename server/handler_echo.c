/* handler_echo.c - every chunk goes back as it comes, until the peer ends. */
/* SPDX-License-Identifier: MIT */
#include "handler.h"

static enum handler_next received(struct handler *handler, size_t size)
{
    const char *chunk = handler->input.bytes;

    transcript_read(handler->rules->transcript, chunk, size);
    handler->reply = chunk;
    handler->reply_size = size;
    return HANDLER_REPLY;
}

/* Every chunk before the end has been sent back by now. */
static enum handler_next ended(struct handler *handler)
{
    (void)handler;
    return HANDLER_FINISH;
}

const struct handler_ops handler_echo = {
    .name = "echo",
    .summary = "echoes every chunk as it comes, until the peer closes",
    .input_max = (size_t)64 * 1024,
    .received = received,
    .ended = ended,
};
