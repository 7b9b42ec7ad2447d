/* test_log.c - a record is one line, however long it would be. */
/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "log.h"

TestSuite(log, .timeout = 10);

/* What a record of `size` characters leaves on stderr; returns how many bytes. */
static size_t log_characters(size_t size, char written[2 * LOG_LINE_SIZE])
{
    static char text[2 * LOG_LINE_SIZE];
    const int kept = dup(STDERR_FILENO);
    const int file = memfd_create("stderr", MFD_CLOEXEC);

    memset(text, 'x', size);
    text[size] = '\0';
    cr_assert(kept >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
    log_line("%s", text);
    cr_assert(dup2(kept, STDERR_FILENO) >= 0);

    ssize_t count = pread(file, written, (size_t)2 * LOG_LINE_SIZE, 0);
    cr_assert(count >= 0);
    close(file);
    close(kept);
    return (size_t)count;
}

Test(log, a_record_is_a_line)
{
    char written[2 * LOG_LINE_SIZE];

    cr_expect(eq(sz, log_characters(3, written), 4));
    cr_expect(zero(int, memcmp(written, "xxx\n", 4)));
}

Test(log, a_record_that_is_too_long_is_cut_and_still_a_line)
{
    char written[2 * LOG_LINE_SIZE];

    for (size_t size = LOG_LINE_SIZE - 4; size < LOG_LINE_SIZE + 4; size++) {
        size_t count = log_characters(size, written);

        cr_expect(le(sz, count, LOG_LINE_SIZE));
        cr_expect(count == size + 1 || size >= LOG_LINE_SIZE - 2, "%zu came to %zu", size, count);
        cr_expect(eq(chr, written[count - 1], '\n'));
        cr_expect(memchr(written, '\n', count) == written + count - 1);
        cr_expect(memchr(written, '\0', count) == NULL);
    }
}
