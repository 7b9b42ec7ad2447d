/* value.h - reading the values of options: numbers, sizes, times, words. */
/* SPDX-License-Identifier: MIT */
/* Every reader takes the whole text or nothing: false leaves the output as it was. */
#ifndef SERVER_VALUE_H
#define SERVER_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text of a macro that is a number. */
#define TEXT_OF(number)   STRING_OF(number)
#define STRING_OF(number) #number

/* Decimal digits and nothing else. */
bool value_read_number(const char *text, uint64_t min, uint64_t max, unsigned *number);

/* Digits, and k, K, M or G for powers of 1024; at least 1. */
bool value_read_size(const char *text, uint64_t max, size_t *size);

/* Digits, and ms, s or m; without one: seconds. */
bool value_read_time(const char *text, int max_ms, int *time_ms);

/* The place of a word in a list, which `choice` tells one by one until NULL. */
bool value_find_choice(const char *(*choice)(size_t index), const char *value, size_t *index);

/* Put "WORD, WORD, WORD" behind what `text` holds. */
void value_append_choices(char *text, size_t size, const char *(*choice)(size_t index));

#endif
