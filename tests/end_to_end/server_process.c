/* server_process.c - a program in a process of its own, its output in memory files. */
/* SPDX-License-Identifier: MIT */
#include "server_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <iocp/address.h>

#include "contract.h"
#include "deadline.h"

#define ARGUMENTS_MAX 32

/* In the child, between fork and exec: nothing but system calls. */
static _Noreturn void become(const char *path, char *const argv[], rlim_t descriptors, int out,
                             int err, pid_t parent)
{
    const struct rlimit limit = {.rlim_cur = descriptors, .rlim_max = descriptors};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(126);
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(126);
    if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
        _exit(126);
    if (descriptors > 0 && setrlimit(RLIMIT_NOFILE, &limit) < 0)
        _exit(126);
    execv(path, argv);
    _exit(127);
}

/* execv takes pointers to what it does not change. */
static void copy_arguments(char *argv[], const char *path, const char *const arguments[])
{
    size_t count = 0;

    argv[count++] = strdup(path);
    for (; *arguments; arguments++) {
        cr_assert(count < ARGUMENTS_MAX, "too many arguments");
        argv[count++] = strdup(*arguments);
    }
    argv[count] = NULL;
}

/* Lines are appended: of two threads that write to a file in memory at once, each would else write
 * where the other does. */
static int new_output(const char *name)
{
    int output = memfd_create(name, MFD_CLOEXEC);

    cr_assert(output >= 0, "memfd_create: %s", strerror(errno));
    cr_assert(fcntl(output, F_SETFL, O_APPEND) == 0, "fcntl: %s", strerror(errno));
    return output;
}

void process_start(struct server_process *process, const char *path, rlim_t descriptors,
                   const char *const arguments[])
{
    char *argv[ARGUMENTS_MAX + 1];
    const pid_t self = getpid();

    *process = (struct server_process){
        .out = new_output("stdout"),
        .err = new_output("stderr"),
    };
    copy_arguments(argv, path, arguments);
    process->pid = fork();
    if (process->pid == 0)
        become(path, argv, descriptors, process->out, process->err, self);
    cr_assert(process->pid > 0, "fork: %s", strerror(errno));
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
}

int process_wait(struct server_process *process)
{
    int status;
    struct pollfd end = {.events = POLLIN};

    end.fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    cr_assert(end.fd >= 0, "pidfd_open: %s", strerror(errno));
    if (poll(&end, 1, 3 * PATIENCE_MS) != 1) {
        show_errors(process);
        cr_assert(false, "the program does not end");
    }
    close(end.fd);
    cr_assert(waitpid(process->pid, &status, 0) == process->pid, "waitpid: %s", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

char *read_output(int output)
{
    struct stat file;
    cr_assert(fstat(output, &file) == 0, "fstat: %s", strerror(errno));

    char *text = calloc(1, (size_t)file.st_size + 1);
    cr_assert(text != NULL, "no memory");
    ssize_t count = pread(output, text, (size_t)file.st_size, 0);
    cr_assert(count == file.st_size, "pread: %s", strerror(errno));
    return text;
}

size_t count_in_output(int output, const char *text)
{
    char *all = read_output(output);
    size_t count = 0;

    for (const char *at = strstr(all, text); at; at = strstr(at + strlen(text), text))
        count++;
    free(all);
    return count;
}

void remove_lines(char *text, const char *line)
{
    const size_t size = strlen(line);

    for (char *at = strstr(text, line); at; at = strstr(at, line))
        memmove(at, at + size, strlen(at + size) + 1);
}

struct wanted_output {
    int output;
    const char *text;
    size_t count;
};

static bool is_written(void *argument)
{
    const struct wanted_output *wanted = argument;

    return count_in_output(wanted->output, wanted->text) >= wanted->count;
}

void wait_for_output(const struct server_process *process, int output, const char *text,
                     size_t count)
{
    if (wait_until(is_written, &(struct wanted_output){output, text, count}))
        return;
    show_errors(process);
    cr_assert(false, "it never wrote this %zu times: %s", count, text);
}

void show_errors(const struct server_process *process)
{
    char *text = read_output(process->err);

    (void)fputs(text, stderr);
    free(text);
}

/* Take "127.0.0.1:40123" from the front of `text`; false: there is none. */
static bool take_address(struct server_process *server, const char *text, size_t size)
{
    char address[IOCP_ADDRESS_TEXT_SIZE];

    if (size >= sizeof address || server->address_count == SERVER_ADDRESSES_MAX)
        return false;
    memcpy(address, text, size);
    address[size] = '\0';
    if (iocp_address_parse(address, &server->addresses[server->address_count]) < 0)
        return false;
    server->address_count++;
    return true;
}

/* "listening on ADDRESS, ADDRESS, engine NAME, …": all words between "on" and "engine" which
 * are addresses. */
static void read_banner(struct server_process *server)
{
    static const char opening[] = "listening on ";
    char *errors = read_output(server->err);
    const char *word = strstr(errors, opening) + strlen(opening);

    while (strncmp(word, "engine ", strlen("engine ")) != 0 && *word != '\n') {
        size_t size = strcspn(word, ", \n");
        (void)take_address(server, word, size);
        word += size;
        word += strspn(word, ", ");
    }
    free(errors);
    cr_assert(server->address_count > 0, "the banner names no address");
}

/* Its first line is the banner, or that the engine is not supported. */
static void skip_if_refused(struct server_process *server, const char *engine)
{
    wait_for_output(server, server->err, "\n", 1);
    if (count_in_output(server->err, strerror(ENOTSUP)) == 0)
        return;
    (void)process_wait(server);
    cr_skip_test("the kernel refuses the engine %s", engine);
}

void server_await_banner(struct server_process *server, const char *engine)
{
    skip_if_refused(server, engine);
    wait_for_output(server, server->err, ", concurrency ", 1); /* its last word */
    read_banner(server);
}

static void start_with(struct server_process *server, const char *engine, rlim_t descriptors,
                       const char *const arguments[])
{
    const char *all[ARGUMENTS_MAX] = {"--listen", "127.0.0.1:0", "--engine", engine};
    size_t count = 4;

    for (size_t i = 0; arguments[i]; i++) {
        cr_assert(count + 1 < ARGUMENTS_MAX, "too many arguments");
        all[count++] = arguments[i];
    }
    process_start(server, IOCP_SERVER_PATH, descriptors, all);
    server_await_banner(server, engine);
}

void server_start_limited(struct server_process *server, rlim_t descriptors,
                          const char *const arguments[])
{
    const char *only = contract_only_engine();

    start_with(server, only ? only : "auto", descriptors, arguments);
}

void server_start(struct server_process *server, const char *const arguments[])
{
    server_start_limited(server, 0, arguments);
}

void server_start_engine(struct server_process *server, size_t engine,
                         const char *const arguments[])
{
    start_with(server, iocp_engine_name(engine), 0, arguments);
}

uint16_t server_port(const struct server_process *server)
{
    struct sockaddr_in address;

    memcpy(&address, &server->addresses[0], sizeof address);
    return ntohs(address.sin_port);
}

int server_stop(struct server_process *server)
{
    cr_assert(kill(server->pid, SIGTERM) == 0, "kill: %s", strerror(errno));
    int status = process_wait(server);

    if (status != 0)
        show_errors(server);
    return status;
}

size_t process_descriptor_count(const struct server_process *process)
{
    char path[64];
    size_t count = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)process->pid);
    DIR *directory = opendir(path);
    cr_assert(directory != NULL, "%s: %s", path, strerror(errno));
    while (readdir(directory))
        count++;
    closedir(directory);
    return count - 2; /* . and .. */
}

struct wanted_descriptors {
    const struct server_process *process;
    size_t count;
};

static bool are_closed(void *argument)
{
    const struct wanted_descriptors *wanted = argument;

    return process_descriptor_count(wanted->process) <= wanted->count;
}

void wait_for_descriptors(const struct server_process *process, size_t count)
{
    cr_assert(wait_until(are_closed, &(struct wanted_descriptors){process, count}),
              "it has %zu descriptors open, more than %zu", process_descriptor_count(process),
              count);
}

int64_t process_cpu_ms(const struct server_process *process)
{
    char path[64];
    char text[1024];
    unsigned long user;
    unsigned long kernel;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(file, text, sizeof text - 1);
    cr_assert(size > 0, "%s: %s", path, strerror(errno));
    close(file);
    text[size] = '\0';
    /* The second field is a name in parentheses; fields 14 and 15 are the times. */
    int found = sscanf(strrchr(text, ')') + 1,
                       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    cr_assert(found == 2, "%s holds no times", path);
    return (int64_t)(user + kernel) * 1000 / sysconf(_SC_CLK_TCK);
}
