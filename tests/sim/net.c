/* net.c - descriptors of the simulated network, and what they are ready for. */
/* SPDX-License-Identifier: MIT */
#include "net.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "chance.h"
#include "fault.h"
#include "schedule.h"

static struct file files[NET_FILES_MAX];
static unsigned opened;

struct file *net_file(int descriptor)
{
    unsigned index = (unsigned)descriptor - NET_DESCRIPTOR_FIRST;

    return index < NET_FILES_MAX && files[index].kind != FILE_NONE ? &files[index] : NULL;
}

bool net_is_ours(int descriptor)
{
    return descriptor >= NET_DESCRIPTOR_FIRST;
}

unsigned net_open_files(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < NET_FILES_MAX; i++)
        count += files[i].kind != FILE_NONE;
    return count;
}

int net_open_file(enum file_kind kind, struct file **file)
{
    unsigned index = 0;

    while (index < NET_FILES_MAX && files[index].kind != FILE_NONE)
        index++;
    if (index == NET_FILES_MAX || fault_strikes(FAULT_DESCRIPTOR))
        return -EMFILE;
    files[index] = (struct file){.kind = kind, .opened = ++opened};
    *file = &files[index];
    return NET_DESCRIPTOR_FIRST + (int)index;
}

int net_open_view(net_readable *readable, const void *subject)
{
    struct file *file;
    int descriptor = net_open_file(FILE_VIEW, &file);

    if (descriptor >= 0) {
        file->view.readable = readable;
        file->view.subject = subject;
    }
    return descriptor;
}

int net_open_status(unsigned thread)
{
    struct file *file;
    int descriptor = net_open_file(FILE_STATUS, &file);

    if (descriptor < 0) {
        errno = -descriptor;
        return -1;
    }
    file->thread = thread;
    return descriptor;
}

void net_close_file(struct file *file)
{
    if (file->kind == FILE_STREAM)
        net_say_farewell(file->stream);
    if (file->kind == FILE_SET)
        epoll_set_close(file->set);
    epoll_forget_file(file);
    file->kind = FILE_NONE;
}

void net_file_changed(struct file *file)
{
    if (file != NULL)
        file->changes++;
}

static unsigned stream_readiness(const struct net_stream *stream)
{
    unsigned ready = 0;
    uint64_t unread = stream->sent - stream->peer_read;

    switch (stream->phase) {
    case NET_FRESH:
        return POLLOUT | POLLHUP;
    case NET_LISTENING:
        return stream->backlog_count > 0 ? POLLIN : 0;
    case NET_CONNECTING:
        return 0;
    case NET_REFUSED:
        ready = POLLIN | POLLOUT | POLLHUP | POLLRDHUP;
        break;
    case NET_CONNECTED:
        if (stream->arrived > stream->taken)
            ready |= POLLIN;
        if (stream->ended)
            ready |= POLLIN | POLLRDHUP;
        if (stream->broken || (stream->ended && stream->sends_shut))
            ready |= POLLIN | POLLOUT | POLLHUP | POLLRDHUP;
        if (stream->sends_shut || 3 * (stream->room - unread) >= stream->room)
            ready |= POLLOUT;
        break;
    }
    return ready | (stream->pending_error != 0 ? POLLERR : 0);
}

unsigned net_readiness(const struct file *file)
{
    switch (file->kind) {
    case FILE_STREAM:
        return stream_readiness(file->stream);
    case FILE_COUNTER:
        return POLLOUT | (file->counter > 0 ? POLLIN : 0);
    case FILE_SET:
        return epoll_set_readiness(file->set);
    case FILE_VIEW:
        return file->view.readable(file->view.subject) ? POLLIN : 0;
    case FILE_NONE:
    case FILE_STATUS:
        break;
    }
    return POLLIN;
}

unsigned net_poll(const struct file *file)
{
    unsigned ready = net_readiness(file);

    if (file->kind == FILE_STREAM && !(ready & POLLOUT))
        file->stream->room_wanted = true;
    return ready;
}

void net_clear_files(void)
{
    memset(files, 0, sizeof files);
    opened = 0;
    epoll_reset();
}
