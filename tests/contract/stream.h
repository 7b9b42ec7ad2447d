/* stream.h - a thread that reads or writes a long stream at the plain end of a connection. */
/* SPDX-License-Identifier: MIT */
#ifndef STREAM_H
#define STREAM_H

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

struct stream {
    pthread_t thread;
    int fd;
    void *target;       /* reading: where to */
    const void *source; /* writing: what */
    size_t size;
    ssize_t result;
};

/* Read or write `size` bytes, as loopback_read_all and loopback_write_all do. */
void stream_read(struct stream *stream, int fd, void *target, size_t size);
void stream_write(struct stream *stream, int fd, const void *source, size_t size);

/* Write `size` bytes, then end the sending. */
void stream_write_and_end(struct stream *stream, int fd, const void *source, size_t size);

/* Wait for the end of the stream. Returns how many bytes were read, or 0 when all are written;
 * or a negative errno. */
ssize_t stream_join(struct stream *stream);

/* `size` bytes of which no two stretches are alike; to be freed by the caller. */
unsigned char *stream_pattern(size_t size);

#endif
