/* goals.c - see goals.h. */
/* SPDX-License-Identifier: MIT */
#include "goals.h"

#include <string.h>

#define MIB 1048576.0

static const struct goal_peers all = {
    "best peer", {"threads", "epoll", "io_uring", "libuv", "libevent", "asio"}};
static const struct goal_peers loops = {"best event loop",
                                        {"epoll", "io_uring", "libuv", "libevent", "asio"}};
static const struct goal_peers libraries = {"best of libuv, libevent, asio",
                                            {"libuv", "libevent", "asio"}};
static const struct goal_peers threaded = {"best of libuv, asio", {"libuv", "asio"}};
static const struct goal_peers streaming = {"best streaming peer",
                                            {"epoll, streaming", "io_uring, streaming"}};
static const struct goal_peers epoll = {"epoll", {"epoll"}};
static const struct goal_peers uring = {"io_uring", {"io_uring"}};
static const struct goal_peers nobody = {"nobody", {NULL}};
static const struct goal_peers middle = {
    "peers' median", {"threads", "epoll", "io_uring", "libuv", "libevent", "asio"}};

/* Case, figure, engine, peers, bound; what is special. */
static const struct goal goals[] = {
    {"pingpong-64B-50c-1w", FIGURE_CPU_US, "io_uring", &uring, .bound = 1.00},
    {"pingpong-64B-50c-1w", FIGURE_CPU_US, "io_uring", &libraries, .bound = 0.80},
    {"pingpong-64B-50c-1w", FIGURE_CPU_US, "epoll", &epoll, .bound = 1.00},
    {"pingpong-64B-50c-1w", FIGURE_CPU_US, "epoll", &libraries, .bound = 0.95},
    {"pingpong-64B-500c-1w", FIGURE_CPU_US, "io_uring", &uring, .bound = 1.00},
    {"pingpong-64B-500c-1w", FIGURE_CPU_US, "io_uring", &libraries, .bound = 0.80},
    {"pingpong-64B-500c-1w", FIGURE_CPU_US, "epoll", &epoll, .bound = 1.00},
    {"pingpong-64B-500c-1w", FIGURE_CPU_US, "epoll", &libraries, .bound = 0.95},
    {"pingpong-64B-50c-2w", FIGURE_CPU_US, "io_uring", &uring, .bound = 1.00},
    {"pingpong-64B-50c-2w", FIGURE_CPU_US, "io_uring", &libraries, .bound = 0.80},
    {"pingpong-64B-50c-2w", FIGURE_CPU_US, "epoll", &epoll, .bound = 1.00},
    {"pingpong-64B-50c-2w", FIGURE_CPU_US, "epoll", &libraries, .bound = 0.95},
    {"pingpong-64B-500c-2w", FIGURE_CPU_US, "io_uring", &uring, .bound = 1.00},
    {"pingpong-64B-500c-2w", FIGURE_CPU_US, "io_uring", &libraries, .bound = 0.80},
    {"pingpong-64B-500c-2w", FIGURE_CPU_US, "epoll", &epoll, .bound = 1.00},
    {"pingpong-64B-500c-2w", FIGURE_CPU_US, "epoll", &libraries, .bound = 0.95},
    {"pingpong-64B-50c-2w", FIGURE_RATE, NULL, &middle, .bound = 1.00,
     .base = "pingpong-64B-50c-1w"},
    {"pingpong-64B-500c-2w", FIGURE_RATE, NULL, &middle, .bound = 1.00,
     .base = "pingpong-64B-500c-1w"},
    {"pingpong-64B-5000c-1w", FIGURE_CPU_US, NULL, &all, .bound = 1.00},
    {"pingpong-64B-1c-1w", FIGURE_P50_US, NULL, &loops, .bound = 0.40},
    {"pingpong-64B-1c-1w", FIGURE_CPU_US, NULL, &loops, .bound = 1.00},
    {"pingpong-16KiB-50c-1w", FIGURE_CPU_US, NULL, &all, .bound = 1.00},
    {"pipeline-64B-50c-1w", FIGURE_CPU_US, NULL, &all, .bound = 1.00},
    {"message-1KiB-50c-1w", FIGURE_CPU_US, NULL, &all, .bound = 0.95},
    {"churn-64B-50c-1w", FIGURE_CPU_US, NULL, &all, .bound = 0.95},
    {"message-1MiB-50c-2w", FIGURE_MB_RATE, NULL, &all, .bound = 1.00},
    {"message-1MiB-50c-2w", FIGURE_MB_RATE, NULL, &streaming, .bound = 0},
    {"message-1MiB-50c-2w", FIGURE_CPU_US, NULL, &all, .bound = 1.00},
    {"message-1MiB-50c-2w", FIGURE_CPU_US, NULL, &streaming, .bound = 0},
    {"idle-64B-50c-1w-10000idle", FIGURE_KEPT, NULL, &loops, .bound = 0.95, .alone = true},
    {"idle-64B-50c-1w-10000idle", FIGURE_IDLE_BYTES, NULL, &loops, .bound = 256, .alone = true},
    {"blocked-64B-500c-2w-10000-a-second", FIGURE_P99_US, NULL, &threaded, .bound = 0.05},
    {"overload-10x-64B-500c-1w", FIGURE_GOODPUT, "io_uring", &all, .bound = 0.90, .alone = true},
    {"overload-10x-64B-500c-1w", FIGURE_GOODPUT, "epoll", &all, .bound = 0.90, .alone = true},
    {"overload-10x-64B-500c-1w", FIGURE_BACK_S, "io_uring", &all, .bound = 5, .alone = true},
    {"overload-10x-64B-500c-1w", FIGURE_BACK_S, "epoll", &all, .bound = 5, .alone = true},
    {"overload-10x-64B-500c-1w", FIGURE_PEAK_BYTES, "io_uring", &all, .bound = 16 * MIB,
     .alone = true},
    {"overload-10x-64B-500c-1w", FIGURE_PEAK_BYTES, "epoll", &all, .bound = 16 * MIB,
     .alone = true},
    {"soak-1MiB-40c-2w", FIGURE_DRIFT, "io_uring", &nobody, .bound = 0.01, .alone = true},
    {"soak-1MiB-40c-2w", FIGURE_DRIFT, "epoll", &nobody, .bound = 0.01, .alone = true},
};

const struct goal *goal_at(size_t index)
{
    return index < sizeof goals / sizeof *goals ? &goals[index] : NULL;
}

static bool is_looked_at(const char *id, enum figure figure)
{
    bool found = false;

    for (size_t i = 0; i < sizeof goals / sizeof *goals; i++) {
        if (strcmp(goals[i].case_id, id) == 0)
            found |= goals[i].figure == figure;
        if (goals[i].base && strcmp(goals[i].base, id) == 0)
            found |= figure == FIGURE_RATE || figure == FIGURE_GENERATOR;
    }
    return found;
}

void goals_keep_figures(struct results *results)
{
    for (size_t i = 0; i < results->row_count; i++) {
        struct result_row *row = &results->rows[i];

        row->latency_count = 0;
        for (int figure = 0; figure < FIGURES; figure++)
            if (!is_looked_at(results->cases[row->which_case].id, (enum figure)figure))
                row->figures[figure].count = 0;
    }
}
