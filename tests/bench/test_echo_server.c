/* test_echo_server.c - servers as processes: how they start, end, and what is read of them. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "deadline.h"
#include "echo_server.h"
#include "made_results.h"
#include "processors.h"
#include "rest.h"
#include "sample.h"
#include "strace.h"
#include "subjects.h"

TestSuite(echo_server, .timeout = 60);

static struct subjects subjects;
static struct arguments arguments;
static struct sockaddr_in address;
static char trouble[200];
static atomic_bool stop;

static int start(struct echo_server *server, const char *command)
{
    struct echo_server_options options = {
        .arguments = arguments.argv, .cpu = PROCESSORS_ALL, .stop = &stop};
    struct manner manner = {.workers = 1};
    int result, kept_port = echo_server_keep_port(&address);

    cr_assert(ge(int, kept_port, 0));
    manner.port = ntohs(address.sin_port);
    subject_command_line(subjects_add_command(&subjects, command), &manner, &arguments);
    options.address = address;
    result = echo_server_start(server, &options, trouble, sizeof trouble);
    close(kept_port);
    return result;
}

#define PEER IOCP_PEERS_DIRECTORY "/peer-epoll --port {port} --workers {workers}"

Test(echo_server, is_there_when_it_has_started_and_gone_when_it_was_stopped)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct echo_server server;

    cr_assert(zero(int, start(&server, PEER)), "%s", trouble);
    cr_expect(zero(int, connect(descriptor, (struct sockaddr *)&address, sizeof address)));
    cr_expect(not(echo_server_has_ended(&server, 0, trouble, sizeof trouble)));
    cr_expect(eq(sz, echo_server_count_listeners(&address), 1));
    close(descriptor);

    echo_server_stop(&server);
    descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_expect(lt(int, connect(descriptor, (struct sockaddr *)&address, sizeof address), 0));
    cr_expect(eq(int, errno, ECONNREFUSED));
    close(descriptor);
    cr_expect(lt(int, (int)wait(NULL), 0));
}

/* What sets neither option stands for all who do not know of it: the kernel gives it no such port.
 */
Test(echo_server, has_a_port_kept_for_it_from_strangers)
{
    int stranger = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int kept_port = echo_server_keep_port(&address);

    cr_assert(ge(int, kept_port, 0));
    cr_expect(lt(int, bind(stranger, (struct sockaddr *)&address, sizeof address), 0));
    cr_expect(eq(int, errno, EADDRINUSE));
    cr_expect(lt(int, connect(stranger, (struct sockaddr *)&address, sizeof address), 0));
    cr_expect(eq(int, errno, ECONNREFUSED));

    close(kept_port);
    close(stranger);
}

Test(echo_server, that_ends_at_once_is_told_with_its_last_words)
{
    struct echo_server server;

    cr_expect(eq(int,
                 start(&server, "sh -c \"echo first; printf 'the \\\\033 last\\\\n'; exit 3\" >&2"),
                 -ECHILD));
    expect_text(trouble, "the server ended by itself, status 3: the ? last");
    cr_expect(lt(int, (int)wait(NULL), 0));
}

Test(echo_server, that_does_not_exist_is_told)
{
    struct echo_server server;

    cr_expect(eq(int, start(&server, "/no/such/program {port}"), -ECHILD));
    expect_part(trouble, "/no/such/program");
}

static bool has_ended(void *argument)
{
    return echo_server_has_ended(argument, 0, trouble, sizeof trouble);
}

Test(echo_server, that_is_killed_is_told)
{
    struct echo_server server;

    cr_assert(zero(int, start(&server, PEER)), "%s", trouble);
    cr_assert(zero(int, kill(server.pid, SIGKILL)));

    cr_expect(wait_until(has_ended, &server));
    expect_text(trouble, "the server ended by itself, signal 9");
    echo_server_stop(&server);
}

/* Whatever it has started itself; those come to this process, and are gone when they are waited
 * for. */
Test(echo_server, takes_its_processes_with_it)
{
    struct echo_server server;
    int orphans = 0;

    cr_assert(zero(int, prctl(PR_SET_CHILD_SUBREAPER, 1)));
    cr_assert(zero(int, start(&server, "sh -c 'sleep 1000 & " PEER " & wait'")), "%s", trouble);
    echo_server_stop(&server);

    while (wait(NULL) > 0)
        orphans++;
    cr_expect(eq(int, orphans, 2)); /* of the shell: sleep and the peer */
}

static bool has_used_processor_time(void *argument)
{
    struct sample sample = {0};

    cr_assert(zero(int, sample_add_cpu(&sample, argument)));
    return sample.cpu_us > 50000 && sample.ticks_user + sample.ticks_kernel > 0;
}

Test(echo_server, is_sampled)
{
    struct echo_server server;
    struct sample once = {0}, twice = {0};

    cr_assert(zero(int, start(&server, PEER)), "%s", trouble);
    cr_expect(zero(int, sample_add_memory(&once, &server)));
    cr_expect(zero(int, sample_add_switches(&once, &server)));
    cr_expect(lt(u64, once.anonymous, once.resident));
    cr_expect(lt(u64, 0, once.anonymous));
    cr_expect(ge(u64, once.peak, once.resident));
    cr_expect(lt(u64, 0, once.switches));
    for (int i = 0; i < 2; i++)
        cr_expect(zero(int, sample_add_switches(&twice, &server)));
    cr_expect(eq(u64, twice.threads, 2 * once.threads));
    echo_server_stop(&server);

    cr_expect(lt(int, sample_add_memory(&once, &server), 0)); /* it is not there any more */
}

static void exchange_a_byte(int descriptor)
{
    char byte = 'x';

    while (send(descriptor, &byte, 1, 0) < 0 && errno == EINTR)
        continue;
    while (recv(descriptor, &byte, 1, 0) < 0 && errno == EINTR)
        continue;
}

/* A client that has had its answer: who came before it, to see whether anybody listens, has gone.
 * What the server holds with it goes to `held`. */
static int connect_one(const struct echo_server *server, size_t *held)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(zero(int, connect(descriptor, (struct sockaddr *)&address, sizeof address)));
    exchange_a_byte(descriptor);
    cr_assert(zero(int, sample_count_descriptors(server, held)));
    cr_assert(ge(sz, *held, 5)); /* the three that all have, the listener, and this one */
    return descriptor;
}

Test(echo_server, is_at_rest_when_its_clients_have_gone)
{
    struct rest due, now;
    struct echo_server server;
    size_t held;

    cr_assert(zero(int, start(&server, PEER)), "%s", trouble);
    cr_assert(zero(int, rest_find(&server, &due)));
    close(connect_one(&server, &held));
    due.descriptors = held - 1;

    cr_expect(zero(int, rest_await(&server, &due, &now)));
    cr_expect(eq(sz, now.descriptors, held - 1));
    cr_expect(zero(int, rest_find(&server, &now)));
    cr_expect(eq(sz, now.descriptors, held - 1));
    due.threads++;
    cr_expect(eq(int, rest_await(&server, &due, &now), -ESRCH));
    echo_server_stop(&server);
    cr_expect(lt(int, rest_await(&server, &due, &now), 0)); /* it is not there any more */
}

Test(echo_server, that_keeps_a_descriptor_is_told)
{
    struct rest due = {0}, now;
    struct echo_server server;
    size_t held;

    cr_assert(zero(int, start(&server, PEER)), "%s", trouble);
    int descriptor = connect_one(&server, &held);
    due.descriptors = held - 1;

    cr_expect(eq(int, rest_await(&server, &due, &now), -EBADF));
    cr_expect(eq(sz, now.descriptors, held));
    close(descriptor);
    echo_server_stop(&server);
}

Test(echo_server, ends_by_sigterm_with_status_0)
{
    struct echo_server server;

    cr_assert(zero(int, start(&server, IOCP_SERVER_PATH " --listen=127.0.0.1:{port}")), "%s",
              trouble);
    cr_expect(zero(int, echo_server_end(&server, trouble, sizeof trouble)), "%s", trouble);
    cr_expect(lt(int, (int)wait(NULL), 0));
}

Test(echo_server, that_ends_otherwise_by_sigterm_is_told)
{
    struct echo_server server;

    cr_assert(
        zero(int, start(&server, "sh -c 'trap \"echo no >&2; exit 3\" TERM; " PEER " & wait'")),
        "%s", trouble);
    cr_expect(eq(int, echo_server_end(&server, trouble, sizeof trouble), -ECHILD));
    expect_text(trouble, "the server ended not as it should by SIGTERM, status 3: no");
}

static void do_nothing(int number)
{
    (void)number;
}

/* Ctrl-C is such a signal, and a system call that it interrupts is no end of strace. */
Test(echo_server, is_counted_by_strace_whatever_signals_come)
{
    const struct sigaction action = {.sa_handler = do_nothing};
    const struct itimerval often = {{.tv_usec = 500}, {.tv_usec = 500}}, never = {{0}, {0}};
    struct echo_server server;
    struct strace strace;
    uint64_t calls = 0;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(zero(int, start(&server, PEER)), "%s", trouble);
    cr_assert(zero(int, connect(descriptor, (struct sockaddr *)&address, sizeof address)));
    cr_assert(zero(int, sigaction(SIGALRM, &action, NULL)));
    cr_assert(zero(int, setitimer(ITIMER_REAL, &often, NULL)));
    int error = strace_start(&strace, &server);
    if (error == 0) {
        exchange_a_byte(descriptor);
        error = strace_stop(&strace, &calls);
        cr_expect(lt(u64, 0, calls));
    }
    cr_assert(zero(int, setitimer(ITIMER_REAL, &never, NULL)));
    close(descriptor);
    echo_server_stop(&server);

    cr_expect(error == 0 || error == -ENOENT, "%s", strerror(-error)); /* or it is not installed */
}

Test(echo_server, is_charged_for_its_processor_time)
{
    struct echo_server server;

    /* The shell computes while another process listens for it. */
    cr_assert(zero(int, start(&server, "sh -c '" PEER " & while :; do :; done'")), "%s", trouble);
    cr_expect(wait_until(has_used_processor_time, &server));
    echo_server_stop(&server);
}

/* Nobody listens, and the program does not end. */
Test(echo_server, is_not_waited_for_when_all_is_to_stop)
{
    struct echo_server server;

    atomic_store(&stop, true);
    cr_expect(eq(int, start(&server, "sleep 1000"), -EINTR));
    cr_expect(lt(int, (int)wait(NULL), 0));
}
