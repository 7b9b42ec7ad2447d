/* fuzz_value.c - numbers, sizes and times: held against the C library's reading of digits. */
/* SPDX-License-Identifier: MIT */
/* Input  The text. */
#include "value.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { MARK = 12345 };

/* Digits at the front of the text, as a number; false: none, or too many for 64 bits. */
static bool read_front(const char *text, unsigned long long *number, const char **behind)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false; /* strtoull would take a blank, or a sign */
    errno = 0;
    *number = strtoull(text, &end, 10);
    *behind = end;
    return errno == 0;
}

/* The product with the factor; false: too large. */
static bool multiply(unsigned long long number, unsigned long long factor, uint64_t max,
                     uint64_t *product)
{
    return !__builtin_mul_overflow(number, factor, product) && *product <= max;
}

static void check_number(const char *text, uint64_t min, uint64_t max)
{
    unsigned long long expected;
    const char *behind;
    unsigned number = MARK;
    bool is_one = read_front(text, &expected, &behind) && *behind == '\0' && expected >= min &&
                  expected <= max;

    require(value_read_number(text, min, max, &number) == is_one, "a number is one within bounds");
    require(number == (is_one ? expected : MARK), "it is the one that is written");
}

static void check_size(const char *text, uint64_t max)
{
    static const char names[] = "kKMG";
    static const unsigned long long factors[] = {1ULL << 10, 1ULL << 10, 1ULL << 20, 1ULL << 30};
    unsigned long long number, factor = 1;
    const char *behind;
    uint64_t expected = 0;
    size_t size = MARK;
    bool is_one = read_front(text, &number, &behind);

    if (is_one && *behind != '\0') {
        const char *name = strchr(names, *behind);

        is_one = name != NULL && behind[1] == '\0';
        factor = is_one ? factors[name - names] : 1;
    }
    is_one = is_one && multiply(number, factor, max, &expected) && expected > 0;
    require(value_read_size(text, max, &size) == is_one, "a size is a number with a unit");
    require(size == (is_one ? expected : MARK), "it is the one that is written");
}

static unsigned time_factor(const char *unit)
{
    if (strcmp(unit, "ms") == 0)
        return 1;
    if (strcmp(unit, "s") == 0 || *unit == '\0')
        return 1000;
    return strcmp(unit, "m") == 0 ? 60000 : 0;
}

static void check_time(const char *text, int max_ms)
{
    unsigned long long number;
    const char *behind;
    uint64_t expected = 0;
    int time_ms = MARK;
    bool is_one = read_front(text, &number, &behind) && time_factor(behind) > 0 &&
                  multiply(number, time_factor(behind), (uint64_t)max_ms, &expected);

    require(value_read_time(text, max_ms, &time_ms) == is_one, "a time is a number with a unit");
    require(time_ms == (is_one ? (int)expected : MARK), "it is the one that is written");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = text_of(bytes, size);

    check_number(text, 1, 1024);
    check_number(text, 0, UINT_MAX);
    check_size(text, (uint64_t)1 << 30);
    check_size(text, SIZE_MAX);
    check_time(text, 86400000);
    check_time(text, INT_MAX);
    free(text);
    return 0;
}
