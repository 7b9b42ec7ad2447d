/* processors.h - on which processors a thread may run. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SERVERS_PROCESSORS_H
#define BENCH_SERVERS_PROCESSORS_H

#define PROCESSORS_ALL (-1)

/* The first and the last one that this thread may use; PROCESSORS_ALL both: that is not known. */
void processors_find(int *first, int *last);

/* Let this thread run on one alone; PROCESSORS_ALL changes nothing. System calls only. */
void processors_use(int one);

#endif
