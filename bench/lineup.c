/* lineup.c - see lineup.h. */
/* SPDX-License-Identifier: MIT */
#include "lineup.h"

#include <stdio.h>
#include <string.h>

#include <iocp/port.h>

/* The blocking engine is the article's shape, there to be read: only everything measures it. */
static bool is_chosen(const char *engine, const struct bench_options *options)
{
    if (options->engine)
        return strcmp(options->engine, engine) == 0;
    return options->matrix == MATRIX_FULL || strcmp(engine, "blocking") != 0;
}

static void add_engine(struct subjects *subjects, const struct bench_options *options,
                       const char *engine)
{
    struct subject *library;

    (void)subjects_add_ours(subjects, SUBJECT_SERVER, engine);
    library = subjects_add_ours(subjects, SUBJECT_LIBRARY, engine);
    if (library)
        library->only_sleeps = options->matrix != MATRIX_FULL;
}

/* The same programs once more, as they are without collecting a message. */
static void add_streaming_peer(struct subjects *subjects, const char *name)
{
    struct subject *subject = subjects_add_peer(subjects, name);

    if (!subject)
        return;
    subject->streams = true;
    (void)snprintf(subject->name, sizeof subject->name, "%s, streaming", name);
}

static void add_brackets(struct subjects *subjects, const char *engine)
{
    struct subject *subject = subjects_add_ours(subjects, SUBJECT_LIBRARY, engine);

    if (!subject)
        return;
    subject->brackets = subject->only_sleeps = true;
    (void)snprintf(subject->name, sizeof subject->name, "libiocp %s, brackets", engine);
}

void lineup_fill(struct subjects *subjects, const struct bench_options *options)
{
    const char *engine, *peer;

    subjects->count = 0;
    for (size_t i = 0; (engine = iocp_engine_name(i)); i++)
        if (is_chosen(engine, options))
            add_engine(subjects, options, engine);
    for (size_t i = 0; options->matrix == MATRIX_FULL && (engine = iocp_engine_name(i)); i++)
        if (is_chosen(engine, options))
            add_brackets(subjects, engine);
    for (size_t i = 0; i < options->peer_count; i++)
        (void)subjects_add_peer(subjects, options->peers[i]);
    for (size_t i = 0; !options->peers_named && (peer = subject_peer_name(i)); i++) {
        (void)subjects_add_peer(subjects, peer);
        if (strcmp(peer, "epoll") == 0 || strcmp(peer, "io_uring") == 0)
            add_streaming_peer(subjects, peer);
    }
    if (!options->peers_named)
        (void)subjects_add_plain_queue(subjects);
    for (size_t i = 0; i < options->command_count; i++)
        (void)subjects_add_command(subjects, options->commands[i]);
}
