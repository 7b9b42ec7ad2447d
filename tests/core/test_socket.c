/* test_socket.c - what a socket refuses before anything is in flight. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <iocp/socket.h>

#include "loopback.h"

static struct iocp_port *port;

static void open_port(void)
{
    cr_assert(zero(int, iocp_port_create(NULL, 1, &port)));
}

static void free_port(void)
{
    iocp_port_free(port);
}

TestSuite(socket, .init = open_port, .fini = free_port, .timeout = 30);

static struct iocp_socket *make_socket(int family)
{
    struct iocp_socket *made = NULL;

    cr_assert(zero(int, iocp_socket_create(port, family, 0, &made)));
    return made;
}

static const struct sockaddr_in any_port = {.sin_family = AF_INET};

static int bind_to(struct iocp_socket *socket, const struct sockaddr_in *address)
{
    return iocp_socket_bind(socket, (const struct sockaddr *)address, sizeof *address);
}

Test(socket, of_another_family_than_ip_is_refused)
{
    struct iocp_socket *none = NULL;

    cr_expect(eq(int, iocp_socket_create(port, AF_UNIX, 0, &none), -EAFNOSUPPORT));
    cr_expect(none == NULL);
}

/* Listen at any port of IPv6, and then at the same one of IPv4. What the second bind came to. */
static int listen_twice(void)
{
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    struct sockaddr_storage address;
    struct iocp_socket *six = NULL;
    struct iocp_socket *four = make_socket(AF_INET);
    struct sockaddr_in same_port = any_port;

    if (iocp_socket_create(port, AF_INET6, 0, &six) == -EAFNOSUPPORT)
        cr_skip_test("no IPv6 on this machine");
    cr_assert(zero(int, iocp_socket_bind(six, (const struct sockaddr *)&any, sizeof any)));
    cr_assert(zero(int, iocp_socket_listen(six, 1)));
    cr_assert(eq(int, iocp_socket_local_address(six, &address), (int)sizeof any));
    same_port.sin_port = ((const struct sockaddr_in6 *)&address)->sin6_port;

    const int result = bind_to(four, &same_port);
    if (result == 0)
        cr_expect(zero(int, iocp_socket_listen(four, 1)));
    iocp_socket_free(four);
    iocp_socket_free(six);
    return result;
}

/* A listener that took IPv4 as well would keep another from the same port, whichever it is; a
 * stranger has only some of them. */
Test(socket, of_ipv6_takes_ipv6_alone)
{
    int result = -EADDRINUSE;

    for (int i = 0; i < 20 && result == -EADDRINUSE; i++)
        result = listen_twice();

    cr_expect(zero(int, result));
}

Test(socket, is_not_made_of_what_is_none)
{
    struct iocp_socket *none = NULL;
    int ends[2];

    cr_assert(zero(int, pipe(ends)));

    cr_expect(eq(int, iocp_socket_adopt(port, ends[0], 0, &none), -ENOTSOCK));
    cr_expect(zero(int, fcntl(ends[0], F_GETFL) & O_NONBLOCK), "it has been changed");
    close(ends[0]);
    cr_expect(eq(int, iocp_socket_adopt(port, ends[0], 0, &none), -EBADF));
    cr_expect(none == NULL);
    close(ends[1]);
}

Test(socket, does_not_listen_where_another_does)
{
    int holder = loopback_listen();
    const struct sockaddr_in taken = loopback_address(holder);
    struct iocp_socket *socket = make_socket(AF_INET);
    struct iocp_op op = {0};

    cr_expect(eq(int, bind_to(socket, &taken), -EADDRINUSE));
    cr_expect(eq(int, iocp_begin_accept(socket, &op, iocp_no_callback, NULL), -EINVAL));
    iocp_socket_free(socket);
    close(holder);
}

/* What could not be done has not happened: no accept waits on it, and its data can be received. */
Test(socket, that_is_connected_cannot_listen_and_stays_connected)
{
    int ends[2];
    char byte = 0;
    struct iocp_socket *socket = NULL;
    struct iocp_op op = {0};

    loopback_pair(ends);
    cr_assert(zero(int, iocp_socket_adopt(port, ends[0], 0, &socket)));

    cr_expect(eq(int, iocp_socket_listen(socket, 1), -EINVAL));
    cr_expect(eq(int, iocp_begin_accept(socket, &op, iocp_no_callback, NULL), -EINVAL));

    cr_assert(zero(int, loopback_write_all(ends[1], "x", 1)));
    cr_assert(zero(int, iocp_begin_receive(socket, &op, &byte, 1, NULL, NULL)));
    cr_expect(eq(long, iocp_end_receive(socket, &op), 1));
    cr_expect(eq(chr, byte, 'x'));
    iocp_socket_free(socket);
    close(ends[1]);
}

Test(socket, that_is_closed_has_no_address_and_takes_none)
{
    struct sockaddr_storage address;
    struct iocp_socket *socket = make_socket(AF_INET);

    iocp_socket_close(socket);

    cr_expect(eq(int, bind_to(socket, &any_port), -EBADF));
    cr_expect(eq(int, iocp_socket_listen(socket, 1), -EBADF));
    cr_expect(eq(int, iocp_socket_local_address(socket, &address), -EBADF));
    cr_expect(eq(int, iocp_socket_shutdown(socket, SHUT_WR), -EBADF));
    iocp_socket_free(socket);
}

Test(socket, that_is_not_connected_has_nothing_to_shut_down)
{
    struct iocp_socket *socket = make_socket(AF_INET);

    cr_expect(eq(int, iocp_socket_shutdown(socket, SHUT_RD), -ENOTCONN));
    cr_expect(eq(int, iocp_socket_shutdown(socket, SHUT_WR), -ENOTCONN));
    iocp_socket_free(socket);
}

Test(socket, knows_three_ways_of_shutting_down)
{
    static const int others[] = {-1, SHUT_RDWR + 1, 1000};
    char byte = 0;
    int ends[2];
    struct iocp_socket *socket = NULL;

    loopback_pair(ends);
    cr_assert(zero(int, iocp_socket_adopt(port, ends[0], 0, &socket)));

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect(eq(int, iocp_socket_shutdown(socket, others[i]), -EINVAL));
    cr_expect(eq(long, recv(ends[1], &byte, 1, MSG_DONTWAIT), -1), "the peer has seen the end");
    iocp_socket_free(socket);
    close(ends[1]);
}

Test(socket, begins_nothing_without_an_operation_or_an_address)
{
    struct sockaddr_in6 short_one = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct iocp_socket *socket = make_socket(AF_INET);
    struct iocp_op op = {0};
    char byte = 0;

    cr_expect(eq(int, iocp_begin_send_shutdown(socket, NULL, &byte, 1, NULL, NULL), -EINVAL));
    cr_expect(eq(int,
                 iocp_begin_connect(socket, NULL, (const struct sockaddr *)&any_port,
                                    sizeof any_port, NULL, NULL),
                 -EINVAL));
    cr_expect(eq(int, iocp_begin_connect(socket, &op, NULL, sizeof any_port, NULL, NULL), -EINVAL));
    cr_expect(eq(int,
                 iocp_begin_connect(socket, &op, (const struct sockaddr *)&short_one,
                                    sizeof(struct sockaddr_in), NULL, NULL),
                 -EINVAL));
    iocp_socket_free(socket);
}
