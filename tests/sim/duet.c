/* duet.c - two threads that can only go on together, by events: a lost wake-up stops them. */
/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "chance.h"
#include "schedule.h"
#include "trial.h"

enum { PATIENCE_MS = 20000, QUESTIONS = 2, ANSWERS = 3 };

static struct {
    struct iocp_event questions[QUESTIONS]; /* all have to be set */
    struct iocp_event answers[ANSWERS];     /* any of them */
    struct iocp_event ended;
    unsigned rounds;
    int answer; /* the one that will be set */
    pthread_t threads[3];
} duet;

static void *ask(void *unused)
{
    struct iocp_event *answers[] = {&duet.answers[2], &duet.answers[0], &duet.answers[1]};
    static const int places[ANSWERS] = {1, 2, 0};

    for (unsigned i = 0; i < duet.rounds; i++) {
        int first = (int)chance_below(QUESTIONS), result;

        iocp_event_set(&duet.questions[first]);
        iocp_event_set(&duet.questions[1 - first]);
        result = iocp_event_wait_any(answers, ANSWERS, PATIENCE_MS);
        if (result != places[duet.answer])
            schedule_fail("a wait for any of three events gave %d", result);
    }
    iocp_event_set(&duet.ended);
    return unused;
}

static void *answer(void *unused)
{
    struct iocp_event *questions[] = {&duet.questions[0], &duet.questions[1]};

    for (unsigned i = 0; i < duet.rounds; i++) {
        int result = iocp_event_wait_all(questions, QUESTIONS, PATIENCE_MS);

        if (result != 0)
            schedule_fail("a wait for two events gave %d", result);
        duet.answer = (int)chance_below(ANSWERS);
        iocp_event_set(&duet.answers[duet.answer]);
    }
    return unused;
}

/* Waits that run out meanwhile, on an event of the duet and on the last one. */
static void *listen_in(void *unused)
{
    struct iocp_event *both[] = {&duet.questions[0], &duet.ended};
    int64_t start_ns;
    int result, wait_ms;

    do {
        start_ns = schedule_now_ns();
        wait_ms = (int)chance_below(4);
        result = iocp_event_wait_all(both, 2, wait_ms);
        if (result == 0)
            schedule_fail("an event was set twice");
        if (schedule_now_ns() < start_ns + wait_ms * INT64_C(1000000))
            schedule_fail("a wait for events ran out too early");
    } while (iocp_event_wait(&duet.ended, 0) != 0);
    return unused;
}

void duet_start(void)
{
    void *(*const parts[])(void *) = {ask, answer, listen_in};

    duet.rounds = chance_between(1, 5);
    for (unsigned i = 0; i < QUESTIONS; i++)
        iocp_event_init(&duet.questions[i], IOCP_AUTO_RESET, false);
    for (unsigned i = 0; i < ANSWERS; i++)
        iocp_event_init(&duet.answers[i], IOCP_AUTO_RESET, false);
    iocp_event_init(&duet.ended, IOCP_MANUAL_RESET, false);
    for (unsigned i = 0; i < 3; i++)
        if (pthread_create(&duet.threads[i], NULL, parts[i], NULL) != 0)
            schedule_fail("no thread for a duet");
}

void duet_join(void)
{
    for (unsigned i = 0; i < 3; i++)
        pthread_join(duet.threads[i], NULL);
    for (unsigned i = 0; i < QUESTIONS; i++)
        iocp_event_destroy(&duet.questions[i]);
    for (unsigned i = 0; i < ANSWERS; i++)
        iocp_event_destroy(&duet.answers[i]);
    iocp_event_destroy(&duet.ended);
}
