/* fuzz_framing.c - a message ends at the same byte however it is cut into pieces. */
/* SPDX-License-Identifier: MIT */
/* Input  How it ends (1 byte), how many lengths follow (1), lengths of pieces, over and over; the
 *        message. */
#include "framing.h"

#include <string.h>

#include "fuzz.h"

enum { LENGTHS_MAX = 16 };

struct input {
    enum framing_end end;
    const uint8_t *lengths;
    size_t length_count;
    const uint8_t *message;
    size_t size;
};

static bool read_input(const uint8_t *bytes, size_t size, struct input *input)
{
    if (size < 2)
        return false;
    input->end = bytes[0] % 3;
    input->length_count = bytes[1] % (LENGTHS_MAX + 1);
    if (size - 2 < input->length_count)
        return false;
    input->lengths = bytes + 2;
    input->message = input->lengths + input->length_count;
    input->size = size - 2 - input->length_count;
    return true;
}

/* Where the message ends, found without any cleverness; 0: nowhere. */
static size_t find_end(const struct input *input)
{
    const size_t length = strlen(FRAMING_TOKEN);

    if (input->end == FRAMING_AT_EOF)
        return 0;
    for (size_t at = 0; at + length <= input->size; at++)
        if (memcmp(input->message + at, FRAMING_TOKEN, length) == 0)
            return at + length;
    return 0;
}

/* An empty piece now and then, but not for ever. */
static size_t piece_length(const struct input *input, size_t index)
{
    if (input->length_count == 0)
        return input->size;
    if (index % (input->length_count + 1) == input->length_count)
        return 1;
    return input->lengths[index % (input->length_count + 1)];
}

static void check_pieces(const struct input *input, size_t end)
{
    struct framing framing;
    size_t at = 0;
    bool is_whole = false;

    framing_init(&framing, input->end);
    for (size_t i = 0; at < input->size && !is_whole; i++) {
        size_t length = piece_length(input, i), left = input->size - at;

        length = length < left ? length : left;
        is_whole = framing_received(&framing, input->message + at, length);
        at += length;
        require(is_whole == (end > 0 && at >= end), "the end is in the piece in which it is");
    }
    require(framing_ended(&framing) == (input->end != FRAMING_AT_TOKEN),
            "the peer's end is an end unless only the token is");
}

static void check_single_bytes(const struct input *input, size_t end)
{
    struct framing framing;

    framing_init(&framing, input->end);
    for (size_t at = 0; at < (end > 0 ? end : input->size); at++)
        require(framing_received(&framing, input->message + at, 1) == (at + 1 == end),
                "the end is at the byte at which it is");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input;
    size_t end;

    if (!read_input(bytes, size, &input))
        return 0;
    end = find_end(&input);
    check_pieces(&input, end);
    check_single_bytes(&input, end);
    return 0;
}
