/* test_example.c - the README's example does what it says. */
/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <iocp/address.h>

#include "client.h"
#include "clock.h"
#include "server_process.h"

TestSuite(example, .timeout = 120);

/*
 * The program does not say which port it gets, so it is told one: bound here, not listening,
 * with SO_REUSEADDR on both sides, the port can be bound once more and goes to nobody else.
 */
static int reserve_port(struct sockaddr_in *address)
{
    const int on = 1;
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    cr_assert(bind(fd, (const struct sockaddr *)address, sizeof *address) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)address, &length) == 0);
    return fd;
}

/* Nor does it say when it listens. */
static int connect_when_it_listens(const struct sockaddr_in *address)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const int64_t deadline_ns = deadline_after_ms(DEADLINE_MS);

    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert(fd >= 0 && clock_now_ns() < deadline_ns, "it does not listen");
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
            return fd;
        close(fd);
        (void)nanosleep(&pause, NULL);
    }
}

Test(example, counts_the_bytes_of_one_client_and_ends)
{
    struct sockaddr_in address;
    char text[IOCP_ADDRESS_TEXT_SIZE];
    char message[5000];
    struct server_process example;
    int reserved = reserve_port(&address);

    iocp_address_format((const struct sockaddr *)&address, text, sizeof text);
    process_start(&example, IOCP_EXAMPLE_PATH, 0, ARGUMENTS(text));
    int fd = connect_when_it_listens(&address);
    memset(message, 'e', sizeof message);
    client_send(fd, message, sizeof message);
    close(fd);

    cr_expect(eq(int, process_wait(&example), 0));
    show_errors(&example);
    char *printed = read_output(example.out);
    cr_expect(strcmp(printed, "received 5000 bytes\n") == 0, "%s", printed);
    free(printed);
    close(reserved);
}
