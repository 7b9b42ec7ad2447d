/* test_example.c - the README's example does what it says. */
/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <iocp/address.h>

#include "client.h"
#include "deadline.h"
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

struct visit {
    struct sockaddr_in address;
    int fd; /* once connected */
};

/* One try to connect: it does not say when it listens. */
static bool is_let_in(void *argument)
{
    struct visit *visit = argument;

    visit->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(visit->fd, (const struct sockaddr *)&visit->address, sizeof visit->address) == 0)
        return true;
    close(visit->fd);
    return false;
}

Test(example, counts_the_bytes_of_one_client_and_ends)
{
    struct visit visit;
    char text[IOCP_ADDRESS_TEXT_SIZE];
    char message[5000];
    struct server_process example;
    int reserved = reserve_port(&visit.address);

    iocp_address_format((const struct sockaddr *)&visit.address, text, sizeof text);
    process_start(&example, IOCP_EXAMPLE_PATH, 0, ARGUMENTS(text));
    cr_assert(wait_until(is_let_in, &visit), "it does not listen");
    memset(message, 'e', sizeof message);
    client_send(visit.fd, message, sizeof message);
    close(visit.fd);

    cr_expect(eq(int, process_wait(&example), 0));
    show_errors(&example);
    char *printed = read_output(example.out);
    cr_expect(strcmp(printed, "received 5000 bytes\n") == 0, "%s", printed);
    free(printed);
    close(reserved);
}
