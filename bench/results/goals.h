/* goals.h - how fast libiocp means to be beside its peers, and whether a run has found it so. */
/* SPDX-License-Identifier: MIT */
/*
 * Files    goals.c        the goals
 *          goals_judge.c  whether they are reached
 *          goals_words.c  how they are told
 * Reached  What is held against a bound is a ratio, ours to that of the best of the peers that
 *          count, taken in each round, as they shared what else the machine did; its median
 *          decides. Who is the best, the medians of the peers say.
 * Step     From the case `base` to one with more workers the rate grows. What counts is how much of
 *          the growth that was possible came: no more processors can be used than there are, and
 *          than there are workers; and the load generator, a single thread, gives no more than
 *          fits on one. Without that a server would be the worse off the less it had taken from
 *          the generator before. Ours is held against the median of the peers, as the best one
 *          may be the one that was the slowest.
 */
#ifndef BENCH_GOALS_H
#define BENCH_GOALS_H

#include "results.h"

#define GOAL_PEERS_MAX 6
#define GOAL_TEXT_SIZE 160

struct goal_peers {
    const char *title;
    const char *names[GOAL_PEERS_MAX + 1]; /* up to a NULL */
};

struct goal {
    const char *case_id;
    enum figure figure;
    const char *engine;             /* ours; NULL: the one that "auto" chooses */
    const struct goal_peers *peers; /* maybe none, if the bound is one of the figure itself */
    double bound; /* at most or at least, as the figure is better; 0: reported, no goal */
    bool alone;   /* the bound is one of the figure itself, beside that of the peers */
    const char *base;
};

enum goal_state {
    GOAL_MET,
    GOAL_MISSED,
    GOAL_BESIDE, /* there is no bound */
    GOAL_OPEN,   /* what it takes was not measured */
};

struct goal_outcome {
    enum goal_state state;
    const struct result_case *where;
    const char *engine; /* ours */
    double ours;
    const char *peer; /* the best one; of a step: the median; NULL: none was measured */
    double peers;
    struct spread reached;
    double by;                    /* GOAL_MISSED: that share of the bound */
    char without[GOAL_TEXT_SIZE]; /* peers that count and were not measured */
};

/* One of all goals; NULL past the last one. Those of one case and figure stand together. */
const struct goal *goal_at(size_t index);

/* What a run has found; false: the goal's case is not in it. */
bool goal_judge(const struct goal *goal, const struct results *results,
                struct goal_outcome *outcome);

/* By what a figure is divided before it is shown. */
double goal_scale(const struct goal *goal);

/* Is it about the same figure of the same case? */
bool goal_is_like(const struct goal *goal, const struct goal *other);

/* pingpong, 64 B, 50 connections, 1 worker: CPU per operation, us */
void goal_write_subject(const struct goal *goal, const struct goal_outcome *outcome,
                        char text[GOAL_TEXT_SIZE]);

/* <= 0.80 x best of libuv, libevent, asio */
void goal_write_demand(const struct goal *goal, char text[GOAL_TEXT_SIZE]);

/* libuv 5.93 */
void goal_write_peer(const struct goal *goal, const struct goal_outcome *outcome,
                     char text[GOAL_TEXT_SIZE]);

/* 1.06 (1.03-1.11) */
void goal_write_reached(const struct goal *goal, const struct goal_outcome *outcome,
                        char text[GOAL_TEXT_SIZE]);

/* missed by 6.00 % */
void goal_write_state(const struct goal_outcome *outcome, char text[GOAL_TEXT_SIZE]);

/* Leave nothing in the results but the figures that goals look at: a file to keep. */
void goals_keep_figures(struct results *results);

#endif
