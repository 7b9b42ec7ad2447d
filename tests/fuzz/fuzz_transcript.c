/* fuzz_transcript.c - bytes as text: harmless, unmistakable, and within their room. */
/* SPDX-License-Identifier: MIT */
/* Input  The room for the text, less 1 (2 bytes); the bytes. */
#include "transcript.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "utf8.h"

enum { ESCAPE_MAX = 4 };

static unsigned read_digit(char digit)
{
    const char digits[] = "0123456789abcdef";
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

    require(found != NULL, "\\x is followed by two digits");
    return (unsigned)(found - digits);
}

/* The byte that an escape stands for; steps over it. */
static uint8_t read_escape(const char **text)
{
    const char letters[] = "rnt\\", meant[] = "\r\n\t\\";
    const char *at = *text, *letter = at[1] != '\0' ? strchr(letters, at[1]) : NULL;
    unsigned byte;

    if (letter != NULL) {
        *text += 2;
        return (uint8_t)meant[letter - letters];
    }
    require(at[1] == 'x', "a backslash begins an escape");
    byte = read_digit(at[2]) << 4;
    byte |= read_digit(at[3]);
    require(byte < 0x20 || byte > 0x7e, "what can be printed stays");
    *text += 4;
    return (uint8_t)byte;
}

static void check_meaning(const char *text, const uint8_t *bytes, size_t taken)
{
    size_t at = 0;

    while (*text != '\0') {
        uint8_t byte = *text == '\\' ? read_escape(&text) : (uint8_t)*text++;

        require(at < taken && byte == bytes[at++], "the text says which bytes these were");
    }
    require(at == taken, "the text holds all bytes that were taken");
}

static char *escape(const uint8_t *bytes, size_t size, size_t room, size_t *taken)
{
    char *text = malloc(room);

    require(text != NULL, "there is memory");
    *taken = transcript_escape(text, room, bytes, size);
    require(*taken <= size, "no more bytes are taken than there are");
    require(memchr(text, '\0', room) != NULL, "the text has an end");
    require(utf8_is_harmless(text), "the text is harmless");
    check_meaning(text, bytes, *taken);
    return text;
}

/* Returns whether all of the bytes can be printed. */
static bool check_escape(const uint8_t *bytes, size_t size, size_t room)
{
    bool is_plain;
    size_t taken, all_taken;
    char *text = escape(bytes, size, room, &taken);
    char *whole = escape(bytes, size, ESCAPE_MAX * size + 1, &all_taken);

    require(all_taken == size, "everything fits where there is room for it");
    require(strncmp(text, whole, strlen(text)) == 0, "less room changes nothing but the end");
    require(taken == size || strlen(text) + ESCAPE_MAX >= room, "nothing is left out that fits");
    is_plain = strchr(whole, '\\') == NULL;
    free(whole);
    free(text);
    return is_plain;
}

/* A record of a read is two lines, whatever was read. */
static void check_record(const uint8_t *bytes, size_t size, bool is_plain)
{
    struct transcript transcript;
    char *record = NULL, *first_end, *second_end;
    size_t length = 0;
    FILE *stream = open_memstream(&record, &length);

    require(stream != NULL, "there is memory");
    transcript_init(&transcript, stream);
    transcript_read(&transcript, bytes, size);
    (void)fclose(stream);

    require(strlen(record) == length, "a record holds no zero");
    first_end = strchr(record, '\n');
    require(first_end != NULL, "a record has a first line");
    second_end = strchr(first_end + 1, '\n');
    require(second_end != NULL && second_end[1] == '\0', "a record ends with its second line");
    require(!is_plain || strchr(record, '\\') == NULL, "no character is cut in two");
    *first_end = *second_end = '\0';
    require(utf8_is_harmless(record) && utf8_is_harmless(first_end + 1), "both are harmless");
    free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    bool is_plain;

    if (size < 2)
        return 0;
    is_plain = check_escape(bytes + 2, size - 2, 1 + bytes[0] + ((size_t)bytes[1] << 8));
    check_record(bytes + 2, size - 2, is_plain);
    return 0;
}
