/* example.c - counts the bytes of one client: port, workers, Begin and End, event, stop. */
/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <iocp/address.h>
#include <iocp/event.h>
#include <iocp/pool.h>
#include <iocp/socket.h>

static struct iocp_event all_done;
static struct iocp_socket *client;
static char buffer[1024];
static size_t total;

/* Runs on a worker, once for each receive: end it, begin the next. */
static void on_received(struct iocp_op *op, void *context)
{
    ssize_t count = iocp_end_receive(client, op);

    if (count > 0)
        total += (size_t)count;
    if (count <= 0 ||
        iocp_begin_receive(client, op, buffer, sizeof buffer, on_received, context) < 0)
        iocp_event_set(&all_done);
}

int main(int argc, char *argv[])
{
    struct sockaddr_storage address;
    struct iocp_op op = {0};
    struct iocp_port *port;
    struct iocp_pool *pool;
    struct iocp_socket *listener;
    int length = iocp_address_parse(argc > 1 ? argv[1] : "127.0.0.1:12000", &address);

    iocp_event_init(&all_done, IOCP_MANUAL_RESET, false);
    if (length < 0 || iocp_port_create("auto", 0, &port) < 0 ||
        iocp_pool_create(port, 4, &pool) < 0 ||
        iocp_socket_create(port, address.ss_family, 0, &listener) < 0 ||
        iocp_socket_bind(listener, (struct sockaddr *)&address, (socklen_t)length) < 0 ||
        iocp_socket_listen(listener, 10) < 0)
        return 1;
    if (iocp_begin_accept(listener, &op, NULL, NULL) < 0 || /* no callback: end waits */
        iocp_end_accept(listener, &op, 0, &client) < 0 ||
        iocp_begin_receive(client, &op, buffer, sizeof buffer, on_received, NULL) < 0 ||
        iocp_event_wait(&all_done, IOCP_INFINITE) < 0)
        return 1;
    printf("received %zu bytes\n", total);

    iocp_socket_free(client);
    iocp_socket_free(listener);
    long dropped = iocp_pool_stop(pool, IOCP_DRAIN);
    iocp_pool_free(pool);
    iocp_port_free(port);
    iocp_event_destroy(&all_done);
    return dropped == 0 ? 0 : 1;
}
