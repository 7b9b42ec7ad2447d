/* schedule.h - the moments of an open loop's messages: arithmetic, however many there are. */
/* SPDX-License-Identifier: MIT */
/*
 * Message k of all has its moment k intervals after the origin, and is dealt to client
 * k mod clients. So a client's line of waiting messages takes no memory: two counts tell it.
 */
#ifndef BENCH_SCHEDULE_H
#define BENCH_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

struct schedule {
    int64_t origin_ns;
    double interval_ns;
    size_t clients;
};

/* The moment of a client's message number `message`, counted from 0. */
int64_t schedule_moment(const struct schedule *schedule, size_t client, uint64_t message);

/* The moment of the next message of all after so many. */
int64_t schedule_next(const struct schedule *schedule, uint64_t count);

/* How many messages of all have their moment not after `now_ns`. */
uint64_t schedule_count(const struct schedule *schedule, int64_t now_ns);

/* How many of the first `count` messages of all are this client's. */
uint64_t schedule_share(const struct schedule *schedule, size_t client, uint64_t count);

#endif
