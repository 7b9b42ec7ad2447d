/* handler_discard.c - reads only, and tells at the end how much it was. */
/* SPDX-License-Identifier: MIT */
#include "handler.h"

static enum handler_next received(struct handler *handler, size_t size)
{
    handler->discarded += size;
    buffer_clear(&handler->input);
    return HANDLER_RECEIVE;
}

static enum handler_next ended(struct handler *handler)
{
    if (handler->discarded > 0)
        transcript_read_total(handler->rules->transcript, handler->discarded);
    return HANDLER_FINISH;
}

const struct handler_ops handler_discard = {
    .name = "discard",
    .summary = "reads only",
    .input_max = (size_t)64 * 1024,
    .received = received,
    .ended = ended,
};
