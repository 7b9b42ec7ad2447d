/* test_table.c - the table has the columns that have values, and says what went wrong. */
/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "made_results.h"
#include "table.h"
#include "wording.h"

static struct results results;
static char *text;

static void make_case(void)
{
    made_case(&results, "pingpong");
}

static void destroy(void)
{
    free(text);
    results_destroy(&results);
}

TestSuite(table, .init = make_case, .fini = destroy, .timeout = 60);

static void write_case(FILE *out, const void *written)
{
    cr_expect(zero(int, table_write_case(out, written, 0)));
}

static void write_verdicts(FILE *out, const void *written)
{
    table_write_verdicts(out, written);
}

static const char *table(void)
{
    free(text);
    text = made_text(write_case, &results);
    return text;
}

static void expect_narrow(const char *at)
{
    for (; *at; at += *at == '\n') {
        size_t length = strcspn(at, "\n");

        cr_expect(le(sz, length, WORDING_WIDTH), "too wide: %.*s", (int)length, at);
        at += length;
    }
}

/* The line that begins with `subject`, in a buffer that the next call overwrites. */
static const char *line_of(const char *subject)
{
    static char line[400];
    const char *at = text;

    while (at && strncmp(at, subject, strlen(subject)) != 0)
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    cr_assert(at != NULL, "no line of %s in: %s", subject, text);
    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

static void fill(struct result_row *row, double scale)
{
    for (int i = 0; i < FIGURES; i++)
        if (row->figures[i].count == 0)
            for (int round = 0; round < 3; round++)
                series_add(&row->figures[i],
                           scale * figure_kind((enum figure)i)->scale * (1 + 0.01 * (round - 1)));
}

Test(table, shows_medians_ranges_and_the_ratio_to_the_best_peer)
{
    struct result_row *row = made_row(&results, "iocp-server io_uring", true, ROUNDS(5, 4.9, 5.2));

    made_figure(row, FIGURE_RATE, ROUNDS(195400, 190000, 201000));
    made_figure(row, FIGURE_CPU_USER_US, ROUNDS(1.5));
    made_figure(row, FIGURE_P99_US, ROUNDS(12345));
    made_figure(row, FIGURE_RSS_BYTES, ROUNDS(3 * 1048576));
    made_figure(row, FIGURE_SWITCHES, ROUNDS(0.012));
    made_row(&results, "libuv", false, ROUNDS(10, 11, 9));
    made_row(&results, "libevent", false, ROUNDS(20, 20, 20));
    table();
    expect_part(text, "\npingpong: pingpong in words\n");
    const char *line = line_of("iocp-server io_uring");
    expect_part(line, "  5.00 (4.90-5.20)  ");
    expect_part(line, "  195 (190-201)  ");
    expect_part(line, "  1.50  ");
    expect_part(line, "  12345  ");
    expect_part(line, "  3.00  ");
    expect_part(line, "  0.012  ");
    expect_part(line, "  0.50");
    expect_part(line_of("libuv"), "  10.0 (9.00-11.0)  ");
    expect_part(line_of("libuv"), "  1.00");
    expect_part(line_of("libevent"), "  20.0  ");
    expect_part(line_of("libevent"), "  2.00");
    expect_narrow(text);
}

Test(table, leaves_out_columns_without_a_value)
{
    made_figure(made_row(&results, "a", true, ROUNDS(5)), FIGURE_SWITCHES, ROUNDS(1));
    table();
    expect_part(text, "CPU us/op");
    expect_part(text, "switches");
    expect_no_part(text, "median");
    expect_no_part(text, "syscalls");
    expect_no_part(text, "p99");
    expect_no_part(text, "ops/s");
    expect_no_part(text, "RSS");
    expect_no_part(text, "idle");
    expect_no_part(text, "best peer");
    made_figure(&results.rows[0], FIGURE_SYSCALLS, ROUNDS(2));
    made_figure(&results.rows[0], FIGURE_IDLE_BYTES, ROUNDS(497));
    table();
    expect_part(text, "syscalls");
    expect_part(text, "B/conn");
    expect_part(text, "497");
}

Test(table, shows_bytes_a_second_only_of_larger_messages)
{
    made_figure(made_row(&results, "a", true, ROUNDS(5)), FIGURE_MB_RATE, ROUNDS(777));
    results.cases[0].message_size = 4095;
    expect_no_part(table(), "MB/s");
    results.cases[0].message_size = 4096;
    expect_part(table(), "MB/s");
    expect_part(text, "777");
}

Test(table, has_ours_first_and_the_peers_by_processor_time)
{
    made_row(&results, "slow peer", false, ROUNDS(9));
    made_row(&results, "no peer", false, ROUNDS(0))->state = ROW_SKIPPED;
    made_row(&results, "our second", true, ROUNDS(7));
    made_row(&results, "our third", true, ROUNDS(6));
    made_row(&results, "fast peer", false, ROUNDS(2));
    made_case(&results, "another");
    made_row(&results, "elsewhere", true, ROUNDS(1));
    table();
    const char *at = text;
    for (size_t i = 0; i < 5; i++) {
        static const char *const due[] = {"our second", "our third", "fast peer", "slow peer",
                                          "no peer"};

        at = strstr(at, due[i]);
        cr_assert(at != NULL, "%s is not where it should be in: %s", due[i], text);
    }
    expect_no_part(text, "elsewhere");
}

Test(table, says_why_a_row_does_not_count)
{
    struct result_row *row = made_row(&results, "liar", false, ROUNDS(7.77));

    row->state = ROW_INVALID;
    (void)strcpy(row->trouble, "the generator had no time left");
    row = made_row(&results, "absent", false, ROUNDS(0));
    row->state = ROW_SKIPPED;
    (void)strcpy(row->trouble, "not built");
    row = made_row(&results, "dead", false, ROUNDS(3.33, 3.34));
    row->state = ROW_FAILED;
    (void)strcpy(row->trouble, "killed in round 3");
    row->errors[LOAD_LATE] = 12;
    row = made_row(&results, "lossy", false, ROUNDS(4.44));
    row->errors[LOAD_WRONG] = 5;
    table();
    expect_part(text, "\nliar  INVALID: the generator had no time left\n");
    expect_no_part(text, "7.77");
    expect_part(text, "\nabsent  skipped: not built\n");
    expect_part(line_of("dead"), "3.33");
    expect_part(text, "\n  FAILED: killed in round 3, 12 late\n");
    expect_part(text, "\n  errors: 5 wrong bytes\n");
    expect_narrow(text);
}

Test(table, is_never_too_wide)
{
    struct result_row *row;

    memset(results.cases[0].title, 't', sizeof results.cases[0].title - 1);
    memset(results.cases[0].id, 'i', sizeof results.cases[0].id - 1);
    results.cases[0].message_size = 65536;
    row = made_row(&results, "a subject whose name is as long as it gets", true, ROUNDS(0));
    fill(row, 12345);
    row = made_row(&results, "another one, whose name is long as well", false, ROUNDS(0));
    fill(row, 99999);
    row->state = ROW_FAILED;
    memset(row->trouble, 'w', sizeof row->trouble - 1);
    row = made_row(&results, "a third one with words in many lines", false, ROUNDS(0));
    row->state = ROW_SKIPPED;
    for (size_t i = 0; i + 5 < sizeof row->trouble; i += 5)
        memcpy(row->trouble + i, i % 25 == 20 ? "word\n" : "word ", 5);
    expect_narrow(table());
    expect_part(text, "a subject");
    free(text);
    text = made_text(write_verdicts, &results);
    expect_narrow(text);
}

Test(table, of_a_case_without_rows_is_its_name)
{
    expect_text(table(), "\npingpong: pingpong in words\n");
}

Test(table, ends_with_a_verdict_on_every_case)
{
    made_row(&results, "iocp-server", true, ROUNDS(5, 5));
    made_row(&results, "libuv", false, ROUNDS(10, 10));
    made_case(&results, "flood");
    made_row(&results, "iocp-server", true, ROUNDS(6, 6));
    text = made_text(write_verdicts, &results);
    expect_part(text, "\n  pingpong: iocp-server 5.00 us, 0.50 of the best peer");
    expect_part(text, "\n    iocp-server to each peer: libuv 0.50\n");
    expect_part(text, "\n  flood: iocp-server 6.00 us, and no peer");
    expect_narrow(text);
}

static void expect_number(double value, const char *due)
{
    char number[WORDING_NUMBER];

    wording_number(value, number);
    expect_text(number, due);
}

Test(table, shows_three_digits_of_a_number)
{
    expect_number(0, "0");
    expect_number(0.0123, "0.012");
    expect_number(0.0996, "0.10");
    expect_number(1.234, "1.23");
    expect_number(9.996, "10.0");
    expect_number(99.96, "100");
    expect_number(1234567.8, "1234568");
    expect_number(-0.0123, "-0.012");
    expect_number(-99.96, "-100");
}

static void write_words(FILE *out, const void *words)
{
    wording_write(out, 3, "- ", words);
}

Test(table, shows_a_text_of_two_lines_in_one)
{
    text = made_text(write_words, "what a peer\nhas said\t");
    expect_text(text, "- what a peer has said \n");
}

Test(table, breaks_a_text_at_its_blanks)
{
    char words[200];

    for (size_t i = 0; i < sizeof words - 1; i++)
        words[i] = i % 10 == 9 ? ' ' : 'x';
    words[sizeof words - 1] = '\0';
    text = made_text(write_words, words);
    cr_expect(eq(sz, strcspn(text, "\n"), 2 + 109));
    expect_part(text, "xxx\n   xxxxxxxxx xxx");
    expect_narrow(text);
}
