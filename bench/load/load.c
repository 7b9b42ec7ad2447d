/* load.c - the loop of a load, and its time. See load.h and clients.h. */
/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "clients.h"
#include "measure.h"
#include "pattern.h"

#define EVENTS_MAX 64
#define SECOND_NS  INT64_C(1000000000)

static int64_t thread_cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * SECOND_NS + used.tv_nsec;
}

static void tell(const struct load *load, enum load_moment moment)
{
    if (load->options->at)
        load->options->at(moment, load->options->context);
}

static void begin_measuring(struct load *load)
{
    tell(load, LOAD_MEASURING);
    load->phase = MEASURING;
    load->cpu_ns = thread_cpu_ns();
    load->start_ns = load->now_ns = measure_now_ns();
    load->until_ns = load->start_ns + load->options->measured_ns;
}

static void begin_draining(struct load *load)
{
    load->phase = DRAINING;
    load->end_ns = load->next_ns = load->now_ns;
    load->until_ns = load->end_ns + load->options->patience_ns;
}

static void end_measuring(struct load *load)
{
    load->now_ns = load->result->over_ns = measure_now_ns();
    load->result->seconds = (double)(load->now_ns - load->start_ns) / (double)SECOND_NS;
    load->result->generator =
        (double)(thread_cpu_ns() - load->cpu_ns) / (double)SECOND_NS / load->result->seconds;
    begin_draining(load);
    tell(load, LOAD_MEASURED);
    load->now_ns = measure_now_ns();
}

static bool is_cut_short(const struct load *load)
{
    return load->live == 0 || load_is_stopped(load);
}

static void change_phase(struct load *load)
{
    bool cut_short = is_cut_short(load);

    if (load->phase == WARMING && cut_short)
        begin_draining(load);
    else if (load->phase == WARMING && load->now_ns >= load->until_ns)
        begin_measuring(load);
    else if (load->phase == MEASURING && (cut_short || load->now_ns >= load->until_ns))
        end_measuring(load);
}

static bool is_over(const struct load *load)
{
    if (load->phase != DRAINING)
        return false;
    return is_cut_short(load) || load->now_ns >= load->until_ns ||
           (load->flying == 0 && load->retrying == 0);
}

static bool is_late(const struct load *load, const struct client *client)
{
    return client->begun > client->ended &&
           load->now_ns - client_moment(load, client, client->ended)->sent_ns >=
               load->options->patience_ns;
}

/* What lies there is not late, however long these clients themselves did not run. */
static void look_for_answer(struct load *load, struct client *client)
{
    exchange_receive(load, client, true);
    if (is_late(load, client))
        account_failure(load, client, -ETIMEDOUT);
    else
        pace_client(load, client);
}

static void look_at(struct load *load, struct client *client)
{
    if (is_late(load, client)) {
        look_for_answer(load, client);
    } else if (client->begun == client->ended && client->failed) {
        client->failed = false;
        load->retrying--;
        client->room_ns = load->now_ns = measure_now_ns();
        pace_client(load, client);
    }
}

/* Now and then: for those who are late, and those who try again. */
static void look_at_all(struct load *load)
{
    for (size_t i = 0; i < load->options->connections; i++)
        if (!load->clients[i].given_up)
            look_at(load, &load->clients[i]);
}

static void serve(struct load *load, struct client *client, uint32_t events)
{
    bool ending = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);

    if (ending || events & EPOLLIN)
        exchange_receive(load, client, ending);
    if (client->descriptor >= 0 && events & EPOLLOUT)
        exchange_send(load, client);
    pace_client(load, client);
    /* What is due meanwhile does not wait for the rest of the events. */
    if (load->now_ns >= pace_next_ns(load))
        pace_all(load);
}

static int wait_until(struct load *load, int64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ns = until_ns - measure_now_ns();
    struct timespec timeout = {0};
    int count;

    if (wait_ns > 0)
        timeout = (struct timespec){.tv_sec = wait_ns / SECOND_NS, .tv_nsec = wait_ns % SECOND_NS};
    count = epoll_pwait2(load->epoll, events, EVENTS_MAX, &timeout, NULL);
    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;

        if (client->descriptor >= 0)
            serve(load, client, events[i].events);
    }
    return 0;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int exchange(struct load *load)
{
    int64_t look_ns;
    int error = 0;

    load->now_ns = measure_now_ns();
    load->until_ns = load->now_ns + load->options->warm_up_ns;
    look_ns = load->now_ns + LOAD_RETRY_NS;
    change_phase(load);
    pace_start(load);
    while (error == 0) {
        change_phase(load);
        pace_all(load);
        if (load->now_ns >= earliest(look_ns, load->until_ns)) {
            look_at_all(load);
            look_ns = load->now_ns + LOAD_RETRY_NS;
        }
        if (is_over(load))
            break;
        error = wait_until(load, earliest(earliest(look_ns, load->until_ns), pace_next_ns(load)));
        load->now_ns = measure_now_ns();
    }
    account_unanswered(load);
    return error;
}

/* The kernel may else be late on purpose, so as to wake for several timers at once. */
static int run_punctually(struct load *load)
{
    int error, slack = prctl(PR_GET_TIMERSLACK);

    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    error = exchange(load);
    if (slack > 0)
        (void)prctl(PR_SET_TIMERSLACK, (unsigned long)slack);
    return error;
}

static int run(struct load *load)
{
    const struct load_options *options = load->options;
    int error = 0;

    if (options->kind == LOAD_STREAM)
        stream_connect_all(load);
    if (load->live == options->connections && !load_is_stopped(load))
        error = run_punctually(load);
    for (size_t i = 0; i < options->connections; i++)
        if (load->clients[i].descriptor >= 0)
            close(load->clients[i].descriptor);
    return error;
}

static void check(const struct load_options *options)
{
    assert(options->connections > 0 && options->message_size > 0 && options->measured_ns > 0);
    assert(options->rate >= 0 && options->rate <= LOAD_RATE_MAX);
    assert(options->kind != LOAD_STREAM ||
           (options->depth > 0 && options->depth <= LOAD_DEPTH_MAX));
}

static void set_clients(struct load *load)
{
    for (size_t i = 0; i < load->options->connections; i++) {
        load->clients[i].descriptor = -1;
        load->clients[i].moments = load->moments + i * (load->mask + 1);
    }
    load->live = load->options->connections;
    load->last = &load->first;
}

static int allocate(struct load *load)
{
    size_t connections = load->options->connections;

    while (load->mask + 1 < load->depth)
        load->mask = 2 * load->mask + 1;
    load->clients = calloc(connections, sizeof *load->clients);
    load->moments = calloc(connections * (load->mask + 1), sizeof *load->moments);
    load->pattern = pattern_create();
    load->piece = malloc(PATTERN_PIECE);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0)
        return -errno;
    return load->clients && load->moments && load->pattern && load->piece ? 0 : -ENOMEM;
}

int load_run(const struct load_options *options, struct load_result *result)
{
    struct load load = {.options = options, .result = result, .start_ns = INT64_MAX};
    int error;

    check(options);
    load.depth = options->kind == LOAD_STREAM ? options->depth : 1;
    load.schedule.clients = options->connections;
    if (options->rate > 0)
        load.schedule.interval_ns = (double)SECOND_NS / options->rate;
    error = allocate(&load);
    if (error == 0) {
        set_clients(&load);
        error = run(&load);
    }
    if (load.epoll >= 0)
        close(load.epoll);
    free(load.piece);
    free(load.pattern);
    free(load.moments);
    free(load.clients);
    return error;
}
