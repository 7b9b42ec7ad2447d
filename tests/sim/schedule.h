/* schedule.h - simulated threads and simulated time: who goes on, and when. */
/* SPDX-License-Identifier: MIT */
/*
 * Each simulated thread is a real one, but only one of them runs at a time. It passes the turn
 * on at switch points: in every wrapped call. Who is next is drawn. So a seed's run is always
 * the same one, and needs no locks of its own.
 *
 * Time stands still but for a little at each switch point. When every thread waits it jumps to
 * the next moment at which something happens; sometimes it does so earlier, as if all threads
 * had been kept from the processor meanwhile.
 *
 * If nobody can go on and nothing is going to happen, or if the run lasts too long, the run has
 * failed: what each thread is at is printed, and the process ends.
 */
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define SCHEDULE_NEVER       INT64_MAX
#define SCHEDULE_THREADS_MAX 32
#define SCHEDULE_KEYS_MAX    8

struct thread;
typedef bool schedule_condition(const void *subject);
typedef void schedule_event(void *subject);

/* What a run has come to. */
struct schedule_account {
    uint64_t steps;    /* switch points passed */
    uint64_t switches; /* turns passed on to another thread */
    uint64_t mark;     /* the same for the same run, and hardly for any other */
    int64_t end_ns;
};

/* Run `root` as the first thread of a new simulation, until all threads have ended. The
 * numbers of a seed have been begun. */
struct schedule_account schedule_run(void *(*root)(void *argument), void *argument);

/* Does the calling thread belong to a simulation? */
bool schedule_is_on(void);

int64_t schedule_now_ns(void);

/* A switch point in the call named `where`. */
void schedule_point(const char *where);

/* Wait until the condition holds; false: the deadline came first. */
bool schedule_until(const char *where, schedule_condition *holds, const void *subject,
                    int64_t deadline_ns);

/* Wait to be woken at `object`, now and then for no reason; false: the deadline came first. */
bool schedule_sleep_at(const char *where, const void *object, int64_t deadline_ns);

/* Wake that many threads which sleep at `object`, drawn among them. Returns how many. */
int schedule_wake(const void *object, int count);

/* Wait until no other thread could go on; false: the deadline came first. */
bool schedule_settle(int64_t deadline_ns);

/* Let `event` happen to `subject` in a while. It is not run in any thread, and must not wait. */
void schedule_later(int64_t delay_ns, schedule_event *event, void *subject);

/* For the callbacks of scenarios: sleep in a call that the library does not know; and keep a
 * processor busy for a while. */
void sim_sleep(int64_t duration_ns);
void sim_compute(int64_t duration_ns);

/* Threads, for the wrapped calls of pthreads. */
struct thread *schedule_start(void *(*start)(void *argument), void *argument);
struct thread *schedule_self(void);
struct thread *schedule_thread_of(pthread_t id);
struct thread *schedule_thread_by_number(unsigned number);
pthread_t schedule_id(const struct thread *thread);
unsigned schedule_number(const struct thread *thread);
void *schedule_join(struct thread *thread);
bool schedule_is_asleep(const struct thread *thread);
int64_t schedule_cpu_ns(const struct thread *thread);

/* How often it has slept so far; and was the last time for a mutex? */
unsigned schedule_sleeps(const struct thread *thread);
bool schedule_waited_for_lock(const struct thread *thread);

/* What the thread has stored under a key. */
void **schedule_slot(struct thread *thread, pthread_key_t key);

/* Run at the end of each thread which has stored something under the key. */
void schedule_set_destructor(pthread_key_t key, void (*destructor)(void *value));

/* Everything that happens is part of the run's mark; a trace shows it. */
void schedule_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void schedule_trace(bool on);

/* The run has failed. */
_Noreturn void schedule_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Printed with every failure. */
void schedule_name_run(uint64_t seed);

#endif
