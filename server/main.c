/* main.c - iocp-server: options, then the server, then the exit status. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "options.h"
#include "server.h"

#define EXIT_USAGE 2

/* Whoever starts us with a standard stream closed shall not have the transcript written into
 * the first client's connection. */
static void open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* The exit status, when everything has been written. */
static int end_of_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_SUCCESS;
    log_line("iocp-server: stdout: %s", strerror(errno));
    return EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
    struct options options;
    char error[OPTIONS_ERROR_SIZE];

    open_standard_streams();
    options_init(&options);
    const struct options defaults = options;
    if (options_parse(&options, argc, argv, error) < 0) {
        log_line("iocp-server: %s", error);
        return EXIT_USAGE;
    }
    switch (options.action) {
    case OPTIONS_SHOW_HELP:
        options_print_help(&defaults, stdout);
        return end_of_output();
    case OPTIONS_SHOW_VERSION:
        (void)puts("iocp-server " IOCP_VERSION);
        return end_of_output();
    case OPTIONS_SERVE:
        break;
    }
    return server_run(&options);
}
