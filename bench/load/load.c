/* load.c - see load.h. */
/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"
#include "measure.h"

#define EVENTS_MAX  256
#define PIECE_SIZE  65536
#define SECOND_NS   INT64_C(1000000000)
#define LOOK_NS     (SECOND_NS / 10) /* how often the late ones are looked for */
#define RANDOM_SEED UINT64_C(0x9e3779b97f4a7c15)

struct client {
    int descriptor; /* -1: it has had an error */
    unsigned char *message;
    size_t sent;
    size_t echoed;
    bool in_flight;
    bool slept;
    int64_t sent_ns;
    int64_t due_ns;      /* of its next message */
    struct client *next; /* in the line of those who pause */
};

struct load {
    const struct load_options *options;
    struct load_result *result;
    struct client *clients;
    unsigned char *messages;
    unsigned char piece[PIECE_SIZE];
    int epoll;
    uint64_t random;
    size_t in_flight;
    struct client *first; /* the next to send; all pause alike, so the line is in order */
    struct client **last;
    int64_t start_ns; /* of the measured time */
    int64_t end_ns;
};

static void count_error(struct load *load, enum load_error class, int error)
{
    load->result->errors[class]++;
    if (load->result->error == 0)
        load->result->error = error;
}

static enum load_error class_of(int error)
{
    switch (-error) {
    case ECONNREFUSED:
        return LOAD_REFUSED;
    case ECONNRESET:
    case EPIPE:
        return LOAD_RESET;
    case EBADMSG:
        return LOAD_WRONG;
    case ETIMEDOUT:
        return LOAD_LATE;
    default:
        return LOAD_FAILED;
    }
}

static void give_up(struct load *load, struct client *client, int error)
{
    count_error(load, class_of(error), error);
    close(client->descriptor);
    client->descriptor = -1;
    load->in_flight -= client->in_flight;
    client->in_flight = false;
}

/* xorshift64; other bytes each time, so that an echo of an earlier message is seen to be one. */
static void write_message(struct load *load, unsigned char *message)
{
    size_t part, size = load->options->message_size;

    for (size_t i = 0; i < size; i += part) {
        load->random ^= load->random << 13;
        load->random ^= load->random >> 7;
        load->random ^= load->random << 17;
        part = size - i < sizeof load->random ? size - i : sizeof load->random;
        memcpy(message + i, &load->random, part);
    }
    message[0] = 0;
}

static void send_rest(struct load *load, struct client *client)
{
    while (client->sent < load->options->message_size) {
        ssize_t count =
            send(client->descriptor, client->message + client->sent,
                 load->options->message_size - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (count < 0 && errno != EAGAIN)
            give_up(load, client, -errno);
        if (count < 0)
            return;
        client->sent += (size_t)count;
    }
}

static void begin_round_trip(struct load *load, struct client *client, int64_t now_ns)
{
    write_message(load, client->message);
    client->sent = client->echoed = 0;
    client->in_flight = true;
    client->sent_ns = now_ns;
    load->in_flight++;
    send_rest(load, client);
}

static void line_up(struct load *load, struct client *client, int64_t due_ns)
{
    client->due_ns = due_ns;
    client->next = NULL;
    *load->last = client;
    load->last = &client->next;
}

static void end_round_trip(struct load *load, struct client *client)
{
    struct load_result *result = load->result;
    int64_t now_ns = measure_now_ns();

    client->in_flight = false;
    load->in_flight--;
    if (client->sent_ns >= load->start_ns && client->sent_ns < load->end_ns)
        histogram_add(client->slept ? &result->slept : &result->others,
                      (uint64_t)(now_ns - client->sent_ns));
    if (load->options->pause_ns > 0)
        line_up(load, client, now_ns + load->options->pause_ns);
    else if (now_ns < load->end_ns)
        begin_round_trip(load, client, now_ns);
}

/* Are these the next bytes of the echo? */
static bool verify(const struct load *load, struct client *client, size_t count)
{
    size_t mark = client->echoed == 0 && count > 0;

    if (!client->in_flight || count > client->sent - client->echoed)
        return false;
    if (mark && load->piece[0] != 0 && load->piece[0] != LOAD_SLEPT)
        return false;
    if (mark)
        client->slept = load->piece[0] == LOAD_SLEPT;
    if (memcmp(load->piece + mark, client->message + client->echoed + mark, count - mark) != 0)
        return false;
    client->echoed += count;
    return true;
}

/* The events are edges: go on until nothing is there, or the next message is on its way. */
static void receive(struct load *load, struct client *client)
{
    while (client->descriptor >= 0) {
        ssize_t count = recv(client->descriptor, load->piece, sizeof load->piece, MSG_DONTWAIT);

        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0) {
            give_up(load, client, count < 0 ? -errno : -ECONNRESET);
        } else if (!verify(load, client, (size_t)count)) {
            give_up(load, client, -EBADMSG);
        } else if (client->echoed == load->options->message_size) {
            end_round_trip(load, client);
            return;
        }
    }
}

static void send_what_is_due(struct load *load, int64_t now_ns)
{
    while (load->first && load->first->due_ns <= now_ns) {
        struct client *client = load->first;

        load->first = client->next;
        if (!load->first)
            load->last = &load->first;
        if (client->descriptor >= 0)
            begin_round_trip(load, client, now_ns);
    }
}

static void give_up_late_ones(struct load *load, int64_t now_ns)
{
    for (size_t i = 0; i < load->options->connections; i++) {
        struct client *client = &load->clients[i];

        if (client->in_flight && now_ns - client->sent_ns >= load->options->patience_ns)
            give_up(load, client, -ETIMEDOUT);
    }
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

        if (client->in_flight)
            send_rest(load, client);
        receive(load, client);
    }
    return 0;
}

/* Until the time is over, then until every message is echoed or late. */
static int exchange(struct load *load)
{
    int64_t now_ns = measure_now_ns(), look_ns = now_ns + LOOK_NS;
    size_t connections = load->options->connections;
    int error = 0;

    load->start_ns = now_ns + load->options->warm_up_ns;
    load->end_ns = load->start_ns + load->options->measured_ns;
    /* Spread over the first pause, else all would go on sending at the same moment. */
    for (size_t i = 0; i < connections; i++)
        line_up(load, &load->clients[i],
                now_ns + load->options->pause_ns / (int64_t)connections * (int64_t)i);
    while (error == 0 && (now_ns < load->end_ns || load->in_flight > 0)) {
        if (now_ns < load->end_ns)
            send_what_is_due(load, now_ns);
        if (now_ns >= look_ns) {
            give_up_late_ones(load, now_ns);
            look_ns = now_ns + LOOK_NS;
        }
        bool due_first = load->first && load->first->due_ns < look_ns && now_ns < load->end_ns;
        error = wait_until(load, due_first ? load->first->due_ns : look_ns);
        now_ns = measure_now_ns();
    }
    return error;
}

static int connect_all(struct load *load)
{
    const struct load_options *options = load->options;

    for (size_t i = 0; i < options->connections; i++) {
        struct client *client = &load->clients[i];
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};
        int descriptor = connections_connect(&options->server, i);

        if (descriptor < 0) {
            count_error(load, class_of(descriptor), descriptor);
            return 0;
        }
        client->descriptor = descriptor;
        client->message = load->messages + i * options->message_size;
        if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
            return -errno;
    }
    return 0;
}

static int run(struct load *load)
{
    const struct load_options *options = load->options;
    struct load_result *result = load->result;
    int error = connect_all(load);

    if (error == 0 && load_error_count(result) == 0)
        error = exchange(load);
    result->rate = (double)(result->others.count + result->slept.count) /
                   (double)options->measured_ns * (double)SECOND_NS;
    for (size_t i = 0; i < options->connections; i++)
        if (load->clients[i].descriptor >= 0)
            close(load->clients[i].descriptor);
    return error;
}

int load_run(const struct load_options *options, struct load_result *result)
{
    struct load *load = calloc(1, sizeof *load);
    struct client *clients = calloc(options->connections, sizeof *clients);
    unsigned char *messages = calloc(options->connections, options->message_size);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int error = epoll < 0 ? -errno : -ENOMEM;

    if (load && clients && messages && epoll >= 0) {
        *load = (struct load){.options = options, .result = result, .clients = clients};
        load->messages = messages;
        load->epoll = epoll;
        load->random = RANDOM_SEED;
        load->last = &load->first;
        for (size_t i = 0; i < options->connections; i++)
            clients[i].descriptor = -1;
        error = run(load);
    }
    if (epoll >= 0)
        close(epoll);
    free(messages);
    free(clients);
    free(load);
    return error;
}

uint64_t load_error_count(const struct load_result *result)
{
    uint64_t sum = 0;

    for (int i = 0; i < LOAD_ERRORS; i++)
        sum += result->errors[i];
    return sum;
}

const char *load_error_name(enum load_error error)
{
    static const char *const names[LOAD_ERRORS] = {"refused", "reset", "wrong bytes", "late",
                                                   "failed"};

    return names[error];
}
