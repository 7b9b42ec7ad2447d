/* test_handler.c - what each handler makes of a client's bytes, without any socket. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler.h"

/* Enough for each test that does not say otherwise. */
#define MEMORY_MAX ((size_t)64 << 20)

static struct transcript transcript;
static struct memory memory;
static struct handler_rules rules;
static struct handler handler;
static char *written;
static size_t written_size;

static void open_transcript(void)
{
    FILE *stream = open_memstream(&written, &written_size);

    if (!stream)
        abort();
    transcript_init(&transcript, stream);
    memory_init(&memory, MEMORY_MAX);
}

static void close_all(void)
{
    if (handler.rules)
        handler_destroy(&handler);
    memory_destroy(&memory);
    (void)fclose(transcript.stream);
    free(written);
}

TestSuite(handler, .init = open_transcript, .fini = close_all, .timeout = 30);

static void open_handler(const struct handler_ops *ops, enum framing_end end, size_t message_max)
{
    handler_rules_init(&rules, end, message_max, &transcript, &memory);
    handler_init(&handler, ops, &rules);
}

/* Hand bytes over as a session does: into the room that there is, until they are used up or the
 * handler wants something else than more. */
static enum handler_next give(const void *bytes, size_t size)
{
    enum handler_next next = HANDLER_RECEIVE;

    for (size_t given = 0; given < size && next == HANDLER_RECEIVE;) {
        void *room;
        size_t room_size;

        cr_assert(zero(int, handler_room(&handler, &room, &room_size)));
        cr_assert(lt(sz, 0, room_size));
        if (room_size > size - given)
            room_size = size - given;
        memcpy(room, (const char *)bytes + given, room_size);
        given += room_size;
        next = handler_received(&handler, room_size);
    }
    return next;
}

static void expect_reply(const void *bytes, size_t size)
{
    cr_assert(eq(sz, handler.reply_size, size));
    cr_expect(zero(int, size ? memcmp(handler.reply, bytes, size) : 0));
}

Test(handler, the_first_one_is_the_default_and_each_has_its_name)
{
    cr_expect_str_eq(handler_at(0)->name, "message", "%s", handler_at(0)->name);
    cr_expect_str_eq(handler_at(1)->name, "echo", "%s", handler_at(1)->name);
    cr_expect_str_eq(handler_at(2)->name, "discard", "%s", handler_at(2)->name);
    cr_expect_null(handler_at(3));
}

Test(handler, message_is_echoed_whole_when_the_peer_has_ended)
{
    open_handler(&handler_message, FRAMING_AT_EITHER, 100);

    cr_expect(eq(int, (int)give("hello ", 6), HANDLER_RECEIVE));
    cr_expect(eq(int, (int)give("world", 5), HANDLER_RECEIVE));
    cr_expect(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));

    expect_reply("hello world", 11);
    handler_replied(&handler);
    cr_expect_str_eq(written,
                     "Read 11 bytes from socket.\n Data : hello world\nSent 11 bytes to client.\n",
                     "%s", written);
}

/* RX-20 RX-21 */
Test(handler, message_ends_at_the_token_and_keeps_what_came_with_it)
{
    open_handler(&handler_message, FRAMING_AT_TOKEN, 100);

    cr_expect(eq(int, (int)give("a<E", 3), HANDLER_RECEIVE));
    cr_expect(eq(int, (int)give("OF>b", 4), HANDLER_FINISH));

    expect_reply("a<EOF>b", 7);
}

Test(handler, message_of_one_byte_is_a_message)
{
    open_handler(&handler_message, FRAMING_AT_EITHER, 100);

    (void)give("x", 1);
    cr_expect(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));

    expect_reply("x", 1);
}

Test(handler, message_keeps_all_bytes_exact)
{
    unsigned char bytes[256];

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    open_handler(&handler_message, FRAMING_AT_EOF, 256);
    (void)give(bytes, sizeof bytes);
    (void)handler_ended(&handler);

    expect_reply(bytes, sizeof bytes);
}

Test(handler, message_from_a_peer_that_sent_nothing_is_none)
{
    open_handler(&handler_message, FRAMING_AT_EITHER, 100);

    cr_expect(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));

    expect_reply(NULL, 0);
    cr_expect_not(handler.incomplete);
    cr_expect(eq(sz, written_size, 0));
}

Test(handler, message_without_its_token_is_incomplete)
{
    open_handler(&handler_message, FRAMING_AT_TOKEN, 100);

    (void)give("abc<EOF", 7);
    cr_expect(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));

    expect_reply(NULL, 0);
    cr_expect(handler.incomplete);
    cr_expect(eq(sz, written_size, 0));
}

Test(handler, message_of_just_the_limit_is_echoed)
{
    open_handler(&handler_message, FRAMING_AT_EITHER, 8);

    cr_expect(eq(int, (int)give("12345678", 8), HANDLER_RECEIVE));
    cr_expect(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));

    expect_reply("12345678", 8);
}

Test(handler, message_over_the_limit_is_refused_in_one_line_and_frees_its_memory)
{
    const char line[] = "message too long: the limit is 8 bytes\n";

    open_handler(&handler_message, FRAMING_AT_EITHER, 8);
    cr_expect(eq(int, (int)give("123456789", 9), HANDLER_FINISH));

    expect_reply(line, sizeof line - 1);
    cr_expect(handler.too_long);
    cr_expect(eq(sz, handler.input.capacity, 0));
    handler_replied(&handler);
    cr_expect(eq(sz, written_size, 0));
}

/* As many as a message takes to be grown to, and one byte more than the limit at most. */
Test(handler, message_buffer_doubles_up_to_the_limit)
{
    const size_t limit = 20000;
    char *bytes = calloc(1, limit);
    size_t capacity_max = 0;

    cr_assert_not_null(bytes);
    open_handler(&handler_message, FRAMING_AT_EOF, limit);
    for (size_t given = 0; given < limit; given += 100) {
        cr_assert(eq(int, (int)give(bytes, 100), HANDLER_RECEIVE));
        capacity_max = handler.input.capacity;
        if (given < 4000)
            cr_assert(eq(sz, capacity_max, 4096));
    }

    cr_expect(eq(sz, handler.input.size, limit));
    cr_expect(eq(sz, capacity_max, limit + 1));
    free(bytes);
}

/* Twice 4096 would do for all but the byte by which one more is too long. */
Test(handler, message_buffer_makes_no_step_that_leaves_only_a_few_bytes)
{
    char bytes[4097] = {0};

    open_handler(&handler_message, FRAMING_AT_EOF, 8192);
    cr_assert(eq(int, (int)give(bytes, 4096), HANDLER_RECEIVE));
    cr_expect(eq(sz, handler.input.capacity, 4096));
    cr_assert(eq(int, (int)give(bytes, 1), HANDLER_RECEIVE));

    cr_expect(eq(sz, handler.input.capacity, 8193));
}

/* Its memory grows in several ways, and the next message finds memory that another one had. */
Test(handler, large_message_stays_what_it_is_while_its_memory_grows)
{
    const size_t size = 1000000;
    unsigned char *bytes = malloc(size);

    cr_assert_not_null(bytes);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)(i * 7 / 5 + (size_t)round);
        open_handler(&handler_message, FRAMING_AT_EOF, size);
        for (size_t given = 0; given < size; given += 1000)
            cr_assert(eq(int, (int)give(bytes + given, 1000), HANDLER_RECEIVE));
        cr_assert(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));
        expect_reply(bytes, size);
        handler_destroy(&handler);
        cr_expect(eq(sz, atomic_load(&memory.kept), size + 1));
    }
    free(bytes);
}

/* Everything but what one more doubling needs. */
static void *leave_less_than(size_t size)
{
    const size_t taken_size = MEMORY_MAX - size + 1;
    void *taken = memory_map(&memory, taken_size);

    cr_assert_not_null(taken);
    return taken;
}

/* Until there is no room left, or `size` bytes are given. */
static int fill(size_t size)
{
    void *room;
    size_t room_size;

    for (size_t given = 0; given < size; given += room_size) {
        int result = handler_room(&handler, &room, &room_size);

        if (result < 0)
            return result;
        memset(room, 'f', room_size);
        cr_assert(eq(int, (int)handler_received(&handler, room_size), HANDLER_RECEIVE));
    }
    return 0;
}

Test(handler, message_that_needs_more_memory_than_is_left_is_refused_in_one_line_and_frees_its_own)
{
    const char line[] = "no memory for this message: try again later\n";
    void *taken = leave_less_than(128 * 1024 + 256 * 1024);

    open_handler(&handler_message, FRAMING_AT_EOF, 1000000);
    cr_assert(eq(int, fill(1000000), -ENOMEM));
    cr_expect(eq(sz, handler.input.size, 128 * 1024));
    handler_lacks_memory(&handler);

    expect_reply(line, sizeof line - 1);
    cr_expect(handler.no_memory);
    cr_expect(eq(sz, handler.input.capacity, 0));
    handler_replied(&handler);
    cr_expect(eq(sz, written_size, 0));
    memory_unmap(&memory, taken, MEMORY_MAX - (128 + 256) * 1024 + 1);
    memory_destroy(&memory);
    cr_expect(zero(sz, atomic_load(&memory.mapped)));
}

/* Its bytes are where they were: it can go on when there is memory again. */
Test(handler, message_loses_nothing_by_a_try_to_grow_that_fails)
{
    enum { SIZE = 40000 };
    char bytes[SIZE];

    memset(bytes, 'b', sizeof bytes);
    open_handler(&handler_message, FRAMING_AT_EOF, SIZE);
    memory_init(&memory, 4096);
    memset(bytes, 'f', 16 * 1024);
    cr_assert(eq(int, fill(SIZE), -ENOMEM));
    cr_assert(eq(sz, handler.input.size, 16 * 1024));
    memory_init(&memory, MEMORY_MAX);
    cr_expect(eq(int, (int)give(bytes + 16 * 1024, SIZE - 16 * 1024), HANDLER_RECEIVE));

    (void)handler_ended(&handler);
    expect_reply(bytes, SIZE);
}

/* They have no message that could be refused. */
Test(handler, echo_and_discard_go_on_with_a_small_buffer_when_no_memory_is_left)
{
    static const struct handler_ops *const those[] = {&handler_echo, &handler_discard};

    memory_init(&memory, 0);
    for (size_t i = 0; i < 2; i++) {
        open_handler(those[i], FRAMING_AT_EOF, 8);
        for (int turn = 0; turn < 10; turn++) {
            void *room;
            size_t size;

            cr_assert(zero(int, handler_room(&handler, &room, &size)));
            memset(room, 'e', size);
            cr_assert(ne(int, (int)handler_received(&handler, size), HANDLER_FINISH));
            handler_replied(&handler);
        }
        cr_expect(eq(sz, handler.input.capacity, 16 * 1024));
        handler_destroy(&handler);
    }
}

Test(handler, echo_replies_with_each_chunk)
{
    open_handler(&handler_echo, FRAMING_AT_EITHER, 100);

    cr_expect(eq(int, (int)give("one", 3), HANDLER_REPLY));
    expect_reply("one", 3);
    handler_replied(&handler);
    cr_expect(handler_is_fresh(&handler));
    cr_expect(eq(int, (int)give("two<EOF>", 8), HANDLER_REPLY));
    expect_reply("two<EOF>", 8);
    handler_replied(&handler);
    cr_expect(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));
    expect_reply(NULL, 0);

    cr_expect_str_eq(written,
                     "Read 3 bytes from socket.\n Data : one\nSent 3 bytes to client.\n"
                     "Read 8 bytes from socket.\n Data : two<EOF>\nSent 8 bytes to client.\n",
                     "%s", written);
}

Test(handler, echo_knows_no_limit_of_a_message)
{
    char chunk[1000] = {0};

    open_handler(&handler_echo, FRAMING_AT_EITHER, 8);
    for (int i = 0; i < 100; i++) {
        cr_assert(eq(int, (int)give(chunk, sizeof chunk), HANDLER_REPLY));
        handler_replied(&handler);
    }

    cr_expect_not(handler.too_long);
    cr_expect(eq(sz, handler.input.capacity, BUFFER_FIRST));
}

/* As a session does that has learnt that something is there, before it has any room. */
Test(handler, first_bytes_may_have_room_made_to_measure)
{
    char chunk[BUFFER_FIRST] = {0};
    void *room;

    open_handler(&handler_message, FRAMING_AT_EITHER, 2 * sizeof chunk);
    cr_assert(zero(int, handler_room_for(&handler, 5, &room)));
    memcpy(room, "first", 5);
    cr_expect(eq(int, (int)handler_received(&handler, 5), HANDLER_RECEIVE));
    cr_expect(eq(sz, handler.input.capacity, 5));
    cr_expect(eq(int, (int)give("second", 6), HANDLER_RECEIVE));
    cr_expect(eq(sz, handler.input.capacity, BUFFER_FIRST));
    cr_expect(eq(int, (int)give(chunk, sizeof chunk), HANDLER_RECEIVE));

    (void)handler_ended(&handler);
    cr_assert(eq(sz, handler.reply_size, 11 + sizeof chunk));
    cr_expect(zero(int, memcmp(handler.reply, "firstsecond", 12)));
}

/* A chunk that fills the buffer is a sign of more: the next one finds twice the room. */
Test(handler, echo_takes_larger_chunks_from_a_busy_peer)
{
    char chunk[64 * 1024] = {0};
    size_t room_max = 0;

    open_handler(&handler_echo, FRAMING_AT_EITHER, 8);
    for (int i = 0; i < 10; i++) {
        void *room;
        size_t size;

        cr_assert(zero(int, handler_room(&handler, &room, &size)));
        room_max = size;
        cr_assert(eq(int, (int)give(chunk, size), HANDLER_REPLY));
        handler_replied(&handler);
    }

    cr_expect(eq(sz, room_max, sizeof chunk));
}

Test(handler, discard_keeps_nothing_and_tells_the_total)
{
    char chunk[3000] = {0};

    open_handler(&handler_discard, FRAMING_AT_EITHER, 8);
    for (int i = 0; i < 100; i++) {
        cr_assert(eq(int, (int)give(chunk, sizeof chunk), HANDLER_RECEIVE));
        cr_assert(handler_is_idle(&handler));
        cr_assert_not(handler_is_fresh(&handler));
    }
    cr_expect(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));

    expect_reply(NULL, 0);
    cr_expect_str_eq(written, "Read 300000 bytes from socket.\n", "%s", written);
}

Test(handler, discard_prints_nothing_for_a_peer_that_sent_nothing)
{
    open_handler(&handler_discard, FRAMING_AT_EITHER, 8);

    cr_expect(eq(int, (int)handler_ended(&handler), HANDLER_FINISH));

    cr_expect(eq(sz, written_size, 0));
}

Test(handler, nothing_is_held_before_the_first_byte)
{
    for (size_t i = 0; handler_at(i); i++) {
        open_handler(handler_at(i), FRAMING_AT_EITHER, 100);
        cr_expect(handler_is_idle(&handler));
        cr_expect(eq(sz, handler.input.capacity, 0));
    }
}

Test(handler, half_a_message_is_something_in_hand)
{
    open_handler(&handler_message, FRAMING_AT_EITHER, 100);

    (void)give("x", 1);

    cr_expect_not(handler_is_idle(&handler));
}
