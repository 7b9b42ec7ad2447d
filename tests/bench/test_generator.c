/* test_generator.c - the bench's load: it notices every way in which a server goes wrong. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "connections.h"
#include "load.h"

#define MS_NS        INT64_C(1000000)
#define MESSAGE_SIZE 64
#define LARGE_SIZE   (4 * 1024 * 1024)

static struct load_result result;

TestSuite(generator, .timeout = 120);

enum manner { HONEST, MARKS_ALL, WRONG_BYTE, WRONG_MARK, TOO_MUCH, TOO_EARLY, ENDS, SILENT };

/* A server for one connection, until the client ends it. */
struct puppet {
    pthread_t thread;
    int listener;
    enum manner manner;
    size_t message_size;
    unsigned char *message; /* and one byte more */
};

static void play(const struct puppet *puppet, int descriptor)
{
    size_t size = puppet->message_size;
    unsigned char *message = puppet->message;

    if (puppet->manner == TOO_EARLY)
        (void)send(descriptor, "", 1, MSG_NOSIGNAL);
    while (recv(descriptor, message, size, MSG_WAITALL) == (ssize_t)size) {
        if (puppet->manner == ENDS)
            return;
        if (puppet->manner == WRONG_BYTE)
            message[size - 1] ^= 1;
        if (puppet->manner == WRONG_MARK)
            message[0] = LOAD_SLEPT + 1;
        if (puppet->manner == MARKS_ALL)
            message[0] = LOAD_SLEPT;
        if (puppet->manner != SILENT &&
            send(descriptor, message, size + (puppet->manner == TOO_MUCH), MSG_NOSIGNAL) < 0)
            return;
    }
}

static void *run_puppet(void *self)
{
    struct puppet *puppet = self;
    int descriptor = connections_accept(puppet->listener);

    if (descriptor >= 0 && fcntl(descriptor, F_SETFL, 0) == 0)
        play(puppet, descriptor);
    if (descriptor >= 0)
        close(descriptor);
    return NULL;
}

static struct load_options options_for(size_t message_size)
{
    return (struct load_options){.connections = 1,
                                 .message_size = message_size,
                                 .measured_ns = 100 * MS_NS,
                                 .patience_ns = 10000 * MS_NS};
}

static void put_load_on(enum manner manner, struct load_options *options)
{
    struct puppet puppet = {.manner = manner, .message_size = options->message_size};

    puppet.listener = connections_listen(&options->server);
    puppet.message = calloc(1, options->message_size + 1);
    cr_assert(ge(int, puppet.listener, 0));
    cr_assert(ne(ptr, puppet.message, NULL));
    cr_assert(zero(int, pthread_create(&puppet.thread, NULL, run_puppet, &puppet)));

    cr_expect(zero(int, load_run(options, &result)));

    pthread_join(puppet.thread, NULL);
    close(puppet.listener);
    free(puppet.message);
}

static void expect_one_error(enum load_error class, int error)
{
    cr_expect(eq(u64, result.errors[class], 1), "not %s", load_error_name(class));
    cr_expect(eq(u64, load_error_count(&result), 1));
    cr_expect(eq(int, result.error, error));
}

static void expect_error_from(enum manner manner, enum load_error class, int error)
{
    struct load_options options = options_for(MESSAGE_SIZE);

    put_load_on(manner, &options);

    expect_one_error(class, error);
    cr_expect(zero(u64, result.slept.count));
    cr_expect(zero(u64, result.others.count));
}

Test(generator, counts_the_round_trips_of_an_honest_server)
{
    struct load_options options = options_for(MESSAGE_SIZE);

    put_load_on(HONEST, &options);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(zero(u64, result.slept.count));
    cr_expect(gt(u64, result.others.count, 0));
    cr_expect(epsilon_eq(dbl, result.rate, (double)result.others.count * 10, 0.001));
}

Test(generator, keeps_marked_round_trips_apart)
{
    struct load_options options = options_for(MESSAGE_SIZE);

    put_load_on(MARKS_ALL, &options);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(gt(u64, result.slept.count, 0));
    cr_expect(zero(u64, result.others.count));
}

Test(generator, sends_messages_larger_than_what_the_kernel_takes_at_once)
{
    struct load_options options = options_for(LARGE_SIZE);

    put_load_on(HONEST, &options);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(gt(u64, result.others.count, 0));
}

Test(generator, pauses_between_two_round_trips)
{
    struct load_options options = options_for(MESSAGE_SIZE);

    options.pause_ns = 20 * MS_NS;
    put_load_on(HONEST, &options);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(ge(u64, result.others.count, 1));
    cr_expect(le(u64, result.others.count, 5)); /* one each 20 of 100 ms, at most */
}

Test(generator, does_not_count_what_is_sent_while_it_warms_up)
{
    struct load_options options = options_for(MESSAGE_SIZE);

    options.warm_up_ns = 50 * MS_NS;
    options.pause_ns = 10000 * MS_NS; /* one message, at the very start */
    put_load_on(HONEST, &options);

    cr_expect(zero(u64, load_error_count(&result)));
    cr_expect(zero(u64, result.others.count));
}

Test(generator, notices_wrong_bytes)
{
    expect_error_from(WRONG_BYTE, LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_a_mark_that_is_none)
{
    expect_error_from(WRONG_MARK, LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_bytes_that_nobody_sent)
{
    expect_error_from(TOO_MUCH, LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_bytes_that_come_before_any_were_sent)
{
    expect_error_from(TOO_EARLY, LOAD_WRONG, -EBADMSG);
}

Test(generator, notices_that_the_server_ends_the_connection)
{
    expect_error_from(ENDS, LOAD_RESET, -ECONNRESET);
}

Test(generator, does_not_wait_for_ever)
{
    struct load_options options = options_for(MESSAGE_SIZE);

    options.patience_ns = 100 * MS_NS;
    put_load_on(SILENT, &options);

    expect_one_error(LOAD_LATE, -ETIMEDOUT);
}

Test(generator, notices_that_nobody_listens)
{
    struct load_options options = options_for(MESSAGE_SIZE);
    int listener = connections_listen(&options.server);

    cr_assert(ge(int, listener, 0));
    close(listener);
    cr_expect(zero(int, load_run(&options, &result)));

    expect_one_error(LOAD_REFUSED, -ECONNREFUSED);
}
