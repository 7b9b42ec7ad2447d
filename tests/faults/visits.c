/* visits.c - what the clients of a server do, each scenario its own. */
/* SPDX-License-Identifier: MIT */
#include "visits.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "client.h"
#include "shim.h"

enum {
    SMALL = 11,
    DRIBBLED_MAX = 100, /* a byte costs several calls then */
    ROUNDS = 6,         /* more than make a client busy */
    CROWD = 6,
    NARROW = 2048,
    HELD = 3,
};

/* Where the server is. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static in_port_t server_port; /* guarded by lock, as over; 0: not yet known */
static bool over;

static pthread_t visitor;
static int send_room;
static bool unserved;  /* read when it has ended, as those below are its own */
static int held[HELD]; /* connections from before the stop to after it */

void visits_invite(in_port_t port)
{
    pthread_mutex_lock(&lock);
    server_port = port;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* False: there is no server any more. */
static bool await_server(void)
{
    bool there;

    pthread_mutex_lock(&lock);
    while (server_port == 0 && !over)
        pthread_cond_wait(&changed, &lock);
    there = !over;
    pthread_mutex_unlock(&lock);
    return there;
}

static size_t measure(size_t size)
{
    return shim_is_dribble() && size > DRIBBLED_MAX ? DRIBBLED_MAX : size;
}

/* Whom nothing stood in the way of has to be answered. */
static void judge(enum answer answer)
{
    if (answer == REFUSED && !shim_has_hurt())
        shim_blame("a client was refused, though nothing failed that it would be for");
}

static enum answer say_and_hear(size_t size)
{
    int fd = client_connect(server_port, 0);

    if (fd < 0)
        return REFUSED;
    client_say(fd, 0, size);
    client_end(fd);
    enum answer answer = client_hear(fd, size, true);
    close(fd);
    return answer;
}

/* With the handler `echo`: each time is answered before the next. */
static enum answer chat(size_t size, unsigned rounds)
{
    int fd = client_connect(server_port, 0);
    enum answer answer = fd < 0 ? REFUSED : ANSWERED;

    for (unsigned i = 0; i < rounds && answer == ANSWERED; i++) {
        client_say(fd, 0, size);
        answer = client_hear(fd, size, false);
    }
    if (fd >= 0) {
        client_end(fd);
        if (answer == ANSWERED)
            answer = client_hear(fd, 0, true);
        close(fd);
    }
    return answer;
}

/* A message of that size, from a thread of its own. */
static void *visit(void *size)
{
    shim_stand_outside(true);
    judge(say_and_hear(*(const size_t *)size));
    return NULL;
}

static void visit_together(size_t sizes[], unsigned count)
{
    pthread_t clients[CROWD];

    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&clients[i], NULL, visit, &sizes[i]) != 0)
            shim_blame("a client got no thread");
    for (unsigned i = 0; i < count; i++)
        pthread_join(clients[i], NULL);
}

static void serve_one(void)
{
    judge(say_and_hear(SMALL));
}

/* None, one buffer, a larger one, one that is mapped, a reply in pieces, and again with spares. */
static void serve_many(void)
{
    size_t sizes[CROWD] = {
        0, SMALL, measure(5000), measure(40000), measure(600000), measure(90000)};

    visit_together(sizes, CROWD);
}

static void serve_chat(void)
{
    judge(chat(SMALL, ROUNDS));
    judge(chat(measure(3000), 2));
}

static void serve_crowd(void)
{
    size_t sizes[CROWD] = {SMALL, SMALL, SMALL, SMALL, SMALL, SMALL};

    visit_together(sizes, CROWD);
}

/* Its message has come whole before it is accepted, as another one holds the only place: so nothing
 * is ever waited for but that it takes its answer. */
static void serve_narrow(void)
{
    int holder = client_connect(server_port, 0);
    int fd = client_connect(server_port, NARROW);

    if (fd >= 0) {
        client_say(fd, 0, measure(40000));
        client_end(fd);
    }
    if (holder >= 0)
        close(holder);
    judge(fd >= 0 ? client_hear(fd, measure(40000), true) : REFUSED);
    if (fd >= 0)
        close(fd);
}

/* The first of those who are held has said half of something. */
static void hold(void)
{
    for (unsigned i = 0; i < HELD; i++) {
        held[i] = client_connect(server_port, 0);
        if (held[i] < 0)
            judge(REFUSED);
    }
    if (held[0] >= 0)
        client_say(held[0], 0, SMALL / 2);
}

static void let_go(void)
{
    for (unsigned i = 0; i < HELD; i++)
        if (held[i] >= 0)
            close(held[i]);
}

/* Each hears the end, the one with half a message too. */
static void stop_silent(void)
{
    for (unsigned i = 0; i < HELD; i++)
        if (held[i] >= 0)
            (void)client_hear(held[i], 0, true);
    let_go();
}

/* The others hear the end when the stop has begun; who is in the middle may come to its end. */
static void stop_unfinished(void)
{
    for (unsigned i = 1; i < HELD; i++)
        if (held[i] >= 0)
            (void)client_hear(held[i], 0, true);
    if (held[0] >= 0) {
        client_say(held[0], SMALL / 2, SMALL);
        client_end(held[0]);
        judge(client_hear(held[0], SMALL, true));
    }
    let_go();
}

struct visits visits_none = {0};
struct visits visits_one = {.serve = serve_one};
struct visits visits_many = {.serve = serve_many};
struct visits visits_chat = {.serve = serve_chat};
struct visits visits_crowd = {.serve = serve_crowd};
struct visits visits_narrow = {.serve = serve_narrow, .send_room = NARROW};
struct visits visits_silent = {.serve = hold, .stop = stop_silent};
struct visits visits_unfinished = {.serve = hold, .stop = stop_unfinished};

/* Whatever has failed, it is over: the next client is served. If it was not, and still failed for
 * that one, the one after it. If it failed at the start, there is no server, and soon an end. */
static bool is_served_again(void)
{
    unsigned strikes;

    do {
        strikes = shim_strikes();
        if (say_and_hear(SMALL) == ANSWERED)
            return true;
    } while (shim_strikes() != strikes);
    return false;
}

static void *run(void *argument)
{
    struct visits *visits = argument;

    shim_stand_outside(true);
    if (!await_server())
        return NULL;
    if (visits->serve != NULL)
        visits->serve();
    unserved = !is_served_again();
    kill(getpid(), SIGTERM);
    if (visits->stop != NULL)
        visits->stop();
    return NULL;
}

int visits_send_room(void)
{
    return send_room;
}

bool visits_start(struct visits *visits)
{
    send_room = visits->send_room;
    for (unsigned i = 0; i < HELD; i++)
        held[i] = -1;
    return pthread_create(&visitor, NULL, run, visits) == 0;
}

bool visits_end(void)
{
    pthread_mutex_lock(&lock);
    over = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(visitor, NULL);
    return !unserved;
}
