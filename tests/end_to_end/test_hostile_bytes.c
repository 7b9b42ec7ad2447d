/* test_hostile_bytes.c - what a client may say: floods, lies, and bytes made for a terminal. */
/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "client.h"
#include "process_figures.h"
#include "server_process.h"

#define WAITING    "Waiting for a connection...\n"
#define TOKEN      "<EOF>"
#define TOKEN_SIZE (sizeof TOKEN - 1)

TestSuite(hostile_bytes, .timeout = 120);

/* A message of `size` bytes which repeats `pattern`, then the token. To be freed. */
static char *repeat(const char *pattern, size_t pattern_size, size_t size)
{
    char *message = malloc(size + TOKEN_SIZE);

    cr_assert(message != NULL, "no memory");
    for (size_t i = 0; i < size; i++)
        message[i] = pattern[i % pattern_size];
    memcpy(message + size, TOKEN, TOKEN_SIZE);
    return message;
}

/* A client for each way of cutting the message into pieces: where bit i of its number is set there
 * is a cut after byte i. Every piece is read before the next one comes. */
Test(hostile_bytes, a_token_is_found_however_it_is_cut_into_pieces)
{
    static const char message[] = "m" TOKEN;
    enum { SIZE = sizeof message - 1, CUTS = SIZE - 1, WAYS = 1 << CUTS };
    int fds[WAYS];
    size_t sent[WAYS] = {0};
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    for (size_t way = 0; way < WAYS; way++)
        fds[way] = client_connect(&server);
    for (size_t size = 1; size <= SIZE; size++) {
        for (size_t way = 0; way < WAYS; way++) {
            if (size < SIZE && (way >> (size - 1) & 1) == 0)
                continue;
            client_send(fds[way], message + sent[way], size - sent[way]);
            sent[way] = size;
        }
        client_wait_until_taken(&server, fds[WAYS - 1]); /* it has every cut */
    }

    for (size_t way = 0; way < WAYS; way++) {
        char echo[SIZE + 1];
        cr_expect(eq(sz, (size_t)client_receive_all(fds[way], echo, sizeof echo), SIZE));
        cr_expect(memcmp(echo, message, SIZE) == 0, "way %zu", way);
        close(fds[way]);
    }
    cr_expect(eq(int, server_stop(&server), 0));
}

/* What begins the token, and does not go on, or begins it anew; and the true one behind it, in
 * every place that it can have in the pattern. */
Test(hostile_bytes, a_flood_of_beginnings_of_the_token_is_a_message_like_any_other)
{
    static const char *const patterns[] = {"<", "<E", "<EO", "<EOF", "<<EOF", "<E<EO<EOF"};
    const size_t least = 100000;
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const size_t length = strlen(patterns[i]);

        for (size_t size = least; size < least + 2 * length; size++) {
            char *message = repeat(patterns[i], length, size);

            cr_expect(client_is_echoed(&server, message, size + TOKEN_SIZE, CLIENT_STAYS),
                      "%s, %zu bytes", patterns[i], size);
            free(message);
        }
    }
    cr_expect(eq(int, server_stop(&server), 0));
}

Test(hostile_bytes, nuls_end_nothing_and_hide_nothing)
{
    static const char pattern[] = "\0<E\0OF>\0";
    const size_t size = 300000;
    char *message = repeat(pattern, sizeof pattern - 1, size);
    struct server_process server;
    server_start(&server, NO_ARGUMENTS);

    cr_expect(client_is_echoed(&server, message, size + TOKEN_SIZE, CLIENT_STAYS));
    cr_expect(client_is_echoed(&server, message, size, CLIENT_HALF_CLOSES));
    cr_expect(client_is_echoed(&server, "\0\0<EOF>", 7, CLIENT_STAYS));

    free(message);
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.out, " Data : \\x00\\x00<EOF>\n"), 1));
}

/* What a client says, and what may be seen of it. */
static const struct {
    const char *said;
    const char *shown;
} guises[] = {
    {"\033[2J\033[1;1H", "\\x1b[2J\\x1b[1;1H"},                             /* clears the screen */
    {"\033]0;t\007\033]52;c;eA==\a", "\\x1b]0;t\\x07\\x1b]52;c;eA==\\x07"}, /* clipboard */
    {"\033P+q544e\033\\", "\\x1bP+q544e\\x1b\\\\"},                         /* asks the terminal */
    {"\302\233"
     "6n",
     "\\xc2\\x9b6n"}, /* a CSI of one character */
    {"\233"
     "6n",
     "\\x9b6n"},                                                   /* and of one byte */
    {"a\rb\bc\177d\016e", "a\\rb\\x08c\\x7fd\\x0ee"},              /* overwrites what stood there */
    {"x\nSent 9 bytes to client.", "x\\nSent 9 bytes to client."}, /* forges a line */
    {"\342\200\250Read", "\\xe2\\x80\\xa8Read"},                   /* with the line separator */
    {"\342\200\256fdp", "\\xe2\\x80\\xaefdp"},                     /* turns the writing around */
    {"\\x1b[2J", "\\\\x1b[2J"},                                    /* looks like an escaped one */
    {"\300\274EOF>", "\\xc0\\xbcEOF>"},                            /* overlong forms of '<' */
    {"\340\200\274EOF>", "\\xe0\\x80\\xbcEOF>"},
    {"\355\240\200", "\\xed\\xa0\\x80"},                      /* half of a surrogate pair */
    {"\364\220\200\200", "\\xf4\\x90\\x80\\x80"},             /* beyond the last character */
    {"\370\210\200\200\200", "\\xf8\\x88\\x80\\x80\\x80"},    /* of five bytes */
    {"\342\202", "\\xe2\\x82"},                               /* cut short */
    {"\377\376<\376", "\\xff\\xfe<\\xfe"},                    /* never in UTF-8 */
    {"gr\303\274n \342\202\254", "gr\303\274n \342\202\254"}, /* nothing is wrong with this */
};

/* The whole transcript is compared: nothing else may stand there, and nothing twice. */
Test(hostile_bytes, whatever_a_client_says_the_transcript_stays_harmless)
{
    static char expected[8192];
    size_t used = 0;
    struct server_process server;
    server_start(&server, ARGUMENTS("--end", "eof"));

    for (size_t i = 0; i < sizeof guises / sizeof *guises; i++) {
        const size_t size = strlen(guises[i].said);

        cr_expect(client_is_echoed(&server, guises[i].said, size, CLIENT_HALF_CLOSES), "%s",
                  guises[i].shown);
        used +=
            (size_t)snprintf(expected + used, sizeof expected - used,
                             "Read %zu bytes from socket.\n Data : %s\nSent %zu bytes to client.\n",
                             size, guises[i].shown, size);
    }

    cr_expect(eq(int, server_stop(&server), 0));
    char *printed = read_output(server.out);
    remove_lines(printed, WAITING);
    cr_expect(strstr(printed, expected) != NULL, "%s", printed);
    free(printed);
}

/* Sends until the server has had enough, at most `size` bytes. Returns how many. */
static size_t pour(int fd, size_t size)
{
    static char flood[1 << 16];
    size_t poured = 0;
    ssize_t count = 1;

    memset(flood, '<', sizeof flood);
    while (poured < size && count > 0) {
        count = send(fd, flood, sizeof flood, MSG_NOSIGNAL);
        poured += count > 0 ? (size_t)count : 0;
    }
    return poured;
}

/* It is told once that the limit is exceeded, read on for a while, and then cut off. What memory is
 * needed is that of a message, of half of one while it grows, and two engines' buffers. */
Test(hostile_bytes, a_message_without_an_end_is_cut_off_and_its_memory_is_bounded)
{
    const size_t endless = (size_t)1 << 30;
    struct server_process server;
    server_start(&server, ARGUMENTS("--end", "token", "--max-message", "1M"));

    cr_expect(client_is_served(&server));
    const size_t before = process_memory_peak(&server);
    for (int i = 0; i < 2; i++) {
        int fd = client_connect(&server);

        cr_expect(lt(sz, pour(fd, endless), endless));
        close(fd);
        cr_expect(client_is_served(&server));
    }

    expect_memory_at_most(&server, before + 8 * ((size_t)1 << 20));
    cr_expect(eq(int, server_stop(&server), 0));
    cr_expect(eq(sz, count_in_output(server.err, " 2 too long,"), 1));
}

Test(hostile_bytes, a_message_of_one_byte_too_many_is_refused_and_one_of_the_limit_is_not)
{
    static char message[1001];
    char reply[100] = "";
    struct server_process server;
    server_start(&server, ARGUMENTS("--max-message", "1000"));

    memset(message, '<', sizeof message);
    (void)client_talk(&server, message, 1001, CLIENT_HALF_CLOSES, reply, sizeof reply - 1);

    cr_expect_str_eq(reply, "message too long: the limit is 1000 bytes\n", "%s", reply);
    cr_expect(client_is_echoed(&server, message, 1000, CLIENT_HALF_CLOSES));
    memcpy(message + 1000 - TOKEN_SIZE, TOKEN, TOKEN_SIZE);
    cr_expect(client_is_echoed(&server, message, 1000, CLIENT_STAYS));
    cr_expect(eq(int, server_stop(&server), 0));
}
