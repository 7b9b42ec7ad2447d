/* wrap_net.c - the system calls about sockets, as the simulated network answers them. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chance.h"
#include "fault.h"
#include "net.h"
#include "schedule.h"
#include "wrap.h"

int WRAP(socket)(int family, int type, int protocol);
int WRAP(bind)(int descriptor, const struct sockaddr *address, socklen_t length);
int WRAP(listen)(int descriptor, int backlog);
int WRAP(accept4)(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
int WRAP(connect)(int descriptor, const struct sockaddr *address, socklen_t length);
int WRAP(getsockname)(int descriptor, struct sockaddr *address, socklen_t *length);
int WRAP(getpeername)(int descriptor, struct sockaddr *address, socklen_t *length);
int WRAP(getsockopt)(int descriptor, int level, int option, void *value, socklen_t *size);
int WRAP(setsockopt)(int descriptor, int level, int option, const void *value, socklen_t size);
int WRAP(shutdown)(int descriptor, int how);
int REAL(fcntl)(int descriptor, int command, ...);
int WRAP(fcntl)(int descriptor, int command, ...);
int WRAP(close)(int descriptor);
ssize_t REAL(read)(int descriptor, void *buffer, size_t size);
ssize_t WRAP(read)(int descriptor, void *buffer, size_t size);
ssize_t WRAP(recv)(int descriptor, void *buffer, size_t size, int flags);
ssize_t WRAP(recvmsg)(int descriptor, struct msghdr *message, int flags);
ssize_t WRAP(send)(int descriptor, const void *buffer, size_t size, int flags);
ssize_t WRAP(sendmsg)(int descriptor, const struct msghdr *message, int flags);

static int fail_with(int error)
{
    errno = error;
    return -1;
}

/* Every call is a switch point; while others ran the descriptor may have been closed. */
static struct net_stream *enter(const char *call, int descriptor)
{
    struct file *file;

    schedule_point(call);
    file = net_file(descriptor);
    if (file == NULL)
        schedule_fail("%s with a descriptor that is not open", call);
    if (file->kind != FILE_STREAM)
        schedule_fail("%s with a descriptor that is no socket", call);
    return file->stream;
}

int WRAP(socket)(int family, int type, int protocol)
{
    struct file *file;
    int descriptor;

    (void)family;
    (void)type;
    (void)protocol;
    schedule_point("socket");
    descriptor = net_open_file(FILE_STREAM, &file);
    if (descriptor < 0)
        return fail_with(-descriptor);
    file->stream = net_new_stream(NET_FRESH, NULL);
    file->stream->file = file;
    return descriptor;
}

int WRAP(bind)(int descriptor, const struct sockaddr *address, socklen_t length)
{
    (void)address;
    (void)length;
    (void)enter("bind", descriptor);
    return 0;
}

int WRAP(listen)(int descriptor, int backlog)
{
    (void)backlog;
    enter("listen", descriptor)->phase = NET_LISTENING;
    return 0;
}

int WRAP(accept4)(int descriptor, struct sockaddr *address, socklen_t *length, int flags)
{
    struct net_stream *listener = enter("accept4", descriptor);
    struct file *file;
    int made;

    (void)address;
    (void)length;
    (void)flags;
    if (listener->phase != NET_LISTENING)
        return fail_with(EINVAL);
    if (fault_strikes(FAULT_INTERRUPT))
        return fail_with(EINTR);
    if (listener->backlog_count == 0)
        return fail_with(EAGAIN);
    made = net_open_file(FILE_STREAM, &file);
    if (made < 0)
        return fail_with(-made);
    file->stream = listener->backlog[0];
    file->stream->file = file;
    file->stream->listener = listener;
    listener->backlog_count--;
    memmove(listener->backlog, listener->backlog + 1,
            listener->backlog_count * sizeof *listener->backlog);
    schedule_note("stream %u accepts stream %u", listener->number, file->stream->number);
    return made;
}

int WRAP(connect)(int descriptor, const struct sockaddr *address, socklen_t length)
{
    struct net_stream *stream = enter("connect", descriptor);

    (void)address;
    (void)length;
    if (stream->phase != NET_FRESH)
        return fail_with(EALREADY);
    net_begin_connect(stream);
    return stream->phase == NET_CONNECTED ? 0 : fail_with(EINPROGRESS);
}

static int write_name(uint16_t number, struct sockaddr *address, socklen_t *length)
{
    const struct sockaddr_in name = {.sin_family = AF_INET,
                                     .sin_port = htons(number),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    memcpy(address, &name, *length < sizeof name ? *length : sizeof name);
    *length = sizeof name;
    return 0;
}

int WRAP(getsockname)(int descriptor, struct sockaddr *address, socklen_t *length)
{
    return write_name((uint16_t)enter("getsockname", descriptor)->number, address, length);
}

int WRAP(getpeername)(int descriptor, struct sockaddr *address, socklen_t *length)
{
    const struct net_stream *stream = enter("getpeername", descriptor);

    if (stream->phase != NET_CONNECTED || stream->broken)
        return fail_with(ENOTCONN);
    return write_name((uint16_t)(10000 + stream->number), address, length);
}

int WRAP(getsockopt)(int descriptor, int level, int option, void *value, socklen_t *size)
{
    struct net_stream *stream = enter("getsockopt", descriptor);
    int answer;

    if (level != SOL_SOCKET || (option != SO_ERROR && option != SO_ACCEPTCONN))
        return fail_with(ENOPROTOOPT);
    answer = stream->phase == NET_LISTENING;
    if (option == SO_ERROR) {
        answer = stream->pending_error;
        stream->pending_error = 0;
    }
    memcpy(value, &answer, sizeof answer);
    *size = sizeof answer;
    return 0;
}

int WRAP(setsockopt)(int descriptor, int level, int option, const void *value, socklen_t size)
{
    struct net_stream *stream = enter("setsockopt", descriptor);
    struct linger linger;

    if (level == SOL_SOCKET && option == SO_LINGER && size == sizeof linger) {
        memcpy(&linger, value, sizeof linger);
        stream->reset_at_close = linger.l_onoff != 0 && linger.l_linger == 0;
    }
    return 0;
}

int WRAP(shutdown)(int descriptor, int how)
{
    struct net_stream *stream = enter("shutdown", descriptor);

    if (stream->phase != NET_CONNECTED || stream->broken)
        return fail_with(ENOTCONN);
    if (how == SHUT_RD)
        schedule_fail("the receiving side is shut down, which would end the receives in flight");
    stream->sends_shut = true;
    net_file_changed(stream->file);
    return 0;
}

int WRAP(fcntl)(int descriptor, int command, ...)
{
    if (!schedule_is_on()) { /* a file's lock (wrap_system.c tells of open) */
        va_list arguments;
        void *lock;

        va_start(arguments, command);
        lock = va_arg(arguments, void *);
        va_end(arguments);
        return REAL(fcntl)(descriptor, command, lock);
    }
    (void)enter("fcntl", descriptor);
    return 0;
}

int WRAP(close)(int descriptor)
{
    struct file *file;

    schedule_point("close");
    file = net_file(descriptor);
    if (file == NULL)
        schedule_fail("close of a descriptor that is not open");
    net_close_file(file);
    return 0;
}

static size_t total(const struct msghdr *message)
{
    size_t size = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++)
        size += message->msg_iov[i].iov_len;
    return size;
}

static void fill(const struct net_stream *stream, const struct msghdr *message, size_t count)
{
    uint64_t place = stream->taken;

    for (size_t i = 0; i < message->msg_iovlen; i++) {
        uint8_t *bytes = message->msg_iov[i].iov_base;

        for (size_t j = 0; j < message->msg_iov[i].iov_len && count > 0; j++, count--)
            bytes[j] = net_byte_at(stream, place++);
    }
}

/* Nothing has arrived: what is to be told instead? */
static ssize_t receive_nothing(struct net_stream *stream)
{
    if (stream->pending_error != 0) {
        int error = stream->pending_error;

        stream->pending_error = 0;
        return fail_with(error);
    }
    return stream->ended || stream->broken ? 0 : fail_with(EAGAIN);
}

ssize_t WRAP(recvmsg)(int descriptor, struct msghdr *message, int flags)
{
    struct net_stream *stream = enter("recvmsg", descriptor);
    size_t size = total(message);
    uint64_t there = stream->arrived - stream->taken;
    size_t count = there < size ? (size_t)there : size;

    if (stream->phase != NET_CONNECTED)
        return fail_with(ENOTCONN);
    if (fault_strikes(FAULT_INTERRUPT))
        return fail_with(EINTR);
    if (there == 0)
        return receive_nothing(stream);
    fill(stream, message, count);
    if (!(flags & MSG_PEEK))
        stream->taken += count;
    schedule_note("stream %u: %zu of %zu bytes are %s", stream->number, count, size,
                  flags & MSG_PEEK ? "looked at" : "received");
    return (ssize_t)count;
}

ssize_t WRAP(recv)(int descriptor, void *buffer, size_t size, int flags)
{
    struct iovec part = {buffer, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return WRAP(recvmsg)(descriptor, &message, flags);
}

static void keep(struct net_stream *stream, const struct msghdr *message, size_t count)
{
    if (stream->sent + count > NET_SENT_MAX)
        schedule_fail("the scenario sends more than %d bytes on a stream", NET_SENT_MAX);
    for (size_t i = 0; i < message->msg_iovlen && count > 0; i++) {
        size_t length = message->msg_iov[i].iov_len < count ? message->msg_iov[i].iov_len : count;

        memcpy(stream->bytes_sent + stream->sent, message->msg_iov[i].iov_base, length);
        stream->sent += length;
        count -= length;
    }
}

/* What forbids any sending; 0: nothing. */
static int send_error(struct net_stream *stream)
{
    int error = stream->pending_error;

    if (stream->phase != NET_CONNECTED)
        return ENOTCONN;
    if (!stream->broken && !stream->sends_shut)
        return 0;
    stream->pending_error = 0;
    return error != 0 ? error : EPIPE;
}

ssize_t WRAP(sendmsg)(int descriptor, const struct msghdr *message, int flags)
{
    struct net_stream *stream = enter("sendmsg", descriptor);
    size_t size = total(message);
    size_t room = stream->room - (size_t)(stream->sent - stream->peer_read);
    int error = send_error(stream);

    if (!(flags & MSG_NOSIGNAL))
        schedule_fail("a send may raise SIGPIPE");
    if (error != 0)
        return fail_with(error);
    if (fault_strikes(FAULT_INTERRUPT))
        return fail_with(EINTR);
    if (room < size)
        stream->room_wanted = true;
    if (room == 0)
        return fail_with(EAGAIN);
    if (room < size)
        size = room;
    if (size > 1 && fault_strikes(FAULT_SHORT_SEND))
        size = chance_between(1, (unsigned)size - 1);
    keep(stream, message, size);
    schedule_note("stream %u: %zu bytes are sent", stream->number, size);
    if (stream->script.ending == NET_GONE && stream->ended)
        net_plan_reset(stream);
    net_plan_read(stream);
    return (ssize_t)size;
}

ssize_t WRAP(send)(int descriptor, const void *buffer, size_t size, int flags)
{
    struct iovec part = {.iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    memcpy(&part.iov_base, &buffer, sizeof buffer);
    return WRAP(sendmsg)(descriptor, &message, flags);
}

/* Of files that are read there is only a thread's status. */
ssize_t WRAP(read)(int descriptor, void *buffer, size_t size)
{
    const struct file *file = net_file(descriptor);
    const struct thread *thread;
    int length;

    if (!net_is_ours(descriptor))
        return REAL(read)(descriptor, buffer, size);
    if (file == NULL || file->kind != FILE_STATUS)
        schedule_fail("read of a descriptor that is no thread's status");
    thread = schedule_thread_by_number(file->thread);
    if (thread == NULL)
        return fail_with(ESRCH);
    length = snprintf(buffer, size, "%u (simulated) %c 1 1 1 0 -1", file->thread,
                      schedule_is_asleep(thread) ? 'S' : 'R');
    return length < (int)size ? length : (ssize_t)size;
}
