/* subjects.c - see subjects.h. */
/* SPDX-License-Identifier: MIT */
#include "subjects.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <iocp/port.h>

/* A thread for each of more connections is more than a machine has. */
#define THREADS_MAX ((size_t)10000)

/* A worker of the blocking engine waits for one connection after the other, 2 ms each. */
#define BLOCKING_MAX ((size_t)500)

#define NAME_LENGTH_MAX ((size_t)30) /* of a program, where a number follows */

struct peer_kind {
    const char *name;
    const char *package; /* without which it is not built */
};

static const struct peer_kind peers[] = {
    {"threads", NULL},
    {"epoll", NULL},
    {"io_uring", "liburing-dev"},
    {"libuv", "libuv1-dev"},
    {"libevent", "libevent-dev"},
    {"asio", "g++ and libboost-dev"},
};

#define PEER_COUNT (sizeof peers / sizeof *peers)

const char *subject_peer_name(size_t index)
{
    return index < PEER_COUNT ? peers[index].name : NULL;
}

/* In a folder beside that of this program. Without the link it is the plain name, not found. */
static void find_program(char program[PATH_MAX], const char *folder, const char *prefix,
                         const char *name)
{
    char self[PATH_MAX / 2];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    self[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');

        if (slash)
            *slash = '\0';
    }
    (void)snprintf(program, PATH_MAX, "%s/%s/%s%s", self, folder, prefix, name);
}

static struct subject *add(struct subjects *subjects, enum subject_kind kind)
{
    struct subject *subject = &subjects->all[subjects->count];

    if (subjects->count == SUBJECTS_MAX)
        return NULL;
    subjects->count++;
    *subject = (struct subject){.kind = kind};
    return subject;
}

static void check_engine(struct subject *subject)
{
    struct iocp_port *port;
    int error = iocp_port_create(subject->engine, 1, &port);

    if (error == 0)
        iocp_port_free(port);
    else
        (void)snprintf(subject->why, sizeof subject->why, "the engine does not work here: %s",
                       strerror(-error));
}

static bool is_there(const struct subject *subject)
{
    return access(subject->program, X_OK) == 0;
}

struct subject *subjects_add_ours(struct subjects *subjects, enum subject_kind kind,
                                  const char *engine)
{
    struct subject *subject = add(subjects, kind);

    if (!subject)
        return NULL;
    subject->engine = engine;
    if (kind == SUBJECT_SERVER)
        find_program(subject->program, "server", "", "iocp-server");
    else
        find_program(subject->program, "bench/peers", "peer-", "libiocp");
    (void)snprintf(subject->name, sizeof subject->name, "%s %s",
                   kind == SUBJECT_SERVER ? "iocp-server" : "libiocp", engine);
    check_engine(subject);
    if (!is_there(subject))
        (void)snprintf(subject->why, sizeof subject->why, "not built");
    return subject;
}

struct subject *subjects_add_peer(struct subjects *subjects, const char *name)
{
    struct subject *subject = add(subjects, SUBJECT_PEER);
    size_t which = 0;

    if (!subject)
        return NULL;
    while (which < PEER_COUNT - 1 && strcmp(peers[which].name, name) != 0)
        which++;
    (void)snprintf(subject->name, sizeof subject->name, "%s", name);
    subject->thread_each = which == 0;
    find_program(subject->program, "bench/peers", "peer-", name);
    if (!is_there(subject))
        (void)snprintf(subject->why, sizeof subject->why, "not built%s%s",
                       peers[which].package ? ": install " : "",
                       peers[which].package ? peers[which].package : "");
    return subject;
}

struct subject *subjects_add_plain_queue(struct subjects *subjects)
{
    struct subject *subject = add(subjects, SUBJECT_PLAIN_QUEUE);

    if (subject)
        (void)snprintf(subject->name, sizeof subject->name, "mutex and condition");
    return subject;
}

static bool is_taken(const struct subjects *subjects, const struct subject *by)
{
    for (size_t i = 0; i < subjects->count; i++)
        if (&subjects->all[i] != by && strcmp(subjects->all[i].name, by->name) == 0)
            return true;
    return false;
}

struct subject *subjects_add_command(struct subjects *subjects, const char *command)
{
    struct subject *subject = add(subjects, SUBJECT_COMMAND);
    const char *program = command + strspn(command, " ");
    size_t path = strcspn(program, " "), name = path;

    if (!subject)
        return NULL;
    while (name > 0 && program[name - 1] != '/')
        name--;
    subject->command = command;
    (void)snprintf(subject->name, sizeof subject->name, "%.*s", (int)(path - name), program + name);
    /* The same program with other options, say: rows and files are known by the name. */
    for (int number = 2; is_taken(subjects, subject); number++)
        (void)snprintf(subject->name, sizeof subject->name, "%.*s (%d)",
                       (int)(path - name < NAME_LENGTH_MAX ? path - name : NAME_LENGTH_MAX),
                       program + name, number);
    return subject;
}

bool subject_serves(const struct subject *subject)
{
    return subject->kind != SUBJECT_PLAIN_QUEUE && !subject->streams && !subject->only_sleeps;
}

bool subject_holds(const struct subject *subject, size_t connections)
{
    if (subject->thread_each)
        return connections <= THREADS_MAX;
    if (subject->engine && strcmp(subject->engine, "blocking") == 0)
        return connections <= BLOCKING_MAX;
    return true;
}

bool subject_is_ours(const struct subject *subject)
{
    return subject->kind == SUBJECT_SERVER || subject->kind == SUBJECT_LIBRARY;
}

__attribute__((format(printf, 3, 4))) static void say(struct arguments *arguments, size_t *count,
                                                      const char *format, ...)
{
    va_list values;

    va_start(values, format);
    (void)vsnprintf(arguments->words[*count], SUBJECT_WORD_SIZE, format, values);
    va_end(values);
    arguments->argv[*count + 1] = arguments->words[*count];
    arguments->argv[++*count + 1] = NULL;
}

static void say_server(const struct subject *subject, const struct manner *manner,
                       struct arguments *arguments)
{
    size_t count = 0;

    say(arguments, &count, "--listen=127.0.0.1:%u", manner->port);
    say(arguments, &count, "--engine=%s", subject->engine);
    say(arguments, &count, "--workers=%zu", manner->workers);
    say(arguments, &count, "--concurrency=%zu",
        manner->concurrency > 0 ? manner->concurrency : manner->workers);
    say(arguments, &count, "--handler=%s", manner->collect ? "message" : "echo");
    say(arguments, &count, "--end=eof");
    say(arguments, &count, "--quiet");
    if (manner->share_port)
        say(arguments, &count, "--reuse-port");
}

static void say_peer(const struct subject *subject, const struct manner *manner,
                     struct arguments *arguments)
{
    size_t count = 0;

    say(arguments, &count, "--port=%u", manner->port);
    say(arguments, &count, "--workers=%zu", manner->workers);
    if (manner->collect)
        say(arguments, &count, "--collect");
    if (manner->sleep_every > 0) {
        say(arguments, &count, "--sleep-every=%zu", manner->sleep_every);
        say(arguments, &count, "--sleep-ms=%zu", manner->sleep_ms);
    }
    if (subject->kind == SUBJECT_LIBRARY) {
        say(arguments, &count, "--engine=%s", subject->engine);
        say(arguments, &count, "--concurrency=%zu",
            manner->concurrency > 0 ? manner->concurrency : manner->workers);
    }
    if (subject->brackets)
        say(arguments, &count, "--brackets");
}

/* The shell becomes the command, so that what is measured is the command. */
static void say_command(const struct subject *subject, const struct manner *manner,
                        struct arguments *arguments)
{
    const char *from = subject->command;
    size_t size = sizeof arguments->line;
    size_t length = (size_t)snprintf(arguments->line, size, "exec ");

    while (*from && length + 24 < size) {
        if (strncmp(from, "{port}", 6) == 0) {
            length += (size_t)snprintf(arguments->line + length, size - length, "%u", manner->port);
            from += 6;
        } else if (strncmp(from, "{workers}", 9) == 0) {
            length +=
                (size_t)snprintf(arguments->line + length, size - length, "%zu", manner->workers);
            from += 9;
        } else {
            arguments->line[length++] = *from++;
        }
    }
    arguments->line[length] = '\0';
    (void)snprintf(arguments->program, sizeof arguments->program, "/bin/sh");
    (void)snprintf(arguments->words[0], SUBJECT_WORD_SIZE, "-c");
    arguments->argv[1] = arguments->words[0];
    arguments->argv[2] = arguments->line;
    arguments->argv[3] = NULL;
}

void subject_command_line(const struct subject *subject, const struct manner *manner,
                          struct arguments *arguments)
{
    (void)snprintf(arguments->program, sizeof arguments->program, "%s", subject->program);
    arguments->argv[0] = arguments->program;
    if (subject->kind == SUBJECT_SERVER)
        say_server(subject, manner, arguments);
    else if (subject->kind == SUBJECT_COMMAND)
        say_command(subject, manner, arguments);
    else
        say_peer(subject, manner, arguments);
}
