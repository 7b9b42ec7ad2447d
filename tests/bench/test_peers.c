/* test_peers.c - the peer programs: each echoes, collects, marks the sleepers, and ends alike. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sockios.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include "deadline.h"
#include "echo_server.h"
#include "load.h"
#include "loopback.h"
#include "server_process.h"

#define ARGUMENTS_MAX 16
#define MIB           ((size_t)1024 * 1024)

static const char *const peers[] = {IOCP_PEERS};

enum { PEERS = sizeof peers / sizeof *peers };

struct peer_process {
    struct server_process process;
    int kept_port;
    uint16_t port;
};

TestSuite(peers, .timeout = 120);

static void start(struct server_process *process, const char *peer, const char *const arguments[])
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/peer-%s", IOCP_PEERS_DIRECTORY, peer);
    process_start(process, path, 0, arguments);
}

static bool accepts(void *peer)
{
    int fd = loopback_try_connect(((struct peer_process *)peer)->port);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void start_peer(struct peer_process *peer, const char *name, const char *const arguments[])
{
    char port[8];
    const char *all[ARGUMENTS_MAX] = {"--port", port};
    struct sockaddr_in address;
    size_t count = 2;

    peer->kept_port = echo_server_keep_port(&address);
    cr_assert(ge(int, peer->kept_port, 0));
    peer->port = ntohs(address.sin_port);
    (void)snprintf(port, sizeof port, "%u", peer->port);
    for (; *arguments; arguments++) {
        cr_assert(count + 1 < ARGUMENTS_MAX, "too many arguments");
        all[count++] = *arguments;
    }
    start(&peer->process, name, all);
    cr_assert(wait_until(accepts, peer), "peer-%s accepts nobody", name);
}

/* It has had nothing to complain of, and the signal has ended it. */
static void stop_peer(struct peer_process *peer)
{
    char *errors;

    cr_assert(zero(int, kill(peer->process.pid, SIGTERM)));
    cr_expect(eq(int, process_wait(&peer->process), -SIGTERM));
    errors = read_output(peer->process.err);
    cr_expect(errors[0] == 0, "it wrote: %s", errors);
    free(errors);
    close(peer->kept_port);
}

/* No two places of it are alike for long; the first byte is 0, as in the load. */
static unsigned char *make_message(size_t size, unsigned seed)
{
    unsigned char *message = malloc(size);
    uint32_t state = seed + 1;

    cr_assert(message != NULL, "no memory");
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        message[i] = (unsigned char)(state >> 24);
    }
    message[0] = 0;
    return message;
}

/* Send and receive at once: no more fits into the kernel. Returns whether it is the same. */
static bool is_echoed(int fd, const unsigned char *message, size_t size)
{
    unsigned char *echo = malloc(size);
    size_t sent = 0, received = 0;
    struct pollfd ready = {.fd = fd};
    bool same;

    cr_assert(echo != NULL, "no memory");
    while (received < size) {
        ssize_t count;

        ready.events = sent < size ? POLLIN | POLLOUT : POLLIN;
        cr_assert(eq(int, poll(&ready, 1, PATIENCE_MS), 1));
        count = send(fd, message + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += count > 0 ? (size_t)count : 0;
        count = recv(fd, echo + received, size - received, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN))
            break;
        received += count > 0 ? (size_t)count : 0;
    }
    same = received == size && memcmp(echo, message, size) == 0;
    free(echo);
    return same;
}

static bool message_is_echoed(int fd, size_t size, unsigned seed)
{
    unsigned char *message = make_message(size, seed);
    bool echoed = is_echoed(fd, message, size);

    free(message);
    return echoed;
}

/* Everything to the end of the connection is this message. */
static void expect_rest(const char *peer, int fd, const unsigned char *message, size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    ssize_t count;

    cr_assert(bytes != NULL, "no memory");
    count = loopback_read_all(fd, bytes, size + 1);
    cr_expect(count == (ssize_t)size && memcmp(bytes, message, size) == 0,
              "peer-%s: %zd bytes instead of %zu, or others", peer, count, size);
    free(bytes);
}

/* A test that is run with each peer, by its index. */
#define PeerTest(name)                                   \
    ParameterizedTestParameters(peers, name)             \
    {                                                    \
        static int indexes[PEERS];                       \
        for (int i = 0; i < PEERS; i++)                  \
            indexes[i] = i;                              \
        return cr_make_param_array(int, indexes, PEERS); \
    }                                                    \
    ParameterizedTest(int *index, peers, name)

PeerTest(echo_messages_of_any_size)
{
    struct peer_process peer;
    int fd;

    start_peer(&peer, peers[*index], NO_ARGUMENTS);
    fd = loopback_connect(peer.port);

    cr_expect(message_is_echoed(fd, 1, 1));
    cr_expect(message_is_echoed(fd, 64, 2));
    cr_expect(message_is_echoed(fd, (size_t)16 * 1024, 3));
    cr_expect(message_is_echoed(fd, MIB, 4));
    cr_expect(message_is_echoed(fd, 64, 5));

    close(fd);
    stop_peer(&peer);
}

static void expect_all_served(const char *name, const char *workers)
{
    enum { CLIENTS = 32 };
    struct peer_process peer;
    int fds[CLIENTS];

    start_peer(&peer, name, ARGUMENTS("--workers", workers));
    for (unsigned i = 0; i < CLIENTS; i++)
        fds[i] = loopback_connect(peer.port);

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            cr_expect(message_is_echoed(fds[i], (size_t)64 << (4 * round), i));
    }

    for (unsigned i = 0; i < CLIENTS; i++)
        close(fds[i]);
    stop_peer(&peer);
}

PeerTest(serve_many_connections_with_one_worker_and_with_two)
{
    expect_all_served(peers[*index], "1");
    expect_all_served(peers[*index], "2");
}

PeerTest(run_the_usual_load_without_errors)
{
    struct load_options load = {.server = {.sin_family = AF_INET},
                                .connections = 50,
                                .message_size = 64,
                                .depth = 1,
                                .measured_ns = 100000000,
                                .patience_ns = PATIENCE_MS * INT64_C(1000000)};
    static struct load_result result;
    struct peer_process peer;

    start_peer(&peer, peers[*index], ARGUMENTS("--workers", "2"));
    load.server.sin_port = htons(peer.port);
    load.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    cr_expect(zero(int, load_run(&load, &result)));
    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(lt(u64, 0, result.completed));

    stop_peer(&peer);
}

PeerTest(send_the_rest_and_close_when_the_client_has_ended)
{
    unsigned char *message = make_message(4 * MIB, 7);
    struct peer_process peer;
    int fd, small = 16 * 1024;

    start_peer(&peer, peers[*index], NO_ARGUMENTS);
    fd = loopback_connect(peer.port);
    cr_assert(zero(int, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small)));

    cr_expect(zero(int, loopback_write_all(fd, message, (size_t)128 * 1024)));
    cr_expect(zero(int, shutdown(fd, SHUT_WR)));
    expect_rest(peers[*index], fd, message, (size_t)128 * 1024);

    close(fd);
    free(message);
    stop_peer(&peer);
}

/* Bytes that are in this socket, to be sent. */
static int unsent(int fd)
{
    int size = 0;

    cr_assert(zero(int, ioctl(fd, SIOCOUTQ, &size)));
    return size;
}

/* Send until nothing more is taken for a while. Returns how much was. */
static size_t stuff(int fd, const unsigned char *message, size_t size)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    size_t sent = 0;

    while (sent < size && poll(&room, 1, 200) == 1) {
        ssize_t count = send(fd, message + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        cr_assert(count > 0 || errno == EAGAIN, "send: %s", strerror(errno));
        sent += count > 0 ? (size_t)count : 0;
    }
    return sent;
}

PeerTest(take_no_more_from_a_client_that_does_not_read)
{
    const size_t size = 64 * MIB;
    unsigned char *message = make_message(size, 9);
    struct peer_process peer;
    size_t sent;
    int fd, other;

    start_peer(&peer, peers[*index], NO_ARGUMENTS);
    fd = loopback_connect(peer.port);
    sent = stuff(fd, message, size);
    cr_expect(lt(sz, sent, size));
    cr_expect(lt(int, 0, unsent(fd)));

    other = loopback_connect(peer.port);
    cr_expect(message_is_echoed(other, 64, 1));
    cr_expect(zero(int, shutdown(fd, SHUT_WR)));
    expect_rest(peers[*index], fd, message, sent);

    close(other);
    close(fd);
    free(message);
    stop_peer(&peer);
}

PeerTest(survive_clients_that_reset)
{
    unsigned char *message = make_message(4 * MIB, 9);
    struct peer_process peer;
    int fd;

    start_peer(&peer, peers[*index], NO_ARGUMENTS);
    fd = loopback_connect(peer.port);
    loopback_reset(fd);
    fd = loopback_connect(peer.port);
    (void)stuff(fd, message, 4 * MIB);
    loopback_reset(fd);
    fd = loopback_connect(peer.port);
    cr_expect(message_is_echoed(fd, 64, 1));

    close(fd);
    free(message);
    stop_peer(&peer);
}

static bool all_is_taken(void *fd)
{
    return unsent(*(int *)fd) == 0;
}

static void expect_collected(const char *name, const struct peer_process *peer, size_t size)
{
    unsigned char *message = make_message(size, (unsigned)size);
    struct pollfd reply = {.events = POLLIN};
    int fd = loopback_connect(peer->port);

    reply.fd = fd;
    cr_expect(zero(int, loopback_write_all(fd, message, size)));
    cr_expect(wait_until(all_is_taken, &fd));
    cr_expect(zero(int, poll(&reply, 1, 20)), "it replies before the end");
    cr_expect(zero(int, shutdown(fd, SHUT_WR)));
    expect_rest(name, fd, message, size);
    close(fd);
    free(message);
}

PeerTest(told_to_collect_reply_at_the_end_and_close)
{
    struct peer_process peer;

    start_peer(&peer, peers[*index], ARGUMENTS("--collect"));

    expect_collected(peers[*index], &peer, 1);
    expect_collected(peers[*index], &peer, 64);
    expect_collected(peers[*index], &peer, 5000);
    expect_collected(peers[*index], &peer, MIB);

    stop_peer(&peer);
}

PeerTest(told_to_collect_close_a_client_that_said_nothing)
{
    struct peer_process peer;
    unsigned char byte;
    int fd;

    start_peer(&peer, peers[*index], ARGUMENTS("--collect"));
    fd = loopback_connect(peer.port);
    cr_expect(zero(int, shutdown(fd, SHUT_WR)));
    cr_expect(zero(long, loopback_read_all(fd, &byte, 1)));

    close(fd);
    stop_peer(&peer);
}

/* One message and its echo; returns the mark. */
static unsigned char exchange(int fd)
{
    unsigned char message[64] = {0}, echo[64];

    cr_assert(zero(int, loopback_write_all(fd, message, sizeof message)));
    cr_assert(eq(long, loopback_read_all(fd, echo, sizeof echo), sizeof echo));
    cr_expect(zero(int, memcmp(message + 1, echo + 1, sizeof message - 1)));
    return echo[0];
}

/* Of each five messages one, not always the same. */
static void expect_sleepers(const char *name, const char *const arguments[])
{
    struct peer_process peer;
    unsigned slept = 0, places = 0;
    int fds[4];

    start_peer(&peer, name, arguments);
    for (size_t i = 0; i < 4; i++)
        fds[i] = loopback_connect(peer.port);
    for (unsigned i = 0; i < 30; i++) {
        if (exchange(fds[i % 4]) == LOAD_SLEPT) {
            slept++;
            places |= 1U << i % 5;
        }
        if (i % 5 == 4)
            cr_expect(eq(uint, slept, (i + 1) / 5));
    }
    cr_expect(ne(uint, places & (places - 1), 0));
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    stop_peer(&peer);
}

PeerTest(sleep_over_one_message_in_so_many_and_mark_it)
{
    expect_sleepers(peers[*index],
                    ARGUMENTS("--workers", "2", "--sleep-every", "5", "--sleep-ms", "1"));
}

Test(peers, on_libiocp_sleep_with_every_engine_and_in_brackets)
{
    static const char *const engines[] = {"epoll", "blocking"};

    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        expect_sleepers("libiocp",
                        ARGUMENTS("--engine", engines[i], "--workers", "4", "--concurrency", "1",
                                  "--sleep-every", "5", "--sleep-ms", "1", "--brackets"));
}

/* Its status, and what it says: one line. */
static void expect_refusal(struct server_process *process, int status)
{
    char *errors;

    cr_expect(eq(int, process_wait(process), status));
    errors = read_output(process->err);
    cr_expect(strchr(errors, '\n') && strchr(errors, '\n')[1] == '\0', "not one line: %s", errors);
    free(errors);
}

PeerTest(say_in_one_line_that_the_port_is_in_use)
{
    struct server_process process;
    int listener = loopback_listen();
    char port[8];

    (void)snprintf(port, sizeof port, "%u", loopback_port(listener));
    start(&process, peers[*index], ARGUMENTS("--port", port, "--workers", "2"));
    expect_refusal(&process, 1);
    close(listener);
}

/* Whether a new client is served soon: by whoever is not stopped. */
static bool answers(void *peer)
{
    struct pollfd reply = {.events = POLLIN};
    int fd = loopback_connect(((struct peer_process *)peer)->port);
    bool answered;

    reply.fd = fd;
    answered = loopback_write_all(fd, "x", 1) == 0 && poll(&reply, 1, 20) == 1;
    close(fd);
    return answered;
}

static void hold(const struct server_process *process)
{
    bool stopped;
    int status;

    cr_assert(zero(int, kill(process->pid, SIGSTOP)));
    cr_assert(eq(int, waitpid(process->pid, &status, WUNTRACED), process->pid));
    stopped = WIFSTOPPED(status);
    cr_assert(stopped, "it has ended");
}

PeerTest(share_a_port_with_other_processes)
{
    struct server_process second;
    struct peer_process first;
    char port[8];

    start_peer(&first, peers[*index], NO_ARGUMENTS);
    (void)snprintf(port, sizeof port, "%u", first.port);
    start(&second, peers[*index], ARGUMENTS("--port", port));

    hold(&first.process);
    cr_expect(wait_until(answers, &first), "peer-%s: the second does not serve", peers[*index]);
    hold(&second);
    cr_expect(zero(int, kill(first.process.pid, SIGCONT)));
    cr_expect(wait_until(answers, &first), "peer-%s: the first does not serve", peers[*index]);

    cr_expect(zero(int, kill(second.pid, SIGKILL)));
    cr_expect(eq(int, process_wait(&second), -SIGKILL));
    stop_peer(&first);
}

PeerTest(say_in_one_line_which_option_is_wrong)
{
    const char *const *const wrong[] = {
        ARGUMENTS("--port", "0"),
        ARGUMENTS("--port", "65536"),
        ARGUMENTS("--port", "1x"),
        ARGUMENTS("--port"),
        ARGUMENTS("--workers", "1"),
        ARGUMENTS("--port", "9", "--workers", "0"),
        ARGUMENTS("--port", "9", "--sleep-every", "0"),
        ARGUMENTS("--port", "9", "--sleep-ms", "-1"),
        ARGUMENTS("--port", "9", "--nonsense"),
        ARGUMENTS("--port", "9", "more"),
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct server_process process;

        start(&process, peers[*index], wrong[i]);
        expect_refusal(&process, 2);
    }
}

Test(peers, on_other_libraries_have_no_engines)
{
    struct server_process process;

    start(&process, "epoll", ARGUMENTS("--port", "9", "--engine", "epoll"));
    expect_refusal(&process, 2);
}
