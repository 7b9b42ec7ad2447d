/* command.c - see command.h. */
/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <stdio.h>

#include "processors.h"
#include "subjects.h"

int command_start(const char *who, const char *command, struct echo_server *server)
{
    struct subject subject = {.kind = SUBJECT_COMMAND, .command = command};
    struct manner manner = {.workers = 1};
    struct arguments arguments;
    struct echo_server_options options = {.arguments = arguments.argv, .cpu = PROCESSORS_ALL};
    char trouble[300] = "no port";
    int error = echo_server_keep_port(&options.address);

    if (error >= 0) {
        manner.port = ntohs(options.address.sin_port);
        subject_command_line(&subject, &manner, &arguments);
        error = echo_server_start(server, &options, trouble, sizeof trouble);
    }
    if (error < 0)
        (void)fprintf(stderr, "%s: %s\n", who, trouble);
    return error;
}
