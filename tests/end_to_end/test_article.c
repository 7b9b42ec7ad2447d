/* test_article.c - the article's own program prints the article's lines. */
/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <iocp/address.h>

#include "client.h"
#include "loopback.h"
#include "server_process.h"

#define WAITING "Waiting for a connection...\n"

TestSuite(article, .timeout = 120);

/* Start it on a port of the kernel's choice, which its first line names; it accepts as soon as
 * it says that it waits. */
static void article_start(struct server_process *article)
{
    static const char line[] = "Local address and port : ";

    process_start(article, IOCP_ARTICLE_PATH, 0, ARGUMENTS("127.0.0.1:0"));
    wait_for_output(article, article->out, WAITING, 1);
    char *printed = read_output(article->out);
    cr_assert(strncmp(printed, line, strlen(line)) == 0, "%s", printed);
    char *address = printed + strlen(line);
    address[strcspn(address, "\n")] = '\0';
    cr_assert(iocp_address_parse(address, &article->addresses[0]) > 0, "%s", address);
    free(printed);
}

/* It has no other end than a signal. */
static void article_stop(struct server_process *article)
{
    cr_assert(kill(article->pid, SIGTERM) == 0);
    cr_expect(eq(int, process_wait(article), -SIGTERM));
    show_errors(article);
}

/* The program reads and prints; it does not answer. */
static void send_message(const struct server_process *article, const char *message)
{
    char reply[16];

    cr_expect(eq(int,
                 (int)client_talk(article, message, strlen(message), CLIENT_HALF_CLOSES, reply,
                                  sizeof reply),
                 0));
}

Test(article, prints_the_lines_of_the_article_for_two_clients)
{
    struct server_process article;
    article_start(&article);

    send_message(&article, "This is a test");
    wait_for_output(&article, article.out, "Read 14 bytes from socket.\n Data : This is a test\n",
                    1);
    send_message(&article, "2");
    wait_for_output(&article, article.out, "Read 1 bytes from socket.\n Data : 2\n", 1);
    wait_for_output(&article, article.out, WAITING, 3);

    article_stop(&article);
    cr_expect(eq(sz, count_in_output(article.out, WAITING), 3));
}

Test(article, a_message_longer_than_its_buffer_is_put_together)
{
    char message[5001] = "";
    struct server_process article;
    article_start(&article);

    memset(message, 'a', sizeof message - 1);
    send_message(&article, message);

    wait_for_output(&article, article.out, message, 1);
    cr_expect(eq(sz, count_in_output(article.out, "Read 5000 bytes from socket.\n Data : a"), 1));
    article_stop(&article);
}

/* ER-06 */
Test(article, a_client_that_resets_ends_its_session_not_the_program)
{
    struct server_process article;
    article_start(&article);

    loopback_reset(client_connect(&article));
    send_message(&article, "still here");

    wait_for_output(&article, article.out, " Data : still here\n", 1);
    article_stop(&article);
}

Test(article, more_than_one_address_or_none_is_refused)
{
    struct server_process two, none;
    process_start(&two, IOCP_ARTICLE_PATH, 0, ARGUMENTS("127.0.0.1:0", "127.0.0.1:0"));
    process_start(&none, IOCP_ARTICLE_PATH, 0, ARGUMENTS("nonsense"));

    cr_expect(eq(int, process_wait(&two), 2));
    cr_expect(eq(int, process_wait(&none), 2));
    cr_expect(eq(sz, count_in_output(two.err, "usage: "), 1));
    cr_expect(eq(sz, count_in_output(none.err, "usage: "), 1));
}

Test(article, an_address_that_it_does_not_get_ends_it)
{
    char address[32];
    struct server_process article;
    int holder = loopback_listen();

    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)loopback_port(holder));
    process_start(&article, IOCP_ARTICLE_PATH, 0, ARGUMENTS(address));

    cr_expect(eq(int, process_wait(&article), 1));
    cr_expect(eq(sz, count_in_output(article.out, "in use\nClosing the listener...\n"), 1));
    cr_expect(eq(sz, count_in_output(article.out, WAITING), 0));
    close(holder);
}
