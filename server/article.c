/* article.c - the program of "Using an Asynchronous Server Socket", line for line, on libiocp. */
/* SPDX-License-Identifier: MIT */
/* Names are the article's, spelt as here. Deviations: it listens where the argument says, not at
 * its host name's first address; bytes stay as they are; one byte is a message; a client that
 * resets ends its session, not the process; the listener is really closed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iocp/address.h>
#include <iocp/event.h>
#include <iocp/pool.h>
#include <iocp/socket.h>

#define BUFFER_SIZE 1024
static struct iocp_event all_done;

struct state_object {
    struct iocp_socket *work_socket;
    struct iocp_op ar;
    char buffer[BUFFER_SIZE];
    char *sb; /* with length: the string builder */
    size_t length;
};

static bool append(struct state_object *state, size_t size)
{
    char *sb = realloc(state->sb, state->length + size);

    if (sb) {
        memcpy(sb + state->length, state->buffer, size);
        state->sb = sb;
        state->length += size;
    }
    return sb;
}

static void read_callback(struct iocp_op *ar, void *context)
{
    struct state_object *state = context;
    struct iocp_socket *handler = state->work_socket;
    ssize_t read = iocp_end_receive(handler, ar);

    if (read > 0 && append(state, (size_t)read) &&
        iocp_begin_receive(handler, ar, state->buffer, BUFFER_SIZE, read_callback, state) == 0)
        return;
    if (read == 0 && state->length > 0) { /* all has been read: display it on the console */
        flockfile(stdout);
        printf("Read %zu bytes from socket.\n Data : ", state->length);
        (void)fwrite(state->sb, 1, state->length, stdout);
        printf("\n");
        funlockfile(stdout);
    }
    iocp_socket_free(handler);
    free(state->sb);
    free(state);
}

static void accept_callback(struct iocp_op *ar, void *context)
{
    struct iocp_socket *listener = context, *handler = NULL;
    struct state_object *state = calloc(1, sizeof *state);
    int error = iocp_end_accept(listener, ar, 0, &handler);

    if (error < 0)
        iocp_socket_close(listener); /* the next begin_accept fails: start_listening ends */
    iocp_event_set(&all_done);       /* signal the main thread to continue */
    if (error == 0 && state) {
        state->work_socket = handler;
        if (iocp_begin_receive(handler, &state->ar, state->buffer, BUFFER_SIZE, read_callback,
                               state) == 0)
            return;
    }
    iocp_socket_free(handler);
    free(state);
}

static void start_listening(struct iocp_port *port, struct sockaddr_storage *local, int length)
{
    char text[IOCP_ADDRESS_TEXT_SIZE];
    const struct sockaddr *address = (struct sockaddr *)local;
    struct iocp_op ar = {0};
    struct iocp_socket *listener = NULL;
    int error = iocp_socket_create(port, local->ss_family, 0, &listener);

    if (error == 0)
        error = iocp_socket_bind(listener, address, (socklen_t)length);
    if (error == 0)
        error = iocp_socket_listen(listener, 10);
    if (error == 0)
        error = iocp_socket_local_address(listener, local); /* port 0: the one it has become */
    printf("Local address and port : %s\n", iocp_address_format(address, text, sizeof text));
    while (error >= 0) {
        iocp_event_reset(&all_done);
        printf("Waiting for a connection...\n");
        error = iocp_begin_accept(listener, &ar, accept_callback, listener);
        if (error == 0)
            error = iocp_event_wait(&all_done, IOCP_INFINITE);
    }
    printf("%s\nClosing the listener...\n", strerror(-error));
    iocp_socket_free(listener);
}

int main(int argc, char *argv[])
{
    struct sockaddr_storage local;
    struct iocp_port *port;
    struct iocp_pool *pool;
    int length = iocp_address_parse(argc > 1 ? argv[1] : "127.0.0.1:11000", &local);

    if (argc > 2 || length < 0) {
        (void)fprintf(stderr, "usage: iocp-article [ADDRESS:PORT]\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    iocp_event_init(&all_done, IOCP_MANUAL_RESET, false);
    if (iocp_port_create(NULL, 0, &port) == 0 && iocp_pool_create(port, 4, &pool) == 0)
        start_listening(port, &local, length);
    return 1; /* it ends by an error alone */
}
