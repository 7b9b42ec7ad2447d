/* stream.c - the thread at the plain end of a connection. */
/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "loopback.h"

static void *run_reader(void *argument)
{
    struct stream *stream = argument;

    stream->result = loopback_read_all(stream->fd, stream->target, stream->size);
    return NULL;
}

void stream_read(struct stream *stream, int fd, void *target, size_t size)
{
    *stream = (struct stream){.fd = fd, .target = target, .size = size};
    cr_assert(zero(int, pthread_create(&stream->thread, NULL, run_reader, stream)));
}

static void *run_writer(void *argument)
{
    struct stream *stream = argument;

    stream->result = loopback_write_all(stream->fd, stream->source, stream->size);
    return NULL;
}

void stream_write(struct stream *stream, int fd, const void *source, size_t size)
{
    *stream = (struct stream){.fd = fd, .source = source, .size = size};
    cr_assert(zero(int, pthread_create(&stream->thread, NULL, run_writer, stream)));
}

static void *run_ending_writer(void *argument)
{
    struct stream *stream = argument;

    run_writer(stream);
    if (stream->result == 0 && shutdown(stream->fd, SHUT_WR) < 0)
        stream->result = -errno;
    return NULL;
}

void stream_write_and_end(struct stream *stream, int fd, const void *source, size_t size)
{
    *stream = (struct stream){.fd = fd, .source = source, .size = size};
    cr_assert(zero(int, pthread_create(&stream->thread, NULL, run_ending_writer, stream)));
}

ssize_t stream_join(struct stream *stream)
{
    cr_assert(zero(int, pthread_join(stream->thread, NULL)));
    return stream->result;
}

unsigned char *stream_pattern(size_t size)
{
    unsigned char *bytes = malloc(size);
    uint32_t state = 1;

    cr_assert(bytes != NULL);
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        bytes[i] = (unsigned char)(state >> 24);
    }
    return bytes;
}
