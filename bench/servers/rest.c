/* rest.c - see rest.h. */
/* SPDX-License-Identifier: MIT */
#include "rest.h"

#include <errno.h>

#include "measure.h"
#include "sample.h"

#define MS_NS       INT64_C(1000000)
#define LOOKS       100 /* without a change, one each millisecond */
#define PATIENCE_NS (10000 * MS_NS)

static int look(const struct echo_server *server, struct rest *rest)
{
    struct sample sample = {0};
    int error = sample_add_switches(&sample, server);

    if (error == 0)
        error = sample_count_descriptors(server, &rest->descriptors);
    rest->threads = sample.threads;
    return error;
}

int rest_find(const struct echo_server *server, struct rest *rest)
{
    struct rest now;
    int error = look(server, rest);

    for (int i = 0; i < LOOKS && error == 0; i++) {
        measure_sleep_ns(MS_NS);
        error = look(server, &now);
        if (error == 0 && now.descriptors < rest->descriptors) {
            *rest = now;
            i = 0;
        }
    }
    return error;
}

int rest_await(const struct echo_server *server, const struct rest *due, struct rest *now)
{
    int64_t until_ns = measure_now_ns() + PATIENCE_NS;
    int error;

    while ((error = look(server, now)) == 0 && now->descriptors > due->descriptors &&
           measure_now_ns() < until_ns)
        measure_sleep_ns(MS_NS);
    if (error < 0)
        return error;
    if (now->descriptors > due->descriptors)
        return -EBADF;
    return now->threads == due->threads ? 0 : -ESRCH;
}
