/* chance.h - the random numbers of a seed: all that a simulated run leaves open is drawn here. */
/* SPDX-License-Identifier: MIT */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begin the numbers of `seed`. */
void chance_seed(uint64_t seed);

/* The next numbers are made of these bytes; when they are used up, of the seed again. */
void chance_lead(const uint8_t *bytes, size_t size);

/* 0 to limit - 1. */
unsigned chance_below(unsigned limit);

/* Both ends included. */
unsigned chance_between(unsigned low, unsigned high);

/* True once in so many times; 0: never. */
bool chance_one_in(unsigned times);

#endif
