/* transcript.c - the lines of the article's program, as they go to stdout. */
/* SPDX-License-Identifier: MIT */
#include "transcript.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "log.h"

/* The longest text of one byte, "\xHH". */
#define ESCAPE_MAX 4

/* A read of the largest size with every byte escaped, and the words around it. */
#define RECORD_SIZE (TRANSCRIPT_DATA_MAX * ESCAPE_MAX + 128)

void transcript_init(struct transcript *transcript, FILE *stream)
{
    transcript->stream = stream;
    atomic_init(&transcript->broken, false);
}

static void write_record(struct transcript *transcript, const char *record, size_t size)
{
    if (atomic_load_explicit(&transcript->broken, memory_order_relaxed))
        return;
    if (fwrite(record, 1, size, transcript->stream) == size && fflush(transcript->stream) == 0)
        return;
    if (!atomic_exchange_explicit(&transcript->broken, true, memory_order_relaxed))
        log_line("warning: no transcript from here on: %s", strerror(errno));
}

void transcript_local_address(struct transcript *transcript, const char *address)
{
    char record[RECORD_SIZE];

    if (!transcript)
        return;
    int length = snprintf(record, sizeof record, "Local address and port : %.1000s\n", address);
    write_record(transcript, record, (size_t)length);
}

void transcript_waiting(struct transcript *transcript)
{
    static const char record[] = "Waiting for a connection...\n";

    if (transcript)
        write_record(transcript, record, sizeof record - 1);
}

void transcript_closing(struct transcript *transcript)
{
    static const char record[] = "Closing the listener...\n";

    if (transcript)
        write_record(transcript, record, sizeof record - 1);
}

/* Up to TRANSCRIPT_DATA_MAX of the bytes, and no half of a UTF-8 character at the cut. */
static size_t shown_size(const unsigned char *bytes, size_t size)
{
    size_t shown = TRANSCRIPT_DATA_MAX;

    if (size <= shown)
        return size;
    while (shown > TRANSCRIPT_DATA_MAX - 3 && (bytes[shown] & 0xc0) == 0x80)
        shown--;
    return shown;
}

void transcript_read(struct transcript *transcript, const void *bytes, size_t size)
{
    char record[RECORD_SIZE];

    if (!transcript)
        return;
    size_t shown = shown_size(bytes, size);
    size_t used =
        (size_t)snprintf(record, sizeof record, "Read %zu bytes from socket.\n Data : ", size);
    transcript_escape(record + used, sizeof record - used, bytes, shown);
    used += strlen(record + used);
    if (shown < size)
        used += (size_t)snprintf(record + used, sizeof record - used, " … (%zu more bytes)",
                                 size - shown);
    record[used++] = '\n';
    write_record(transcript, record, used);
}

void transcript_read_total(struct transcript *transcript, uint64_t count)
{
    char record[64];

    if (!transcript)
        return;
    int length = snprintf(record, sizeof record, "Read %ju bytes from socket.\n", (uintmax_t)count);
    write_record(transcript, record, (size_t)length);
}

void transcript_sent(struct transcript *transcript, size_t size)
{
    char record[64];

    if (!transcript)
        return;
    int length = snprintf(record, sizeof record, "Sent %zu bytes to client.\n", size);
    write_record(transcript, record, (size_t)length);
}

/* What would not be seen for what it is: control characters, marks that break a line or turn the
 * direction of writing, and what takes no room at all. */
static bool is_printable(uint32_t character)
{
    static const uint32_t hidden[][2] = {
        {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
    };

    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (character >= hidden[i][0] && character <= hidden[i][1])
            return false;
    return true;
}

/* The length that a UTF-8 character has by its first byte, and the bits which that byte holds;
 * 0: none begins so. */
static size_t character_length(unsigned char first, uint32_t *bits)
{
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    *bits = length == 1 ? first : first & (0x7fU >> length);
    return first <= 0xf4 ? length : 0;
}

/* The length of the printable character at `bytes`; 0: there is none. */
static size_t printable_length(const unsigned char *bytes, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t character;
    size_t length = character_length(bytes[0], &character);

    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (bytes[i] & 0x3f);
    }
    if (character < least[length] || character > 0x10ffff)
        return 0;
    if (character >= 0xd800 && character <= 0xdfff)
        return 0;
    return is_printable(character) ? length : 0;
}

/* Write the text of one byte that cannot stay as it is, with its end; returns its length. */
static size_t escape_byte(char text[ESCAPE_MAX + 1], unsigned char byte)
{
    static const char plain[] = "\r\n\t\\";
    static const char letters[] = "rnt\\";
    const char *found = byte ? strchr(plain, byte) : NULL;

    if (!found)
        return (size_t)snprintf(text, ESCAPE_MAX + 1, "\\x%02x", byte);
    return (size_t)snprintf(text, ESCAPE_MAX + 1, "\\%c", letters[found - plain]);
}

size_t transcript_escape(char *text, size_t text_size, const void *bytes, size_t size)
{
    const unsigned char *const from = bytes;
    size_t taken = 0;
    size_t used = 0;

    while (taken < size) {
        char escaped[ESCAPE_MAX + 1];
        const void *unit = from + taken;
        size_t step = from[taken] == '\\' ? 0 : printable_length(from + taken, size - taken);
        size_t length = step;

        if (step == 0) {
            length = escape_byte(escaped, from[taken]);
            unit = escaped;
            step = 1;
        }
        if (used + length >= text_size)
            break;
        memcpy(text + used, unit, length);
        used += length;
        taken += step;
    }
    text[used] = '\0';
    return taken;
}
