/* transcript.h - the lines of the article's program, as they go to stdout. */
/* SPDX-License-Identifier: MIT */
/*
 * Each record is written whole and flushed: records of several threads never mix, and the two
 * lines of a read stand together. Every function takes NULL for a transcript that nobody wants
 * and then does nothing.
 */
#ifndef SERVER_TRANSCRIPT_H
#define SERVER_TRANSCRIPT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The most bytes of a message that its Data line shows. */
#define TRANSCRIPT_DATA_MAX 1024

struct transcript {
    FILE *stream;
    atomic_bool broken; /* writing has failed once: told on stderr, then silent */
};

void transcript_init(struct transcript *transcript, FILE *stream);

/* Local address and port : ADDRESS */
void transcript_local_address(struct transcript *transcript, const char *address);

/* Waiting for a connection... */
void transcript_waiting(struct transcript *transcript);

/* Read SIZE bytes from socket.
 *  Data : BYTES, escaped, at most TRANSCRIPT_DATA_MAX of them, then " … (N more bytes)" */
void transcript_read(struct transcript *transcript, const void *bytes, size_t size);

/* Read COUNT bytes from socket. */
void transcript_read_total(struct transcript *transcript, uint64_t count);

/* Sent SIZE bytes to client. */
void transcript_sent(struct transcript *transcript, size_t size);

/* Closing the listener... */
void transcript_closing(struct transcript *transcript);

/*
 * Write bytes so that they are harmless on a terminal and unmistakable: \r, \n, \t and \\ for
 * these, \xHH for other control characters, marks that are not seen, and what is not valid UTF-8;
 * what can be printed stays. Stops before what does not fit; `text` always has an end.
 *
 * Returns  How many of the bytes are in the text.
 */
size_t transcript_escape(char *text, size_t text_size, const void *bytes, size_t size);

#endif
