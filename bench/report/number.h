/* number.h - figures as people read them. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_NUMBER_H
#define BENCH_NUMBER_H

#include "figures.h"

#define NUMBER_SIZE 48

/* Three digits that count, thousands apart: 0.041, 4.12, 41.2, 412, 41 200; a
 * dash for what is no number. */
const char *number_write(double value, char text[NUMBER_SIZE]);

/* A value on an axis: no zeros at the end, 20k, 5M. */
const char *number_tick(double value, char text[NUMBER_SIZE]);

/* The unit as it is printed; "" if there is none. */
const char *number_unit(enum figure figure);

/* A value of that figure, in its unit, which is written behind it. */
const char *number_of_figure(enum figure figure, double value, char text[NUMBER_SIZE]);

#endif
