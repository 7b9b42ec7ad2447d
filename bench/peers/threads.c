/* threads.c - the peer with one thread for each connection, which blocks for it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer_message.h"
#include "peer_serve.h"

/* Both are memory only as far as they are touched. */
#define BUFFER_SIZE ((size_t)64 * 1024)
#define STACK_SIZE  (BUFFER_SIZE + (size_t)64 * 1024)

static struct peer_options options;

static bool send_all(int client, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = send(client, bytes, size, 0);

        if (count < 0)
            return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static void echo(int client)
{
    unsigned char buffer[BUFFER_SIZE];
    ssize_t count;

    while ((count = recv(client, buffer, sizeof buffer, 0)) > 0) {
        peer_message_received(&options, buffer);
        if (!send_all(client, buffer, (size_t)count))
            return;
    }
}

/* It waits for the first bytes without memory for them. */
static ssize_t collect(int client, struct peer_message *message)
{
    unsigned char first[1024];
    ssize_t count = recv(client, first, sizeof first, 0);

    if (count > 0 && peer_message_append(message, first, (size_t)count) < 0)
        return -ENOMEM;
    while (count > 0) {
        size_t room;
        unsigned char *bytes = peer_message_room(message, &room);

        if (!bytes)
            return -ENOMEM;
        count = recv(client, bytes, room, 0);
        if (count > 0)
            message->size += (size_t)count;
    }
    return count;
}

static void send_back(int client)
{
    struct peer_message message = {0};

    if (collect(client, &message) == 0 && message.size > 0) {
        peer_message_received(&options, message.bytes);
        (void)send_all(client, message.bytes, message.size);
    }
    peer_message_free(&message);
}

static void *serve(void *argument)
{
    int client = (int)(intptr_t)argument;

    if (options.collect)
        send_back(client);
    else
        echo(client);
    close(client);
    return NULL;
}

static int accept_all(int listener)
{
    pthread_attr_t attributes;
    int client;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while ((client = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno != EBADF) {
        pthread_t thread;

        if (client >= 0 &&
            pthread_create(&thread, &attributes, serve, (void *)(intptr_t)client) != 0)
            close(client);
    }
    return 1;
}

int main(int argc, char *argv[])
{
    int status = peer_options_read(argc, argv, PEER_OTHER, &options);
    int listener;

    if (status != 0)
        return status;
    peer_prepare();
    listener = peer_listen(&options);
    return listener < 0 ? 1 : accept_all(listener);
}
