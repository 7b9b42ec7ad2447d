/* schedule.c - simulated threads and simulated time: who goes on, and when. */
/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chance.h"
#include "wrap.h"

#define STEP_NS           INT64_C(100)               /* a switch point takes so long */
#define EARLY_JUMP_NS     INT64_C(2000000)           /* the furthest that threads are held up */
#define LIMIT_NS          (60 * INT64_C(1000000000)) /* of a run */
#define STEPS_MAX         3000000U                   /* of a run */
#define EVENTS_MAX        512
#define DESTRUCTOR_ROUNDS 4

long REAL(syscall)(long number, ...);
int REAL(pthread_create)(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                         void *argument);
int REAL(pthread_join)(pthread_t id, void **result);

enum condition {
    READY,
    ASLEEP,    /* at an object */
    EXPECTING, /* a condition */
    COMPUTING, /* until its deadline, on a processor */
    ENDED,
};

struct thread {
    unsigned number;
    enum condition condition;
    const char *where;
    const void *object; /* at which it sleeps, or the condition's subject */
    schedule_condition *holds;
    int64_t deadline_ns;
    int64_t cpu_ns;
    unsigned sleeps;
    const char *last_sleep;
    unsigned priority;
    bool timed_out;
    bool joined;
    atomic_uint turn; /* 1: it is this thread's */
    pthread_t id;
    void *(*start)(void *);
    void *argument;
    void *result;
    void *values[SCHEDULE_KEYS_MAX];
};

struct event {
    int64_t time_ns;
    uint64_t order;
    schedule_event *happen;
    void *subject;
};

static struct {
    struct thread threads[SCHEDULE_THREADS_MAX];
    unsigned count;
    struct event events[EVENTS_MAX];
    unsigned event_count;
    uint64_t event_order;
    int64_t now_ns;
    struct thread *current;
    struct schedule_account account;
    unsigned switch_odds; /* one switch point in so many */
    unsigned jump_odds;
    unsigned spurious_odds;
    bool by_priority;
    atomic_uint all_ended; /* the turn of who has called schedule_run */
} run;

static void (*destructors[SCHEDULE_KEYS_MAX])(void *value);
static uint64_t seed_of_run;
static bool traced;
static _Thread_local struct thread *self;

static void pass_turn(atomic_uint *turn)
{
    atomic_store_explicit(turn, 1, memory_order_release); /* pairs with the acquire in await_turn */
    REAL(syscall)(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void await_turn(atomic_uint *turn)
{
    while (atomic_exchange_explicit(turn, 0, memory_order_acquire) == 0)
        REAL(syscall)(SYS_futex, turn, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

bool schedule_is_on(void)
{
    return self != NULL;
}

int64_t schedule_now_ns(void)
{
    return run.now_ns;
}

static void mark(const char *text)
{
    for (; *text != '\0'; text++)
        run.account.mark = (run.account.mark ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
}

void schedule_note(const char *format, ...)
{
    char text[200];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mark(text);
    if (traced)
        printf("%12.6f ms  thread %2u  %s\n", (double)run.now_ns / 1e6,
               run.current != NULL ? run.current->number : 0, text);
}

void schedule_trace(bool on)
{
    traced = on;
    if (on)
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

void schedule_name_run(uint64_t seed)
{
    seed_of_run = seed;
}

static void print_thread(const struct thread *thread)
{
    static const char *const conditions[] = {[READY] = "ready",
                                             [ASLEEP] = "asleep",
                                             [EXPECTING] = "waits",
                                             [COMPUTING] = "computes",
                                             [ENDED] = "ended"};

    (void)fprintf(stderr, "  thread %u%s: %s in %s", thread->number,
                  thread == run.current ? " (current)" : "", conditions[thread->condition],
                  thread->where != NULL ? thread->where : "its start");
    if (thread->condition != READY && thread->condition != ENDED &&
        thread->deadline_ns != SCHEDULE_NEVER)
        (void)fprintf(stderr, ", until %.6f ms", (double)thread->deadline_ns / 1e6);
    (void)fprintf(stderr, "\n");
}

_Noreturn void schedule_fail(const char *format, ...)
{
    va_list arguments;

    (void)fflush(stdout);
    (void)fprintf(stderr,
                  "simulation: seed %llu failed at %.6f ms: ", (unsigned long long)seed_of_run,
                  (double)run.now_ns / 1e6);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\n");
    for (unsigned i = 0; i < run.count; i++)
        print_thread(&run.threads[i]);
    abort();
}

void schedule_later(int64_t delay_ns, schedule_event *event, void *subject)
{
    if (run.event_count == EVENTS_MAX)
        schedule_fail("the scenario plans more than %d events", EVENTS_MAX);
    run.events[run.event_count++] =
        (struct event){run.now_ns + delay_ns, run.event_order++, event, subject};
}

static struct event *earliest_event(void)
{
    struct event *earliest = NULL;

    for (unsigned i = 0; i < run.event_count; i++) {
        struct event *event = &run.events[i];

        if (earliest == NULL || event->time_ns < earliest->time_ns ||
            (event->time_ns == earliest->time_ns && event->order < earliest->order))
            earliest = event;
    }
    return earliest;
}

static void let_events_happen(void)
{
    for (struct event *next; (next = earliest_event()) != NULL && next->time_ns <= run.now_ns;) {
        struct event event = *next;

        *next = run.events[--run.event_count];
        event.happen(event.subject);
    }
}

/* What a thread waits for may have come. */
static void look_at(struct thread *thread)
{
    bool waits = thread->condition == ASLEEP || thread->condition == EXPECTING ||
                 thread->condition == COMPUTING;

    if (!waits)
        return;
    if (thread->condition == EXPECTING && thread->holds(thread->object)) {
        thread->condition = READY;
    } else if (thread->deadline_ns <= run.now_ns) {
        thread->condition = READY;
        thread->timed_out = true;
    }
}

static unsigned look_at_all(void)
{
    unsigned ready = 0;

    let_events_happen();
    for (unsigned i = 0; i < run.count; i++) {
        look_at(&run.threads[i]);
        ready += run.threads[i].condition == READY;
    }
    return ready;
}

/* The next moment at which something happens by itself. */
static int64_t next_moment(void)
{
    const struct event *event = earliest_event();
    int64_t moment_ns = event != NULL ? event->time_ns : SCHEDULE_NEVER;

    for (unsigned i = 0; i < run.count; i++) {
        const struct thread *thread = &run.threads[i];

        if (thread->condition != READY && thread->condition != ENDED &&
            thread->deadline_ns < moment_ns)
            moment_ns = thread->deadline_ns;
    }
    return moment_ns;
}

static bool all_have_ended(void)
{
    unsigned ended = 0;

    for (unsigned i = 0; i < run.count; i++)
        ended += run.threads[i].condition == ENDED;
    return ended == run.count;
}

static void jump_to(int64_t moment_ns)
{
    if (moment_ns == SCHEDULE_NEVER)
        schedule_fail("every thread waits, and nothing is going to happen");
    if (moment_ns > LIMIT_NS)
        schedule_fail("not at its end after %d simulated seconds", (int)(LIMIT_NS / 1000000000));
    for (unsigned i = 0; i < run.count; i++)
        if (run.threads[i].condition == COMPUTING)
            run.threads[i].cpu_ns += moment_ns - run.now_ns;
    run.now_ns = moment_ns;
}

static struct thread *draw_ready(unsigned ready)
{
    unsigned skip = chance_below(ready);
    struct thread *thread = run.threads;

    while (thread->condition != READY || skip-- > 0)
        thread++;
    return thread;
}

static struct thread *highest_ready(void)
{
    struct thread *highest = NULL;

    for (unsigned i = 0; i < run.count; i++) {
        struct thread *thread = &run.threads[i];

        if (thread->condition == READY && (highest == NULL || thread->priority > highest->priority))
            highest = thread;
    }
    return highest;
}

static struct thread *choose(unsigned ready)
{
    bool shuffle = chance_one_in(run.switch_odds);

    if (run.by_priority) {
        if (shuffle)
            run.current->priority = chance_below(1000);
        return highest_ready();
    }
    if (!shuffle && run.current->condition == READY)
        return run.current;
    return draw_ready(ready);
}

/* Who goes on; NULL: all have ended. */
static struct thread *next_thread(void)
{
    unsigned ready;

    while ((ready = look_at_all()) == 0) {
        if (all_have_ended())
            return NULL;
        jump_to(next_moment());
    }
    if (chance_one_in(run.jump_odds)) {
        int64_t moment_ns = next_moment();

        if (moment_ns > run.now_ns && moment_ns <= run.now_ns + EARLY_JUMP_NS) {
            jump_to(moment_ns);
            ready = look_at_all();
        }
    }
    return choose(ready);
}

static void count_step(void)
{
    if (++run.account.steps > STEPS_MAX)
        schedule_fail("not at its end after %u steps", STEPS_MAX);
    run.now_ns += STEP_NS;
    run.current->cpu_ns += STEP_NS;
}

/* Pass the turn on, and come back when it is the calling thread's again; an ended one does not. */
static void yield_turn(void)
{
    struct thread *before = run.current;
    struct thread *next;
    bool comes_back;

    count_step();
    next = next_thread();
    if (next == before)
        return;
    comes_back = before->condition != ENDED;
    run.account.switches++;
    run.account.mark =
        (run.account.mark ^ (next != NULL ? next->number + 1 : 0)) * UINT64_C(0x100000001b3);
    run.current = next;
    pass_turn(next != NULL ? &next->turn : &run.all_ended);
    /* The turn is another's: nothing of the run may be looked at any more. */
    if (comes_back)
        await_turn(&before->turn);
}

void schedule_point(const char *where)
{
    self->where = where;
    yield_turn();
}

static bool wait_as(enum condition condition, const char *where, int64_t deadline_ns)
{
    self->where = where;
    self->condition = condition;
    self->deadline_ns = deadline_ns;
    self->timed_out = false;
    if (condition != COMPUTING) {
        self->sleeps++;
        self->last_sleep = where;
    }
    yield_turn();
    self->object = NULL;
    return !self->timed_out;
}

bool schedule_until(const char *where, schedule_condition *holds, const void *subject,
                    int64_t deadline_ns)
{
    self->holds = holds;
    self->object = subject;
    return wait_as(EXPECTING, where, deadline_ns);
}

static bool others_rest(const void *subject)
{
    for (unsigned i = 0; i < run.count; i++)
        if (&run.threads[i] != subject && run.threads[i].condition == READY)
            return false;
    return true;
}

bool schedule_settle(int64_t deadline_ns)
{
    return schedule_until("a moment of rest", others_rest, self, deadline_ns);
}

bool schedule_sleep_at(const char *where, const void *object, int64_t deadline_ns)
{
    if (chance_one_in(run.spurious_odds)) {
        schedule_point(where);
        return true;
    }
    self->object = object;
    return wait_as(ASLEEP, where, deadline_ns);
}

int schedule_wake(const void *object, int count)
{
    struct thread *sleepers[SCHEDULE_THREADS_MAX];
    unsigned found = 0;
    int woken = 0;

    for (unsigned i = 0; i < run.count; i++)
        if (run.threads[i].condition == ASLEEP && run.threads[i].object == object)
            sleepers[found++] = &run.threads[i];
    for (; found > 0 && woken < count; woken++) {
        unsigned drawn = chance_below(found);

        sleepers[drawn]->condition = READY;
        sleepers[drawn] = sleepers[--found];
    }
    return woken;
}

void sim_sleep(int64_t duration_ns)
{
    (void)wait_as(ASLEEP, "a call that the library does not know", run.now_ns + duration_ns);
}

void sim_compute(int64_t duration_ns)
{
    (void)wait_as(COMPUTING, "a computation", run.now_ns + duration_ns);
}

static void run_destructors(struct thread *thread)
{
    for (int round = 0; round < DESTRUCTOR_ROUNDS; round++) {
        for (unsigned key = 0; key < SCHEDULE_KEYS_MAX; key++) {
            void *value = thread->values[key];

            if (value == NULL)
                continue;
            thread->values[key] = NULL;
            if (destructors[key] != NULL)
                destructors[key](value);
        }
    }
}

static void *run_thread(void *argument)
{
    struct thread *thread = argument;

    self = thread;
    await_turn(&thread->turn);
    thread->result = thread->start(thread->argument);
    run_destructors(thread);
    schedule_note("ends");
    thread->condition = ENDED;
    yield_turn();
    return NULL;
}

struct thread *schedule_start(void *(*start)(void *argument), void *argument)
{
    struct thread *thread = &run.threads[run.count];

    if (run.count == SCHEDULE_THREADS_MAX)
        schedule_fail("more than %d threads", SCHEDULE_THREADS_MAX);
    *thread = (struct thread){
        .number = run.count + 1,
        .start = start,
        .argument = argument,
        .priority = chance_below(1000),
    };
    if (REAL(pthread_create)(&thread->id, NULL, run_thread, thread) != 0)
        schedule_fail("no more real threads");
    run.count++;
    return thread;
}

static bool has_ended(const void *subject)
{
    const struct thread *thread = subject;

    return thread->condition == ENDED;
}

void *schedule_join(struct thread *thread)
{
    (void)schedule_until("pthread_join", has_ended, thread, SCHEDULE_NEVER);
    (void)REAL(pthread_join)(thread->id, NULL);
    thread->joined = true;
    return thread->result;
}

struct thread *schedule_self(void)
{
    return self;
}

struct thread *schedule_thread_of(pthread_t id)
{
    for (unsigned i = 0; i < run.count; i++)
        if (!run.threads[i].joined && pthread_equal(run.threads[i].id, id))
            return &run.threads[i];
    return NULL;
}

struct thread *schedule_thread_by_number(unsigned number)
{
    return number >= 1 && number <= run.count ? &run.threads[number - 1] : NULL;
}

pthread_t schedule_id(const struct thread *thread)
{
    return thread->id;
}

unsigned schedule_number(const struct thread *thread)
{
    return thread->number;
}

bool schedule_is_asleep(const struct thread *thread)
{
    return thread->condition == ASLEEP || thread->condition == EXPECTING;
}

int64_t schedule_cpu_ns(const struct thread *thread)
{
    return thread->cpu_ns;
}

unsigned schedule_sleeps(const struct thread *thread)
{
    return thread->sleeps;
}

bool schedule_waited_for_lock(const struct thread *thread)
{
    return thread->last_sleep != NULL && strcmp(thread->last_sleep, "lock") == 0;
}

void **schedule_slot(struct thread *thread, pthread_key_t key)
{
    return &thread->values[key];
}

void schedule_set_destructor(pthread_key_t key, void (*destructor)(void *value))
{
    destructors[key] = destructor;
}

struct schedule_account schedule_run(void *(*root)(void *argument), void *argument)
{
    static const unsigned switches[] = {1, 2, 4, 16, 64};
    static const unsigned jumps[] = {0, 16, 128, 1024};
    static const unsigned spurious[] = {0, 8, 64};
    struct thread *first;

    memset(&run, 0, sizeof run);
    run.now_ns = 1000000000;
    run.switch_odds = switches[chance_below(5)];
    run.jump_odds = jumps[chance_below(4)];
    run.spurious_odds = spurious[chance_below(3)];
    run.by_priority = chance_one_in(3);
    first = schedule_start(root, argument);
    run.current = first;
    pass_turn(&first->turn);
    await_turn(&run.all_ended);
    (void)REAL(pthread_join)(first->id, NULL);
    for (unsigned i = 1; i < run.count; i++)
        if (!run.threads[i].joined)
            schedule_fail("nobody has joined thread %u", run.threads[i].number);
    run.account.end_ns = run.now_ns;
    return run.account;
}
