/* uv.c - the peer on libuv: one loop for each thread, each with a listener of its own. */
/* SPDX-License-Identifier: MIT */
/*
 * Memory  All reads of a loop are made into one buffer, which is free again at once: what the
 *         client takes is written out of it, and only the rest is copied. Nothing more is read
 *         from that client until the rest is written.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "peer_message.h"
#include "peer_serve.h"

enum { BUFFER_SIZE = 64 * 1024 };

struct loop {
    uv_loop_t uv;
    uv_tcp_t listener;
    const struct peer_options *options;
    char buffer[BUFFER_SIZE];
};

struct connection {
    uv_tcp_t tcp;
    struct loop *loop;
    struct peer_message unsent;
    uv_write_t write;
};

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;

    peer_message_free(&connection->unsent);
    free(connection);
}

static void end_connection(struct connection *connection)
{
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    struct loop *loop = connection->loop;
    size_t room = 0;

    (void)suggested;
    if (loop->options->collect) /* no memory: libuv says UV_ENOBUFS */
        buffer->base = (char *)peer_message_room(&connection->unsent, &room);
    else
        buffer->base = loop->buffer;
    buffer->len = loop->options->collect ? room : BUFFER_SIZE;
}

static int begin_reading(struct connection *connection)
{
    return uv_read_start((uv_stream_t *)&connection->tcp, on_room_wanted, on_read);
}

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;

    peer_message_free(&connection->unsent);
    if (status < 0 || connection->loop->options->collect || begin_reading(connection) < 0)
        end_connection(connection);
}

static int begin_writing(struct connection *connection)
{
    uv_buf_t all = uv_buf_init((char *)connection->unsent.bytes, (unsigned)connection->unsent.size);

    connection->write.data = connection;
    return uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &all, 1, on_written);
}

static int write_later(struct connection *connection, const char *bytes, size_t size)
{
    if (peer_message_append(&connection->unsent, bytes, size) < 0)
        return UV_ENOMEM;
    (void)uv_read_stop((uv_stream_t *)&connection->tcp);
    return begin_writing(connection);
}

static int echo(struct connection *connection, char *bytes, size_t size)
{
    uv_buf_t piece = uv_buf_init(bytes, (unsigned)size);
    int count;

    peer_message_received(connection->loop->options, (unsigned char *)bytes);
    count = uv_try_write((uv_stream_t *)&connection->tcp, &piece, 1);
    if (count == UV_EAGAIN)
        count = 0;
    if (count < 0 || (size_t)count == size)
        return count;
    return write_later(connection, bytes + count, size - (size_t)count);
}

/* Returns a negative error: the connection is over. */
static int on_client_ended(struct connection *connection)
{
    if (connection->unsent.size == 0)
        return UV_EOF;
    peer_message_received(connection->loop->options, connection->unsent.bytes);
    (void)uv_read_stop((uv_stream_t *)&connection->tcp);
    return begin_writing(connection);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;
    int result = 0;

    if (count == UV_EOF)
        result = on_client_ended(connection);
    else if (count < 0)
        result = (int)count;
    else if (connection->loop->options->collect)
        connection->unsent.size += (size_t)count;
    else if (count > 0)
        result = echo(connection, buffer->base, (size_t)count);
    if (result < 0)
        end_connection(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct loop *loop = listener->data;
    struct connection *connection = status < 0 ? NULL : calloc(1, sizeof *connection);

    if (!connection)
        return;
    connection->loop = loop;
    connection->tcp.data = connection;
    (void)uv_tcp_init(&loop->uv, &connection->tcp);
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) < 0 || begin_reading(connection) < 0)
        end_connection(connection);
}

static int serve(const struct peer_options *options, int listener)
{
    struct loop *loop = malloc(sizeof *loop);
    int error;

    if (!loop)
        return peer_failed(options, "the loop", UV_ENOMEM);
    loop->options = options;
    error = uv_loop_init(&loop->uv);
    if (error < 0)
        goto free_loop;
    (void)uv_tcp_init(&loop->uv, &loop->listener);
    loop->listener.data = loop;
    error = uv_tcp_open(&loop->listener, listener);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&loop->listener, PEER_BACKLOG, on_connection);
    if (error == 0)
        return uv_run(&loop->uv, UV_RUN_DEFAULT);

free_loop:
    free(loop);
    return peer_failed(options, "libuv", error); /* its errors are negative errnos */
}

int main(int argc, char *argv[])
{
    return peer_main(argc, argv, serve);
}
