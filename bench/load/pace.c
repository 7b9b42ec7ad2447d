/* pace.c - whose next message begins when: the closed loop and the open one. See clients.h. */
/* SPDX-License-Identifier: MIT */
#include "clients.h"
#include "measure.h"

/* How many messages the client is to have begun by now, had it room. */
static uint64_t due_of(const struct load *load, const struct client *client)
{
    if (load_is_open(load))
        return schedule_share(&load->schedule, client_index(load, client), load->planned) -
               client->dropped;
    return load->phase == DRAINING || client->resting ? client->begun : UINT64_MAX;
}

/* The line is behind what there is room for. */
static void shorten_line(struct load *load, struct client *client, uint64_t full)
{
    for (uint64_t due = due_of(load, client); due > full + load->depth; due--)
        account_dropped(load, client);
}

void pace_client(struct load *load, struct client *client)
{
    uint64_t full = client->ended + load->depth, due, until;

    if (client->given_up || client->failed)
        return;
    if (load->options->drops)
        shorten_line(load, client, full);
    due = due_of(load, client);
    until = due < full ? due : full;
    if (client->begun >= until)
        return;
    while (client->begun < until)
        account_begun(load, client);
    if (load->options->kind == LOAD_STREAM)
        exchange_send(load, client);
    else
        once_open(load, client);
}

static void line_up(struct load *load, struct client *client, int64_t due_ns)
{
    client->resting = true;
    client->due_ns = due_ns;
    client->next = NULL;
    *load->last = client;
    load->last = &client->next;
}

void pace_ended(struct load *load, struct client *client)
{
    int64_t pause_ns = load->options->pause_ns;

    if (!load_is_open(load) && pause_ns > 0 && !client->resting)
        line_up(load, client, load->now_ns + pause_ns);
}

static void begin_rested(struct load *load)
{
    while (load->first && load->first->due_ns <= load->now_ns) {
        struct client *client = load->first;

        load->first = client->next;
        if (!load->first)
            load->last = &load->first;
        client->resting = false;
        pace_client(load, client);
        load->now_ns = measure_now_ns();
    }
}

/* Messages whose moment has come are dealt out; a client that was dealt several begins them in
 * one go. While nobody has room there is nothing to begin: each looks at its line when it has; and
 * at the end all do. */
static void begin_planned(struct load *load)
{
    size_t connections = load->options->connections;
    uint64_t before = load->planned, dealt;
    bool over = load->phase == DRAINING;

    load->planned = schedule_count(&load->schedule, over ? load->end_ns : load->now_ns);
    load->next_ns = over ? INT64_MAX : schedule_next(&load->schedule, load->planned);
    if (!over && load->flying == connections * load->depth)
        return;
    dealt = over ? connections : load->planned - before;
    for (size_t i = 0; i < dealt && i < connections; i++) {
        pace_client(load, &load->clients[(before + i) % connections]);
        load->now_ns = measure_now_ns();
    }
}

void pace_all(struct load *load)
{
    if (load_is_open(load) && load->now_ns >= load->next_ns)
        begin_planned(load);
    else if (load->phase != DRAINING)
        begin_rested(load);
}

int64_t pace_next_ns(const struct load *load)
{
    if (load_is_open(load))
        return load->next_ns;
    return load->first && load->phase != DRAINING ? load->first->due_ns : INT64_MAX;
}

void pace_start(struct load *load)
{
    size_t connections = load->options->connections;
    int64_t pause_ns = load->options->pause_ns;

    if (load_is_open(load)) {
        load->schedule.origin_ns = load->next_ns = load->now_ns;
        return;
    }
    /* Spread over the first pause, else all would go on sending at the same moment. */
    for (size_t i = 0; i < connections; i++)
        line_up(load, &load->clients[i],
                load->now_ns + pause_ns / (int64_t)connections * (int64_t)i);
}
