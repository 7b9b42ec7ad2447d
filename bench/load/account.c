/* account.c - what becomes of operations: latencies, and errors by class. See clients.h. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "clients.h"

/* The moment of a message that has not begun. */
static int64_t planned_ns(const struct load *load, const struct client *client, uint64_t message)
{
    return schedule_moment(&load->schedule, client_index(load, client), message + client->dropped);
}

void account_begun(struct load *load, struct client *client)
{
    struct moment *moment = client_moment(load, client, client->begun);

    *moment = (struct moment){.sent_ns = load->now_ns};
    if (load_is_open(load)) {
        int64_t due_ns = planned_ns(load, client, client->begun);
        int64_t possible_ns = due_ns > client->room_ns ? due_ns : client->room_ns;

        moment->due_ns = due_ns;
        if (due_ns >= load->start_ns)
            histogram_add(&load->result->slip, (uint64_t)(load->now_ns - possible_ns));
    }
    client->begun++;
    load->flying++;
}

void account_dropped(struct load *load, struct client *client)
{
    if (planned_ns(load, client, client->begun) >= load->start_ns)
        load->result->dropped++;
    client->dropped++;
}

/* What began then is in the latencies; also in those of its part of the measured time. */
static void add_latency(struct load *load, int64_t from_ns, int64_t latency_ns)
{
    const struct load_options *options = load->options;
    double done = (double)(from_ns - load->start_ns) / (double)options->measured_ns;
    size_t part = (size_t)(done * (double)options->part_count);

    histogram_add(&load->result->latency, (uint64_t)latency_ns);
    if (part < options->part_count) /* a load may be measured a little longer than asked for */
        histogram_add(&options->parts[part], (uint64_t)latency_ns);
}

static void add_latencies(struct load *load, struct moment moment)
{
    struct load_result *result = load->result;
    bool open = load_is_open(load);
    int64_t from_ns = open ? moment.due_ns : moment.sent_ns;
    int64_t latency_ns = load->now_ns - from_ns;

    if (from_ns < load->start_ns)
        return;
    if (moment.slept) {
        histogram_add(&result->slept, (uint64_t)latency_ns);
        return;
    }
    add_latency(load, from_ns, latency_ns);
    if (open) {
        histogram_add(&result->uncorrected, (uint64_t)(load->now_ns - moment.sent_ns));
        result->in_time += latency_ns <= load->options->in_time_ns;
    }
}

void account_ended(struct load *load, struct client *client)
{
    add_latencies(load, *client_moment(load, client, client->ended));
    if (load->phase == MEASURING)
        load->result->completed++;
    if (client->begun - client->ended == load->depth)
        client->room_ns = load->now_ns;
    client->ended++;
    load->flying--;
}

/* The oldest message without an answer will have none. */
static void add_unanswered(struct load *load, struct client *client, bool lost)
{
    int64_t due_ns = client->ended < client->begun
                         ? client_moment(load, client, client->ended)->due_ns
                         : planned_ns(load, client, client->ended);
    int64_t waited_ns = load->now_ns - due_ns;

    client->ended++;
    if (due_ns < load->start_ns)
        return;
    if (lost && waited_ns < load->options->patience_ns)
        waited_ns = load->options->patience_ns;
    add_latency(load, due_ns, waited_ns);
    load->result->unanswered++;
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

static void count_error(struct load_result *result, int error)
{
    result->errors[class_of(error)]++;
    if (result->error == 0)
        result->error = error;
}

/* Nothing is in flight on the client any more; its next connection begins with a new message. */
static void lose_all(struct load *load, struct client *client)
{
    load->flying -= client->begun - client->ended;
    while (client->ended < client->begun)
        if (load_is_open(load))
            add_unanswered(load, client, true);
        else
            client->ended++;
    client->sent = client->echoed = client->begun * load->options->message_size;
}

void account_failure(struct load *load, struct client *client, int error)
{
    count_error(load->result, error);
    if (client->descriptor >= 0)
        close(client->descriptor);
    client->descriptor = -1;
    lose_all(load, client);
    if (load->options->kind == LOAD_STREAM || error == -ECONNREFUSED) {
        client->given_up = true;
        load->live--;
    } else {
        client->failed = true;
        load->retrying++;
    }
}

void account_unanswered(struct load *load)
{
    if (!load_is_open(load))
        return;
    for (size_t i = 0; i < load->options->connections; i++) {
        struct client *client = &load->clients[i];
        uint64_t planned = schedule_share(&load->schedule, i, load->planned) - client->dropped;

        while (client->ended < planned)
            add_unanswered(load, client, client->given_up);
    }
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
