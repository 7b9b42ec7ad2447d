/* handler.c - the table of handlers, and what all of them have in common. */
/* SPDX-License-Identifier: MIT */
#include "handler.h"

#include <stdio.h>
#include <string.h>

static const struct handler_ops *const handlers[] = {
    &handler_message,
    &handler_echo,
    &handler_discard,
};

const struct handler_ops *handler_at(size_t index)
{
    return index < sizeof handlers / sizeof *handlers ? handlers[index] : NULL;
}

void handler_rules_init(struct handler_rules *rules, enum framing_end end, size_t message_max,
                        struct transcript *transcript, struct memory *memory)
{
    *rules = (struct handler_rules){
        .end = end,
        .message_max = message_max,
        .transcript = transcript,
        .memory = memory,
    };
    (void)snprintf(rules->too_long, sizeof rules->too_long,
                   "message too long: the limit is %zu bytes\n", message_max);
}

void handler_init(struct handler *handler, const struct handler_ops *ops,
                  const struct handler_rules *rules)
{
    *handler = (struct handler){.ops = ops, .rules = rules};
    framing_init(&handler->framing, rules->end);
}

void handler_destroy(struct handler *handler)
{
    buffer_release(&handler->input, handler->rules->memory);
}

int handler_room(struct handler *handler, void **room, size_t *size)
{
    struct buffer *input = &handler->input;
    /* One byte more than the longest message, to tell a longer one from it. */
    size_t input_max =
        handler->ops->input_max ? handler->ops->input_max : handler->rules->message_max + 1;
    int result = buffer_reserve(input, input_max, handler->rules->memory);

    if (result < 0)
        return result;
    *room = input->bytes + input->size;
    *size = input->capacity - input->size;
    return 0;
}

int handler_room_for(struct handler *handler, size_t size, void **room)
{
    int result = buffer_reserve_first(&handler->input, size);

    if (result == 0)
        *room = handler->input.bytes;
    return result;
}

enum handler_next handler_received(struct handler *handler, size_t size)
{
    buffer_add(&handler->input, size);
    return handler->ops->received(handler, size);
}

enum handler_next handler_ended(struct handler *handler)
{
    return handler->ops->ended(handler);
}

enum handler_next handler_refuse(struct handler *handler, const char *line)
{
    buffer_release(&handler->input, handler->rules->memory);
    handler->reply = line;
    handler->reply_size = strlen(line);
    return HANDLER_FINISH;
}

void handler_lacks_memory(struct handler *handler)
{
    memory_warn(handler->rules->memory);
    handler->no_memory = true;
    (void)handler_refuse(handler, "no memory for this message: try again later\n");
}

void handler_replied(struct handler *handler)
{
    if (!handler->too_long && !handler->no_memory)
        transcript_sent(handler->rules->transcript, handler->reply_size);
    handler->reply = NULL;
    handler->reply_size = 0;
    buffer_clear(&handler->input);
}

bool handler_is_idle(const struct handler *handler)
{
    return handler->input.size == 0 && handler->reply_size == 0;
}

bool handler_is_fresh(const struct handler *handler)
{
    return handler_is_idle(handler) && handler->discarded == 0;
}
