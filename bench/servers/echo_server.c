/* echo_server.c - see echo_server.h. */
/* SPDX-License-Identifier: MIT */
#include "echo_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "processors.h"

#define MS_NS        INT64_C(1000000)
#define LAST_WORDS   160 /* of what a server said */
#define EXIT_NOT_RUN 127

/* Bound, it keeps the port from whoever asks for any port; it does not listen, and so keeps it from
 * none of the servers. */
int echo_server_keep_port(struct sockaddr_in *address)
{
    struct sockaddr_in kept = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof kept;
    const int on = 1;
    int error, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (descriptor < 0)
        return -errno;
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        bind(descriptor, (struct sockaddr *)&kept, length) < 0 ||
        getsockname(descriptor, (struct sockaddr *)&kept, &length) < 0) {
        error = -errno;
        close(descriptor);
        return error;
    }
    *address = kept;
    return descriptor;
}

/* In the child, between fork and exec: nothing but system calls. */
static _Noreturn void become(char *const arguments[], int errors, int cpu, pid_t parent)
{
    struct rlimit limit;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || setpgid(0, 0) < 0)
        _exit(EXIT_NOT_RUN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    (void)signal(SIGPIPE, SIG_DFL);
    processors_use(cpu);
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (dup2(nowhere, STDIN_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0 ||
        dup2(errors, STDERR_FILENO) < 0)
        _exit(EXIT_NOT_RUN);
    execv(arguments[0], arguments);
    _exit(EXIT_NOT_RUN);
}

/* The last line of what it said, without anything that a terminal would obey. */
static void read_last_words(int errors, char words[LAST_WORDS])
{
    off_t end = lseek(errors, 0, SEEK_END);
    off_t from = end > LAST_WORDS - 1 ? end - (LAST_WORDS - 1) : 0;
    ssize_t count = pread(errors, words, LAST_WORDS - 1, from);
    char *line;

    words[count > 0 ? count : 0] = '\0';
    for (char *end_of_line; (end_of_line = strrchr(words, '\n')) && end_of_line[1] == '\0';)
        *end_of_line = '\0';
    line = strrchr(words, '\n');
    if (line)
        memmove(words, line + 1, strlen(line + 1) + 1);
    for (char *at = words; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

/* Of a process that has ended, and is not reaped. */
static siginfo_t how_it_ended(const struct echo_server *server)
{
    siginfo_t how = {0};

    (void)waitid(P_PID, (id_t)server->pid, &how, WEXITED | WNOWAIT | WNOHANG);
    return how;
}

static void say_how_it_ended(const struct echo_server *server, const char *when, char *trouble,
                             size_t size)
{
    siginfo_t how = how_it_ended(server);
    char words[LAST_WORDS];

    read_last_words(server->errors, words);
    (void)snprintf(trouble, size, "the server ended %s, %s %d%s%s", when,
                   how.si_code == CLD_EXITED ? "status" : "signal", how.si_status,
                   words[0] ? ": " : "", words);
}

bool echo_server_has_ended(const struct echo_server *server, int while_ms, char *trouble,
                           size_t size)
{
    struct pollfd ended = {.fd = server->ended, .events = POLLIN};

    if (poll(&ended, 1, while_ms) != 1)
        return false;
    say_how_it_ended(server, "by itself", trouble, size);
    return true;
}

/* Returns 1: it does; 0: nobody does; or a negative errno. */
static int listens(const struct sockaddr_in *address)
{
    static const struct linger by_reset = {.l_onoff = 1};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = 1;

    if (descriptor < 0)
        return -errno;
    if (connect(descriptor, (const struct sockaddr *)address, sizeof *address) < 0)
        result = errno == ECONNREFUSED ? 0 : -errno;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &by_reset, sizeof by_reset);
    close(descriptor);
    return result;
}

size_t echo_server_count_listeners(const struct sockaddr_in *address)
{
    char line[256], wanted[64];
    size_t count = 0;
    FILE *sockets = fopen("/proc/net/tcp", "re");

    if (!sockets)
        return 0;
    /* Its own address, any other one, the state of a listener. */
    (void)snprintf(wanted, sizeof wanted, " %08X:%04X 00000000:0000 0A ",
                   (unsigned)address->sin_addr.s_addr, (unsigned)ntohs(address->sin_port));
    while (fgets(line, sizeof line, sockets))
        count += strstr(line, wanted) != NULL;
    (void)fclose(sockets);
    return count;
}

/* Nothing tells that a stranger listens: it is asked again each millisecond, or when it ends. */
static int wait_until_it_listens(const struct echo_server *server, const atomic_bool *stop,
                                 char *trouble, size_t size)
{
    struct pollfd ended = {.fd = server->ended, .events = POLLIN};
    int64_t patience_ns = measure_now_ns() + ECHO_SERVER_PATIENCE_MS * MS_NS;
    int there;

    while ((there = listens(&server->address)) == 0) {
        if (poll(&ended, 1, 1) == 1) {
            say_how_it_ended(server, "by itself", trouble, size);
            return -ECHILD;
        }
        if (stop && atomic_load(stop)) {
            (void)snprintf(trouble, size, "interrupted");
            return -EINTR;
        }
        if (measure_now_ns() > patience_ns) {
            (void)snprintf(trouble, size, "the server did not listen on port %d within %d s",
                           ntohs(server->address.sin_port), ECHO_SERVER_PATIENCE_MS / 1000);
            return -ETIMEDOUT;
        }
    }
    if (there < 0)
        (void)snprintf(trouble, size, "no connection to the server: %s", strerror(-there));
    return there < 0 ? there : 0;
}

/* For what a server says. Lines are appended: of two threads that write to a file in memory at
 * once, each would else write where the other does. Returns a descriptor or a negative errno. */
static int new_errors(void)
{
    int error, errors = memfd_create("stderr", MFD_CLOEXEC);

    if (errors < 0 || fcntl(errors, F_SETFL, O_APPEND) == 0)
        return errors < 0 ? -errno : errors;
    error = -errno;
    close(errors);
    return error;
}

/* Returns 0 or a negative errno. */
static int start_process(struct echo_server *server, char *const arguments[], int cpu)
{
    pid_t parent = getpid();
    int error;

    server->errors = new_errors();
    if (server->errors < 0)
        return server->errors;
    server->pid = fork();
    if (server->pid == 0)
        become(arguments, server->errors, cpu, parent);
    error = -errno;
    if (server->pid < 0)
        goto close_errors;
    (void)setpgid(server->pid, server->pid); /* both do: whoever comes first */
    server->ended = (int)syscall(SYS_pidfd_open, server->pid, 0);
    error = server->ended < 0 ? -errno : -clock_getcpuclockid(server->pid, &server->clock);
    if (error == 0)
        return 0;
    if (server->ended >= 0)
        close(server->ended);
    kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
close_errors:
    close(server->errors);
    return error;
}

int echo_server_start(struct echo_server *server, const struct echo_server_options *options,
                      char *trouble, size_t size)
{
    struct echo_server started = {.address = options->address};
    int error = start_process(&started, options->arguments, options->cpu);

    if (error < 0) {
        (void)snprintf(trouble, size, "%s: %s", options->arguments[0], strerror(-error));
        return error;
    }
    error = wait_until_it_listens(&started, options->stop, trouble, size);
    if (error < 0) {
        echo_server_stop(&started);
        return error;
    }
    *server = started;
    return 0;
}

/* Returns whether it does as it is asked to. */
static bool ask_to_end(const struct echo_server *server)
{
    struct pollfd ended = {.fd = server->ended, .events = POLLIN};

    kill(server->pid, SIGTERM);
    return poll(&ended, 1, ECHO_SERVER_PATIENCE_MS) == 1;
}

static void clear_away(struct echo_server *server)
{
    kill(-server->pid, SIGKILL); /* before it is reaped: until then the number is its own */
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(server->ended);
    close(server->errors);
}

void echo_server_stop(struct echo_server *server)
{
    (void)ask_to_end(server);
    clear_away(server);
}

int echo_server_end(struct echo_server *server, char *trouble, size_t size)
{
    bool clean = false;

    if (!ask_to_end(server)) {
        (void)snprintf(trouble, size, "the server did not end within %d s of SIGTERM",
                       ECHO_SERVER_PATIENCE_MS / 1000);
    } else {
        siginfo_t how = how_it_ended(server);

        clean = how.si_code == CLD_EXITED && how.si_status == 0;
        if (!clean)
            say_how_it_ended(server, "not as it should by SIGTERM", trouble, size);
    }
    clear_away(server);
    return clean ? 0 : -ECHILD;
}
