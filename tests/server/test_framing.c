/* test_framing.c - where a message ends, for every way in which it may arrive. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "framing.h"

TestSuite(framing, .timeout = 30);

/* Give `size` bytes in two pieces, cut at `cut`; true: the message was whole after one of them. */
static bool whole_in_two(enum framing_end end, const char *bytes, size_t size, size_t cut)
{
    struct framing framing;

    framing_init(&framing, end);
    return framing_received(&framing, bytes, cut) ||
           framing_received(&framing, bytes + cut, size - cut);
}

/* How many bytes, given one at a time, make the message whole; 0: they do not. */
static size_t whole_after(enum framing_end end, const char *bytes, size_t size)
{
    struct framing framing;

    framing_init(&framing, end);
    for (size_t i = 0; i < size; i++) {
        if (framing_received(&framing, bytes + i, 1))
            return i + 1;
    }
    return 0;
}

/* The same, the plain way. */
static size_t naive_whole_after(const char *bytes, size_t size)
{
    for (size_t i = 5; i <= size; i++) {
        if (memcmp(bytes + i - 5, "<EOF>", 5) == 0)
            return i;
    }
    return 0;
}

/* RX-21 */
Test(framing, the_token_is_found_across_every_split)
{
    const char message[] = "a<E<EO<EOF<<EOF>";
    const size_t size = sizeof message - 1;

    for (size_t cut = 0; cut <= size; cut++)
        cr_expect(whole_in_two(FRAMING_AT_TOKEN, message, size, cut), "cut at %zu", cut);
}

/* All texts up to 8 bytes over the token's letters and one more: 6 + 36 + ... + 6^8. */
Test(framing, every_short_text_ends_where_a_naive_search_says)
{
    static const char letters[] = "<EOF>x";
    char text[8];

    for (size_t size = 1; size <= sizeof text; size++) {
        size_t count = 1;
        for (size_t i = 0; i < size; i++)
            count *= 6;
        for (size_t number = 0; number < count; number++) {
            size_t rest = number;
            for (size_t i = 0; i < size; i++, rest /= 6)
                text[i] = letters[rest % 6];
            if (whole_after(FRAMING_AT_TOKEN, text, size) != naive_whole_after(text, size))
                cr_fatal("'%.*s'", (int)size, text);
        }
    }
}

/* Every way to cut 12 bytes into pieces: 2^11 of them. */
Test(framing, any_pieces_give_the_same_answer_as_one)
{
    static const char *const texts[] = {"abc<EOF>defg", "<<EO<EOF>EOF", "<EOF<EOF<EOF",
                                        "no token at!", "1234567<EOF>"};

    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        const bool expected = strstr(texts[t], "<EOF>") != NULL;
        for (unsigned cuts = 0; cuts < 1U << 11; cuts++) {
            struct framing framing;
            bool whole = false;
            size_t from = 0;

            framing_init(&framing, FRAMING_AT_EITHER);
            for (size_t to = 1; to <= 12; to++) {
                if (to < 12 && !(cuts >> (to - 1) & 1))
                    continue;
                whole = framing_received(&framing, texts[t] + from, to - from);
                from = to;
            }
            if (whole != expected)
                cr_fatal("'%s' cut as %x", texts[t], cuts);
        }
    }
}

/* RX-20 */
Test(framing, bytes_after_the_token_do_not_hide_it)
{
    cr_expect(whole_in_two(FRAMING_AT_TOKEN, "a<EOF>b", 7, 7));
}

Test(framing, once_whole_it_stays_whole)
{
    struct framing framing;

    framing_init(&framing, FRAMING_AT_TOKEN);

    cr_expect(framing_received(&framing, "<EOF>", 5));
    cr_expect(framing_received(&framing, "more", 4));
}

Test(framing, a_nul_byte_is_a_byte_like_any_other)
{
    cr_expect(whole_in_two(FRAMING_AT_TOKEN, "\0<EOF\0<EOF>", 11, 3));
    cr_expect_not(whole_in_two(FRAMING_AT_TOKEN, "<EO\0F>", 6, 3));
}

Test(framing, with_end_eof_the_token_is_ordinary_data)
{
    cr_expect_not(whole_in_two(FRAMING_AT_EOF, "a<EOF>b", 7, 3));
}

Test(framing, the_peers_end_is_an_end_unless_only_the_token_is)
{
    struct framing framing;

    framing_init(&framing, FRAMING_AT_EITHER);
    cr_expect(framing_ended(&framing));
    framing_init(&framing, FRAMING_AT_EOF);
    cr_expect(framing_ended(&framing));
    framing_init(&framing, FRAMING_AT_TOKEN);
    cr_expect_not(framing_ended(&framing));
}

Test(framing, the_ends_have_names)
{
    cr_expect_str_eq(framing_end_name(FRAMING_AT_EITHER), "either", "%s",
                     framing_end_name(FRAMING_AT_EITHER));
    cr_expect_str_eq(framing_end_name(FRAMING_AT_EOF), "eof", "%s",
                     framing_end_name(FRAMING_AT_EOF));
    cr_expect_str_eq(framing_end_name(FRAMING_AT_TOKEN), "token", "%s",
                     framing_end_name(FRAMING_AT_TOKEN));
    cr_expect_null(framing_end_name(3));
}
