/* progress.c - see progress.h. */
/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "measure.h"

#define COLUMNS_USUAL 80

void progress_start(struct progress *progress, FILE *out, double planned_s)
{
    *progress = (struct progress){.out = out,
                                  .terminal = isatty(fileno(out)) == 1,
                                  .planned_s = planned_s,
                                  .start_ns = measure_now_ns()};
}

/* The last column stays free: after it some terminals go on to the next line. */
static size_t columns_of(FILE *out)
{
    struct winsize size;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
        return COLUMNS_USUAL - 1;
    return (size_t)size.ws_col - 1;
}

static void draw(struct progress *progress, const char *line)
{
    size_t columns = columns_of(progress->out), length = strlen(line);
    size_t shown = length < columns ? length : columns;
    size_t rest = progress->drawn > shown ? progress->drawn - shown : 0;

    (void)fprintf(progress->out, "\r%.*s%*s", (int)shown, line, (int)rest, "");
    (void)fflush(progress->out);
    progress->drawn = shown;
}

/* A time in minutes and seconds, as in 3:07. */
static void write_time(double seconds, char *text, size_t size)
{
    unsigned long whole = seconds > 0 ? (unsigned long)(seconds + 0.5) : 0;

    (void)snprintf(text, size, "%lu:%02lu", whole / 60, whole % 60);
}

void progress_at(struct progress *progress, const char *heading, const char *detail,
                 double done_share)
{
    double elapsed_s = (double)(measure_now_ns() - progress->start_ns) / 1e9;
    char line[256], elapsed[32], left[32];
    bool new_case = strncmp(progress->heading, heading, sizeof progress->heading - 1) != 0;

    (void)snprintf(progress->heading, sizeof progress->heading, "%s", heading);
    write_time(elapsed_s, elapsed, sizeof elapsed);
    write_time(progress->planned_s * (1 - done_share), left, sizeof left);
    if (progress->terminal) {
        (void)snprintf(line, sizeof line, "%s, %s to go  %s, %s", elapsed, left, heading, detail);
        draw(progress, line);
    } else if (new_case) {
        (void)fprintf(progress->out, "%s, %s to go  %s\n", elapsed, left, heading);
        (void)fflush(progress->out);
    }
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn == 0)
        return;
    draw(progress, "");
    (void)fputc('\r', progress->out);
    (void)fflush(progress->out);
}
