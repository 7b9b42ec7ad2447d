/* account.c - what becomes of operations: latencies, and errors by class. See clients.h. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "clients.h"

static int64_t planned_ns(const struct load *load, const struct client *client, uint64_t message)
{
    return schedule_moment(&load->schedule, client_index(load, client), message);
}

void account_begun(struct load *load, struct client *client)
{
    struct moment *moment = client_moment(load, client, client->begun);

    *moment = (struct moment){.sent_ns = load->now_ns};
    if (load_is_open(load)) {
        int64_t due_ns = planned_ns(load, client, client->begun);
        int64_t possible_ns = due_ns > client->room_ns ? due_ns : client->room_ns;

        if (due_ns >= load->start_ns)
            histogram_add(&load->result->slip, (uint64_t)(load->now_ns - possible_ns));
    }
    client->begun++;
    load->flying++;
}

static void add_latencies(struct load *load, const struct client *client, struct moment moment)
{
    struct load_result *result = load->result;
    bool open = load_is_open(load);
    int64_t from_ns = open ? planned_ns(load, client, client->ended) : moment.sent_ns;

    if (from_ns < load->start_ns)
        return;
    histogram_add(moment.slept ? &result->slept : &result->latency,
                  (uint64_t)(load->now_ns - from_ns));
    if (open && !moment.slept)
        histogram_add(&result->uncorrected, (uint64_t)(load->now_ns - moment.sent_ns));
}

void account_ended(struct load *load, struct client *client)
{
    add_latencies(load, client, *client_moment(load, client, client->ended));
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
    int64_t due_ns = planned_ns(load, client, client->ended);
    int64_t waited_ns = load->now_ns - due_ns;

    client->ended++;
    if (due_ns < load->start_ns)
        return;
    if (lost && waited_ns < load->options->patience_ns)
        waited_ns = load->options->patience_ns;
    histogram_add(&load->result->latency, (uint64_t)waited_ns);
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
        uint64_t planned = schedule_share(&load->schedule, i, load->planned);

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
