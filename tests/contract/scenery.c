/* scenery.c - listeners, and peers that keep an operation in flight. */
/* SPDX-License-Identifier: MIT */
#include "scenery.h"

#include <poll.h>
#include <stdlib.h>

#include "loopback.h"

static const struct sockaddr_in any_port = {.sin_family = AF_INET,
                                            .sin_addr.s_addr = 0x0100007f}; /* 127.0.0.1 */

static unsigned char *allocate_once(unsigned char **bytes, size_t size)
{
    if (*bytes == NULL)
        *bytes = calloc(1, size);
    cr_assert_not_null(*bytes);
    return *bytes;
}

unsigned char *stuck_bytes(void)
{
    static unsigned char *bytes;

    return allocate_once(&bytes, STUCK_SIZE);
}

unsigned char *stuck_arrivals(void)
{
    static unsigned char *bytes;

    return allocate_once(&bytes, STUCK_SIZE + 1);
}

struct iocp_completion take_completion(struct contract *contract)
{
    struct iocp_completion completion;

    cr_assert(zero(int, iocp_port_wait(contract->port, &completion, PATIENCE_MS)));
    return completion;
}

struct iocp_socket *unconnected_socket(struct contract *contract)
{
    struct iocp_socket *socket = NULL;

    cr_assert(zero(int, iocp_socket_create(contract->port, AF_INET, CONNECTION_KEY, &socket)));
    return socket;
}

struct iocp_socket *listen_at(struct contract *contract, uint16_t *port_number)
{
    struct iocp_socket *listener = unconnected_socket(contract);
    struct sockaddr_storage bound;

    cr_assert(
        zero(int, iocp_socket_bind(listener, (const struct sockaddr *)&any_port, sizeof any_port)));
    cr_assert(zero(int, iocp_socket_listen(listener, SOMAXCONN)));
    cr_assert(eq(int, iocp_socket_local_address(listener, &bound), (int)sizeof any_port));
    *port_number = ntohs(((const struct sockaddr_in *)&bound)->sin_port);
    return listener;
}

int descriptor_towards(uint16_t client)
{
    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_in address = {0};
        socklen_t length = sizeof address;

        if (getpeername(fd, (struct sockaddr *)&address, &length) == 0 &&
            address.sin_family == AF_INET && ntohs(address.sin_port) == client)
            return fd;
    }
    return -1;
}

void fill_listener(int ends[2])
{
    struct pollfd arrival = {.events = POLLIN};

    ends[0] = loopback_listen();
    cr_assert(zero(int, listen(ends[0], 0))); /* room for one, now */
    ends[1] = loopback_connect(loopback_port(ends[0]));

    arrival.fd = ends[0];
    cr_assert(eq(int, poll(&arrival, 1, PATIENCE_MS), 1));
}

uint16_t refusing_port(int *holder)
{
    *holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, but not listening */
    cr_assert(ge(int, *holder, 0));
    cr_assert(zero(int, bind(*holder, (const struct sockaddr *)&any_port, sizeof any_port)));
    return loopback_port(*holder);
}

void begin_connect_to(struct iocp_socket *socket, struct iocp_op *op, uint16_t port_number)
{
    struct sockaddr_in address = any_port;

    address.sin_port = htons(port_number);
    cr_assert(zero(int, iocp_begin_connect(socket, op, (const struct sockaddr *)&address,
                                           sizeof address, iocp_no_callback, NULL)));
}

void begin_stuck_send(struct contract *contract, const struct connection *connection,
                      struct iocp_op *op, const void *bytes)
{
    struct pollfd arrival = {.fd = connection->peer, .events = POLLIN};

    cr_assert(zero(
        int, iocp_begin_send(connection->socket, op, bytes, STUCK_SIZE, iocp_no_callback, NULL)));
    do
        cr_assert(contract_is_quiet(contract));
    while (poll(&arrival, 1, 0) == 0);
}
