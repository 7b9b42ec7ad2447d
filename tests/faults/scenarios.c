/* scenarios.c - the table of scenarios. */
/* SPDX-License-Identifier: MIT */
#include "plain_port.h"
#include "trial.h"

enum { CUT_OFF_MS = 150, FEW = 2 };

static void with_echo(struct options *options)
{
    options->handler = &handler_echo;
}

static void with_few_connections(struct options *options)
{
    options->max_connections = FEW;
}

static void with_one_connection(struct options *options)
{
    options->max_connections = 1;
}

static void with_short_drain(struct options *options)
{
    options->drain_timeout_ms = CUT_OFF_MS;
}

static const struct scenario scenarios[] = {
    {.name = "start", .visits = &visits_none, .is_small = true},
    {.name = "one", .visits = &visits_one, .is_small = true},
    {.name = "many", .visits = &visits_many},
    {.name = "chat", .visits = &visits_chat, .configure = with_echo},
    {.name = "overload", .visits = &visits_crowd, .configure = with_few_connections},
    {.name = "narrow", .visits = &visits_narrow, .configure = with_one_connection},
    {.name = "stop", .visits = &visits_silent, .configure = with_short_drain},
    {.name = "drain", .visits = &visits_unfinished},
    {.name = "connect", .play = plain_connect, .is_small = true},
    {.name = "sends", .play = plain_sends, .is_small = true},
    {.name = "cancel", .play = plain_cancel},
    {.name = "blocked", .play = plain_blocked, .is_small = true},
    {.name = "close", .play = plain_close, .is_small = true},
};

const struct scenario *scenario_at(size_t index)
{
    return index < sizeof scenarios / sizeof *scenarios ? &scenarios[index] : NULL;
}
