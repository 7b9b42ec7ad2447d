/* schedule.c - see schedule.h. */
/* SPDX-License-Identifier: MIT */
#include "schedule.h"

int64_t schedule_next(const struct schedule *schedule, uint64_t count)
{
    return schedule->origin_ns + (int64_t)((double)count * schedule->interval_ns);
}

int64_t schedule_moment(const struct schedule *schedule, size_t client, uint64_t message)
{
    return schedule_next(schedule, message * schedule->clients + client);
}

uint64_t schedule_count(const struct schedule *schedule, int64_t now_ns)
{
    uint64_t count;

    if (now_ns < schedule->origin_ns)
        return 0;
    count = (uint64_t)((double)(now_ns - schedule->origin_ns) / schedule->interval_ns);
    /* The moments are rounded, and so is the quotient; the moments are what holds. */
    while (count > 0 && schedule_next(schedule, count - 1) > now_ns)
        count--;
    while (schedule_next(schedule, count) <= now_ns)
        count++;
    return count;
}

uint64_t schedule_share(const struct schedule *schedule, size_t client, uint64_t count)
{
    return count > client ? (count - client - 1) / schedule->clients + 1 : 0;
}
