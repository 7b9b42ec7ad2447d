/* net.h - a simulated network: streams with scripted peers, and the descriptors that name them. */
/* SPDX-License-Identifier: MIT */
/*
 * One end of every stream is the library's, behind a descriptor; the other is a peer that keeps
 * to its script: it sends in pieces, reads as slowly as it likes, and ends in its own way. The
 * rules are those of TCP on Linux: a receive takes all there is up to its size; what arrived
 * before a reset can still be received; the error of a broken stream is told once, afterwards a
 * receive finds the end and a send EPIPE; a reply to a peer that is gone is answered by a reset.
 *
 * The bytes that come in are a function of the stream and of their place in it, see
 * net_byte_at. Those that go out are kept.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_DESCRIPTOR_FIRST (1 << 20)
#define NET_FILES_MAX        96
#define NET_STREAMS_MAX      48
#define NET_SENT_MAX         16384
#define NET_BACKLOG_MAX      16

enum net_phase {
    NET_FRESH,
    NET_LISTENING,
    NET_CONNECTING,
    NET_CONNECTED,
    NET_REFUSED,
};

enum net_ending {
    NET_FIN,     /* it ends its sending, and goes on reading */
    NET_GONE,    /* it closes: what is sent to it is answered by a reset */
    NET_RESET,   /* it resets the stream */
    NET_SILENCE, /* nothing more comes */
    NET_ENDINGS,
};

/* How a peer behaves. */
struct net_script {
    unsigned to_send;      /* bytes */
    unsigned piece_max;    /* of one arrival */
    unsigned pause_us_max; /* between two arrivals, and between two of its reads */
    unsigned read_max;     /* by one of its reads; 0: it never reads */
    enum net_ending ending;
};

enum net_farewell {
    NET_STAYS,
    NET_SAW_FIN,
    NET_SAW_RESET,
};

struct net_stream {
    unsigned number;
    enum net_phase phase;
    struct net_script script;
    struct file *file;   /* NULL: not accepted yet, or closed */
    uint64_t arrived;    /* bytes that came in */
    uint64_t taken;      /* of these, received */
    uint64_t sent;       /* bytes that went out */
    uint64_t peer_read;  /* of these, read by the peer */
    unsigned room;       /* for bytes that the peer has not read */
    int pending_error;   /* told once */
    bool ended;          /* the peer has ended its sending */
    bool broken;         /* reset */
    bool sends_shut;     /* by the library */
    bool room_wanted;    /* a send had to wait */
    bool reading;        /* a read of the peer is planned */
    bool reset_at_close; /* SO_LINGER with no time */
    enum net_farewell farewell;
    struct net_stream *backlog[NET_BACKLOG_MAX];
    unsigned backlog_count;
    const struct net_stream *listener; /* that accepted it */
    bool handed_over;                  /* by the library, to who asked for the accept */
    uint8_t bytes_sent[NET_SENT_MAX];
};

enum file_kind {
    FILE_NONE,
    FILE_STREAM,
    FILE_COUNTER, /* eventfd */
    FILE_SET,     /* epoll */
    FILE_VIEW,    /* readable when somebody says so */
    FILE_STATUS,  /* /proc/self/task/N/stat */
};

typedef bool net_readable(const void *subject);

/* What a descriptor names. */
struct file {
    enum file_kind kind;
    unsigned opened;  /* tells it from the one that had its descriptor before */
    unsigned changes; /* of its readiness, so far */
    union {
        struct net_stream *stream;
        struct epoll_set *set;
        uint64_t counter;
        struct {
            net_readable *readable;
            const void *subject;
        } view;
        unsigned thread;
    };
};

/* A new network without anything. */
void net_reset(void);

/* The byte at that place of what comes in. */
uint8_t net_byte_at(const struct net_stream *stream, uint64_t place);

/* A stream that is connected to a peer, behind a descriptor; a script makes the peer begin. */
int net_open_connected(const struct net_script *script);

/* Let a peer with that script come to the listening stream in a while. */
void net_call_at(const struct net_stream *listener, int64_t delay_ns,
                 const struct net_script *script);

/* What becomes of later connects: the delay, and whether they are refused or never answered. */
struct net_welcome {
    struct net_script script;
    unsigned delay_us_max;
    unsigned at_once_odds;
    unsigned refused_odds;
    unsigned unanswered_odds;
};
void net_set_welcome(const struct net_welcome *welcome);

struct net_stream *net_stream_by_number(unsigned number);

/* Descriptors in use. */
unsigned net_open_files(void);

/* NULL: it names nothing simulated. A closed one of ours is NULL too. */
struct file *net_file(int descriptor);
bool net_is_ours(int descriptor);

/* The lowest free descriptor; -EMFILE. */
int net_open_file(enum file_kind kind, struct file **file);
int net_open_view(net_readable *readable, const void *subject);
int net_open_status(unsigned thread);
void net_close_file(struct file *file);
void net_clear_files(void);

/* As poll tells it, with POLLRDHUP. */
unsigned net_readiness(const struct file *file);

/* The same, asked by poll: a stream that has no room for sends now tells when it has. */
unsigned net_poll(const struct file *file);

/* The library's side of a stream. */
struct net_stream *net_new_stream(enum net_phase phase, const struct net_script *script);
void net_file_changed(struct file *file);
void net_plan_read(struct net_stream *stream);
void net_plan_reset(struct net_stream *stream);
void net_begin_connect(struct net_stream *stream);
void net_say_farewell(struct net_stream *stream);

/* epoll.c */
unsigned epoll_set_readiness(const struct epoll_set *set);
void epoll_set_close(struct epoll_set *set);
void epoll_forget_file(const struct file *file);
void epoll_reset(void);

#endif
