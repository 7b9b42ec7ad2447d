/* test_transcript.c - the lines on stdout, and that no byte of a client can spoil them. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transcript.h"

static struct transcript transcript;
static char *written;
static size_t written_size;

static void open_transcript(void)
{
    FILE *stream = open_memstream(&written, &written_size);

    if (!stream)
        abort();
    transcript_init(&transcript, stream);
}

static void close_transcript(void)
{
    (void)fclose(transcript.stream);
    free(written);
}

TestSuite(transcript, .init = open_transcript, .fini = close_transcript, .timeout = 30);

static void expect_escaped(const char *bytes, size_t size, const char *expected)
{
    char text[256];
    size_t taken = transcript_escape(text, sizeof text, bytes, size);

    cr_expect_str_eq(text, expected, "%s", text);
    cr_expect(eq(sz, taken, size));
}

Test(transcript, lines_are_the_articles)
{
    transcript_local_address(&transcript, "127.0.0.1:11000");
    transcript_waiting(&transcript);
    transcript_read(&transcript, "hello", 5);
    transcript_sent(&transcript, 5);
    transcript_closing(&transcript);

    cr_expect_str_eq(written,
                     "Local address and port : 127.0.0.1:11000\n"
                     "Waiting for a connection...\n"
                     "Read 5 bytes from socket.\n Data : hello\n"
                     "Sent 5 bytes to client.\n"
                     "Closing the listener...\n",
                     "%s", written);
}

Test(transcript, a_total_has_no_data_line)
{
    transcript_read_total(&transcript, 12345678901);

    cr_expect_str_eq(written, "Read 12345678901 bytes from socket.\n", "%s", written);
}

Test(transcript, without_a_transcript_nothing_happens)
{
    transcript_local_address(NULL, "127.0.0.1:1");
    transcript_waiting(NULL);
    transcript_read(NULL, "x", 1);
    transcript_read_total(NULL, 1);
    transcript_sent(NULL, 1);
    transcript_closing(NULL);

    cr_expect(eq(sz, written_size, 0));
}

Test(transcript, a_line_break_in_the_data_does_not_break_the_line)
{
    transcript_read(&transcript, "one\r\ntwo", 8);

    cr_expect_str_eq(written, "Read 8 bytes from socket.\n Data : one\\r\\ntwo\n", "%s", written);
}

Test(transcript, data_up_to_the_bound_is_shown_whole)
{
    char data[TRANSCRIPT_DATA_MAX];
    char expected[TRANSCRIPT_DATA_MAX + 64];

    memset(data, 'x', sizeof data);
    transcript_read(&transcript, data, sizeof data);

    (void)snprintf(expected, sizeof expected, "Read 1024 bytes from socket.\n Data : %.1024s\n",
                   data);
    cr_expect_str_eq(written, expected, "%s", written);
}

Test(transcript, longer_data_is_cut_and_says_by_how_much)
{
    char data[TRANSCRIPT_DATA_MAX + 7];
    char expected[TRANSCRIPT_DATA_MAX + 128];

    memset(data, 'x', sizeof data);
    transcript_read(&transcript, data, sizeof data);

    (void)snprintf(expected, sizeof expected,
                   "Read 1031 bytes from socket.\n Data : %.1024s … (7 more bytes)\n", data);
    cr_expect_str_eq(written, expected, "%s", written);
}

Test(transcript, the_cut_does_not_split_a_character)
{
    char data[TRANSCRIPT_DATA_MAX + 2];

    memset(data, 'x', sizeof data);
    data[TRANSCRIPT_DATA_MAX - 2] = (char)0xe2; /* the euro sign */
    data[TRANSCRIPT_DATA_MAX - 1] = (char)0x82;
    data[TRANSCRIPT_DATA_MAX] = (char)0xac;
    transcript_read(&transcript, data, sizeof data);

    cr_expect_not_null(strstr(written, "x … (4 more bytes)\n"));
}

/* The most that a record can come to: every byte of a full Data line is escaped. */
Test(transcript, the_longest_record_is_whole)
{
    char data[TRANSCRIPT_DATA_MAX + 1];
    size_t escapes = 0;

    memset(data, 0x01, sizeof data);
    transcript_read(&transcript, data, sizeof data);

    for (const char *at = written; (at = strstr(at, "\\x01")) != NULL; at += 4)
        escapes++;
    cr_expect(eq(sz, escapes, TRANSCRIPT_DATA_MAX));
    cr_expect_not_null(strstr(written, " … (1 more bytes)\n"));
}

Test(transcript, control_characters_and_the_backslash_are_escaped)
{
    expect_escaped("a\r\n\t\\b", 6, "a\\r\\n\\t\\\\b");
    expect_escaped("\0\x01\x1b[31m\x7f", 8, "\\x00\\x01\\x1b[31m\\x7f");
}

Test(transcript, printable_utf_8_stays)
{
    expect_escaped("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 11,
                   "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
}

Test(transcript, control_characters_of_utf_8_are_escaped)
{
    expect_escaped("\xc2\x80", 2, "\\xc2\\x80");
    expect_escaped("\xc2\x9b", 2, "\\xc2\\x9b"); /* as good as ESC [ */
    expect_escaped("\xc2\x9f", 2, "\\xc2\\x9f");
    expect_escaped("\xc2\xa0", 2, "\xc2\xa0");
}

/* They break a line, turn the direction of writing, or take no room. */
Test(transcript, marks_that_are_not_seen_are_escaped)
{
    for (unsigned low = 0x2000; low <= 0x207f; low++) {
        const char mark[] = {(char)0xe2, (char)(0x80 | (low >> 6 & 0x3f)),
                             (char)(0x80 | (low & 0x3f))};
        const bool hidden = (low >= 0x200b && low <= 0x200f) || (low >= 0x2028 && low <= 0x202e) ||
                            (low >= 0x2060 && low <= 0x206f);
        char text[16];

        cr_assert(eq(sz, transcript_escape(text, sizeof text, mark, 3), 3));
        cr_expect(eq(sz, strlen(text), hidden ? 12 : 3), "U+%04x", low);
    }
    expect_escaped("\xc2\xad", 2, "\\xc2\\xad");          /* the soft hyphen */
    expect_escaped("\xd8\x9c", 2, "\\xd8\\x9c");          /* the arabic letter mark */
    expect_escaped("\xef\xbb\xbf", 3, "\\xef\\xbb\\xbf"); /* the byte order mark */
    expect_escaped("\xef\xbf\xbd", 3, "\xef\xbf\xbd");    /* the replacement character */
}

Test(transcript, what_is_not_utf_8_is_escaped)
{
    expect_escaped("\x80", 1, "\\x80");
    expect_escaped("\xff\xfe", 2, "\\xff\\xfe");
    expect_escaped("\xc0\xaf", 2, "\\xc0\\xaf");                   /* overlong */
    expect_escaped("\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf");          /* overlong */
    expect_escaped("\xf0\x80\x80\xaf", 4, "\\xf0\\x80\\x80\\xaf"); /* overlong */
    expect_escaped("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* a surrogate */
    expect_escaped("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"); /* past the last one */
    expect_escaped("\xe2\x82", 2, "\\xe2\\x82");                   /* not finished */
    expect_escaped("\xe2\x82x", 3, "\\xe2\\x82x");
    expect_escaped("\xc3(", 2, "\\xc3(");
}

/* Of all pairs of bytes: the text has nothing that a terminal obeys. */
Test(transcript, no_pair_of_bytes_gives_a_control_character)
{
    for (unsigned pair = 0; pair <= 0xffff; pair++) {
        const char bytes[2] = {(char)(pair >> 8), (char)pair};
        char text[16];

        cr_assert(eq(sz, transcript_escape(text, sizeof text, bytes, 2), 2));
        for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
            bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
            if (control)
                cr_fatal("%04x gives '%s'", pair, text);
        }
    }
}

Test(transcript, what_does_not_fit_is_left_out_whole)
{
    char text[6];

    cr_expect(eq(sz, transcript_escape(text, sizeof text, "abcdefgh", 8), 5));
    cr_expect_str_eq(text, "abcde", "%s", text);
    cr_expect(eq(sz, transcript_escape(text, sizeof text, "ab\x01", 3), 2));
    cr_expect_str_eq(text, "ab", "%s", text);
    cr_expect(eq(sz, transcript_escape(text, sizeof text, "abc\xe2\x82\xac", 6), 3));
    cr_expect_str_eq(text, "abc", "%s", text);
    cr_expect(eq(sz, transcript_escape(text, 1, "a", 1), 0));
    cr_expect_str_eq(text, "", "%s", text);
}

/* /dev/full takes nothing: said once, then the server goes on without a transcript. */
Test(transcript, a_stream_that_fails_ends_the_transcript)
{
    struct transcript failing;
    FILE *full = fopen("/dev/full", "w");

    cr_assert_not_null(full);
    transcript_init(&failing, full);
    transcript_waiting(&failing);

    cr_expect(atomic_load(&failing.broken));
    (void)fclose(full);
    failing.stream = NULL;
    transcript_waiting(&failing); /* does not come to the stream any more */
}
