/* subjects.h - who can be measured: iocp-server, libiocp, the peers, any other echo server. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SERVERS_SUBJECTS_H
#define BENCH_SERVERS_SUBJECTS_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>

#define SUBJECTS_MAX      64 /* more than a command line can ask for */
#define SUBJECT_NAME_SIZE 40
#define SUBJECT_WORD_SIZE 64
#define SUBJECT_WORDS_MAX 24
#define SUBJECT_WHY_SIZE  128

enum subject_kind {
    SUBJECT_SERVER,  /* iocp-server, with one engine */
    SUBJECT_LIBRARY, /* the least program on libiocp that echoes, with one engine */
    SUBJECT_PEER,
    SUBJECT_COMMAND,     /* of --server */
    SUBJECT_PLAIN_QUEUE, /* in this process: a list with a mutex and a condition variable */
};

struct subject {
    char name[SUBJECT_NAME_SIZE];
    enum subject_kind kind;
    const char *engine; /* the first two kinds */
    bool brackets;      /* SUBJECT_LIBRARY: tells the library of each sleep */
    bool only_sleeps;   /* measured only where servers sleep */
    bool thread_each;   /* a thread for each connection */
    bool streams;       /* message: sends back at once what it has received */
    char program[PATH_MAX];
    const char *command;        /* SUBJECT_COMMAND: with {port} and {workers} */
    char why[SUBJECT_WHY_SIZE]; /* why it cannot be measured; empty: it can */
};

struct subjects {
    struct subject all[SUBJECTS_MAX];
    size_t count;
};

/* What a server is to do in a case. */
struct manner {
    unsigned port;
    size_t workers;
    size_t concurrency; /* of libiocp; 0: as many as workers */
    bool collect;       /* the whole message before it is sent back */
    size_t sleep_every; /* one message in so many; 0: none */
    size_t sleep_ms;
    bool share_port; /* with other processes of it */
};

/* The words of its command line, in storage of their own. */
struct arguments {
    char program[PATH_MAX];
    char words[SUBJECT_WORDS_MAX][SUBJECT_WORD_SIZE];
    char line[2 * PATH_MAX]; /* SUBJECT_COMMAND: for the shell */
    char *argv[SUBJECT_WORDS_MAX + 2];
};

/* The name of a peer; NULL past the last one. */
const char *subject_peer_name(size_t index);

/* Each returns the new one; NULL: there are SUBJECTS_MAX. Programs are looked for beside this
 * one, where they were built. A command gets its program's name, and a number if that is taken. */
struct subject *subjects_add_ours(struct subjects *subjects, enum subject_kind kind,
                                  const char *engine);
struct subject *subjects_add_peer(struct subjects *subjects, const char *name);
struct subject *subjects_add_plain_queue(struct subjects *subjects);
struct subject *subjects_add_command(struct subjects *subjects, const char *command);

/* Is it a server that echoes, to be measured in every scenario? */
bool subject_serves(const struct subject *subject);

/* Is it made for so many connections at once? */
bool subject_holds(const struct subject *subject, size_t connections);

bool subject_is_ours(const struct subject *subject);

/* Fill in the command line by which it does that. */
void subject_command_line(const struct subject *subject, const struct manner *manner,
                          struct arguments *arguments);

#endif
