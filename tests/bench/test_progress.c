/* test_progress.c - one line on a terminal, a line for each case elsewhere. */
/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "made_results.h"
#include "progress.h"

TestSuite(progress, .timeout = 60);

static void show_cases(struct progress *progress)
{
    progress_at(progress, "case 1 of 2: pingpong", "round 1 of 2, libuv", 0);
    progress_at(progress, "case 1 of 2: pingpong", "round 2 of 2, libuv", 0.25);
    progress_at(progress, "case 2 of 2: flood", "round 1 of 2, asio", 0.5);
}

static void show_plainly(FILE *out, const void *unused)
{
    struct progress progress;

    (void)unused;
    progress_start(&progress, out, 200);
    show_cases(&progress);
    progress_clear(&progress);
}

Test(progress, is_a_plain_line_for_each_case_where_there_is_no_terminal)
{
    char *text = made_text(show_plainly, NULL);

    expect_part(text, ", 3:20 to go  case 1 of 2: pingpong\n");
    expect_part(text, ", 1:40 to go  case 2 of 2: flood\n");
    expect_no_part(text, "round");
    expect_no_part(text, "\r");
    cr_expect(eq(ptr, strstr(strstr(text, "case 1") + 1, "case 1"), NULL), "it said: %s", text);
    free(text);
}

/* A terminal of so many columns, and the descriptor where what it shows can be read. */
static FILE *open_terminal(unsigned short columns, int *screen)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    struct termios raw;
    int terminal;

    *screen = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(ge(int, *screen, 0));
    cr_assert(zero(int, grantpt(*screen)));
    cr_assert(zero(int, unlockpt(*screen)));
    terminal = open(ptsname(*screen), O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(ge(int, terminal, 0));
    cr_assert(zero(int, tcgetattr(terminal, &raw)));
    cfmakeraw(&raw);
    cr_assert(zero(int, tcsetattr(terminal, TCSANOW, &raw)));
    cr_assert(zero(int, ioctl(terminal, TIOCSWINSZ, &size)));
    return fdopen(terminal, "w");
}

/* What has been written to the terminal; it ends with a mark. */
static void read_screen(FILE *terminal, int screen, char *text, size_t size)
{
    size_t length = 0;

    (void)fputc('$', terminal);
    (void)fflush(terminal);
    while (length == 0 || text[length - 1] != '$') {
        ssize_t count = read(screen, text + length, size - 1 - length);

        cr_assert(lt(i64, 0, (int64_t)count));
        length += (size_t)count;
    }
    text[length - 1] = '\0';
}

Test(progress, on_a_terminal_is_one_line_that_is_cleared)
{
    struct progress progress;
    char text[2000];
    int screen;
    FILE *terminal = open_terminal(60, &screen);

    progress_start(&progress, terminal, 200);
    show_cases(&progress);
    read_screen(terminal, screen, text, sizeof text);
    expect_part(text, ", 3:20 to go  case 1 of 2: pingpong, round 1 of 2, ");
    expect_part(text, ", 2:30 to go  case 1 of 2: pingpong, round 2 of 2, ");
    expect_part(text, ", 1:40 to go  case 2 of 2: flood, round 1 of 2, asio");
    expect_no_part(text, "\n");
    for (const char *at = strchr(text, '\r'); at; at = strchr(at + 1, '\r'))
        cr_expect(le(sz, strcspn(at + 1, "\r"), 59), "too wide: %s", at);

    progress_clear(&progress);
    read_screen(terminal, screen, text, sizeof text);
    cr_expect(eq(chr, text[0], '\r'));
    cr_expect(ge(sz, strspn(text + 1, " "), strlen("0:00, 1:40 to go  case 2 of 2: flood")));
    expect_text(text + 1 + strspn(text + 1, " "), "\r");
    progress_clear(&progress);
    read_screen(terminal, screen, text, sizeof text);
    expect_text(text, "");
    (void)fclose(terminal);
    close(screen);
}
