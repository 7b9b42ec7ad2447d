/* plain_io_uring.c - the peer on liburing alone: in each thread a ring, and its own listener. */
/* SPDX-License-Identifier: MIT */
/*
 * Rounds   Each hands over all entries and waits for completions in one call. An accept and, for
 *          each connection, a receive stay in the ring; what they complete with is taken first,
 *          then every connection that had a part in it goes on: once.
 * Buffers  The kernel receives into buffers of the ring. They are sent out of where they are,
 *          without waiting, and so are back after the round that sent them: a client that does
 *          not read holds none. What it does not take is copied, its receive is cancelled, and
 *          begins anew when the copy is sent.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "peer_message.h"
#include "peer_serve.h"

enum {
    ENTRIES = 1024,
    COMPLETIONS = 8192,
    BUFFERS = 512, /* a power of two */
    BUFFER_SIZE = 32 * 1024,
    PARTS_MAX = 32, /* buffers in one send */
    GATHERED_MAX = 64,
    CACHE_LINE = 64,
    STRIDE = BUFFER_SIZE + CACHE_LINE, /* so that small messages do not all meet in one cache set */
    NONE = BUFFERS
};

/* What an entry is about: the lower bits of its mark, beside the connection. */
enum { RECEIVED, SENT, CANCELLED, KINDS_MASK = 3 };

/* One line of the cache: of thousands of connections each is looked at in turn. */
struct connection {
    struct connection *next; /* of those that have a part in this round */
    int fd;
    unsigned sending_size;
    uint16_t first, last; /* received buffers, in their order; first NONE: there is none */
    bool listed;          /* it has a part in this round */
    bool receiving, sending, cancelling;
    bool ended; /* no more is to be received */
    bool broken;
    struct peer_message message; /* collected; or what the client did not take */
};

_Static_assert(sizeof(struct connection) == CACHE_LINE, "it fills the line");

/* A send of several buffers: the kernel reads this when it is handed the entry. */
struct gathered {
    struct msghdr header;
    struct iovec parts[PARTS_MAX];
};

struct loop {
    struct io_uring ring;
    const struct peer_options *options;
    int listener;
    struct io_uring_buf_ring *lent;
    unsigned char *memory;
    struct connection *first; /* with a part in this round */
    struct {
        uint16_t next;
        unsigned size;
    } received[BUFFERS];
    unsigned gathered_count; /* since entries were handed over */
    struct gathered gathered[GATHERED_MAX];
};

static void hand_over(struct loop *loop)
{
    (void)io_uring_submit(&loop->ring);
    loop->gathered_count = 0;
}

static struct io_uring_sqe *next_entry(struct loop *loop)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&loop->ring);

    while (!entry) {
        hand_over(loop);
        entry = io_uring_get_sqe(&loop->ring);
    }
    return entry;
}

static void mark(struct io_uring_sqe *entry, struct connection *connection, unsigned kind)
{
    io_uring_sqe_set_data64(entry, (uintptr_t)connection | kind);
}

static void begin_accepting(struct loop *loop)
{
    struct io_uring_sqe *entry = next_entry(loop);

    io_uring_prep_multishot_accept(entry, loop->listener, NULL, NULL, SOCK_CLOEXEC);
    mark(entry, NULL, RECEIVED);
}

static void begin_receiving(struct loop *loop, struct connection *connection)
{
    struct io_uring_sqe *entry = next_entry(loop);

    io_uring_prep_recv_multishot(entry, connection->fd, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = 0;
    mark(entry, connection, RECEIVED);
    connection->receiving = true;
}

static void cancel_receiving(struct loop *loop, struct connection *connection)
{
    struct io_uring_sqe *entry;

    if (!connection->receiving || connection->cancelling)
        return;
    entry = next_entry(loop);
    io_uring_prep_cancel64(entry, (uintptr_t)connection | RECEIVED, 0);
    mark(entry, connection, CANCELLED);
    connection->cancelling = true;
}

static unsigned char *buffer_at(const struct loop *loop, unsigned buffer)
{
    return loop->memory + (size_t)buffer * STRIDE;
}

static void give_back(struct loop *loop, uint16_t buffer)
{
    io_uring_buf_ring_add(loop->lent, buffer_at(loop, buffer), BUFFER_SIZE, buffer,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(loop->lent, 1);
}

static void give_first_back(struct loop *loop, struct connection *connection)
{
    uint16_t buffer = connection->first;

    connection->first = loop->received[buffer].next;
    give_back(loop, buffer);
}

static void copy(struct connection *connection, const unsigned char *bytes, size_t size)
{
    if (peer_message_append(&connection->message, bytes, size) < 0)
        connection->broken = true;
}

static void queue(struct loop *loop, struct connection *connection, uint16_t buffer, unsigned size)
{
    loop->received[buffer].next = NONE;
    loop->received[buffer].size = size;
    if (connection->first == NONE)
        connection->first = buffer;
    else
        loop->received[connection->last].next = buffer;
    connection->last = buffer;
}

static void take_received(struct loop *loop, struct connection *connection, uint16_t buffer,
                          unsigned size)
{
    if (!loop->options->collect)
        peer_message_received(loop->options, buffer_at(loop, buffer));
    if (!loop->options->collect && connection->message.size == 0) {
        queue(loop, connection, buffer, size);
    } else {
        copy(connection, buffer_at(loop, buffer), size);
        give_back(loop, buffer);
    }
}

static void on_received(struct loop *loop, struct connection *connection,
                        const struct io_uring_cqe *cqe)
{
    if (!(cqe->flags & IORING_CQE_F_MORE))
        connection->receiving = false;
    if (cqe->res > 0) {
        take_received(loop, connection, (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT),
                      (unsigned)cqe->res);
    } else if (cqe->res == 0) {
        connection->ended = true;
        if (loop->options->collect && connection->message.size > 0)
            peer_message_received(loop->options, connection->message.bytes);
    } else if (cqe->res != -ENOBUFS && cqe->res != -ECANCELED) {
        connection->broken = true;
    }
}

/* Take the sent bytes from the front of the buffers; copy what the client did not take. */
static void after_sending(struct loop *loop, struct connection *connection, size_t sent)
{
    bool slow = sent < connection->sending_size;

    while (connection->first != NONE && (sent > 0 || slow)) {
        size_t size = loop->received[connection->first].size;
        size_t part = sent < size ? sent : size;

        if (part < size)
            copy(connection, buffer_at(loop, connection->first) + part, size - part);
        sent -= part;
        give_first_back(loop, connection);
    }
}

static void on_sent(struct loop *loop, struct connection *connection, int result)
{
    struct peer_message *message = &connection->message;

    connection->sending = false;
    if (result < 0 && result != -EAGAIN) {
        connection->broken = true;
    } else if (connection->first != NONE) {
        after_sending(loop, connection, result < 0 ? 0 : (size_t)result);
    } else if (result > 0) {
        message->sent += (size_t)result;
        if (message->sent == message->size)
            peer_message_free(message);
    }
}

/* What is being sent must not grow: so the receive has to end first. */
static void send_message(struct loop *loop, struct connection *connection)
{
    const struct peer_message *message = &connection->message;
    struct io_uring_sqe *entry;

    if (connection->receiving) {
        cancel_receiving(loop, connection);
        return;
    }
    entry = next_entry(loop);

    io_uring_prep_send(entry, connection->fd, message->bytes + message->sent,
                       message->size - message->sent, MSG_WAITALL);
    mark(entry, connection, SENT);
    connection->sending = true;
}

static unsigned gather(const struct loop *loop, const struct connection *connection,
                       struct gathered *gathered)
{
    unsigned count = 0, size = 0;

    for (unsigned each = connection->first; each != NONE && count < PARTS_MAX;
         each = loop->received[each].next) {
        gathered->parts[count++] = (struct iovec){buffer_at(loop, each), loop->received[each].size};
        size += loop->received[each].size;
    }
    gathered->header = (struct msghdr){.msg_iov = gathered->parts, .msg_iovlen = count};
    return size;
}

static void send_buffers(struct loop *loop, struct connection *connection)
{
    struct io_uring_sqe *entry = next_entry(loop);
    unsigned first = connection->first;

    if (loop->received[first].next == NONE) {
        connection->sending_size = loop->received[first].size;
        io_uring_prep_send(entry, connection->fd, buffer_at(loop, first), connection->sending_size,
                           MSG_DONTWAIT);
    } else {
        struct gathered *gathered = &loop->gathered[loop->gathered_count++];

        connection->sending_size = gather(loop, connection, gathered);
        io_uring_prep_sendmsg(entry, connection->fd, &gathered->header, MSG_DONTWAIT);
    }
    mark(entry, connection, SENT);
    connection->sending = true;
    if (loop->gathered_count == GATHERED_MAX)
        hand_over(loop);
}

static void close_when_quiet(struct loop *loop, struct connection *connection)
{
    cancel_receiving(loop, connection);
    if (connection->receiving || connection->sending || connection->cancelling)
        return;
    while (connection->first != NONE)
        give_first_back(loop, connection);
    close(connection->fd);
    peer_message_free(&connection->message);
    free(connection);
}

static void go_on(struct loop *loop, struct connection *connection)
{
    bool collecting = loop->options->collect && !connection->ended;
    bool unsent = connection->first != NONE || (connection->message.size > 0 && !collecting);

    if (connection->sending)
        return;
    if (connection->broken || (connection->ended && !unsent))
        close_when_quiet(loop, connection);
    else if (unsent && connection->first == NONE)
        send_message(loop, connection);
    else if (unsent)
        send_buffers(loop, connection);
    else if (!connection->receiving)
        begin_receiving(loop, connection);
}

static void list(struct loop *loop, struct connection *connection)
{
    if (connection->listed)
        return;
    connection->listed = true;
    connection->next = loop->first;
    loop->first = connection;
}

static void on_accepted(struct loop *loop, const struct io_uring_cqe *cqe)
{
    struct connection *connection =
        cqe->res < 0 ? NULL : aligned_alloc(CACHE_LINE, sizeof *connection);

    if (!(cqe->flags & IORING_CQE_F_MORE))
        begin_accepting(loop);
    if (connection) {
        *connection = (struct connection){.fd = cqe->res, .first = NONE};
        list(loop, connection);
    } else if (cqe->res >= 0) {
        close(cqe->res);
    }
}

static void take(struct loop *loop, const struct io_uring_cqe *cqe)
{
    const unsigned kind = cqe->user_data & KINDS_MASK;
    struct connection *connection = (struct connection *)(uintptr_t)(cqe->user_data - kind);

    if (!connection) {
        on_accepted(loop, cqe);
        return;
    }
    if (kind == RECEIVED)
        on_received(loop, connection, cqe);
    else if (kind == SENT)
        on_sent(loop, connection, cqe->res);
    else
        connection->cancelling = false;
    list(loop, connection);
}

static void take_all(struct loop *loop)
{
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;

    io_uring_for_each_cqe(&loop->ring, head, cqe)
    {
        take(loop, cqe);
        count++;
    }
    io_uring_cq_advance(&loop->ring, count);
}

static int run(struct loop *loop)
{
    int result;

    begin_accepting(loop);
    while ((result = io_uring_submit_and_wait(&loop->ring, 1)) >= 0 || result == -EINTR ||
           result == -EAGAIN || result == -EBUSY) {
        loop->gathered_count = 0;
        take_all(loop);
        while (loop->first) {
            struct connection *connection = loop->first;

            loop->first = connection->next;
            connection->listed = false;
            go_on(loop, connection);
        }
    }
    return peer_failed(loop->options, "io_uring", result);
}

static int lend_buffers(struct loop *loop)
{
    struct io_uring_buf_reg where = {.ring_entries = BUFFERS};
    const size_t lent_size = BUFFERS * sizeof(struct io_uring_buf);
    unsigned char *mapping = mmap(NULL, lent_size + (size_t)BUFFERS * STRIDE,
                                  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (mapping == MAP_FAILED)
        return -errno;
    loop->lent = (struct io_uring_buf_ring *)(void *)mapping;
    loop->memory = mapping + lent_size;
    where.ring_addr = (uintptr_t)mapping;
    for (unsigned i = 0; i < BUFFERS; i++)
        give_back(loop, (uint16_t)i);
    return io_uring_register_buf_ring(&loop->ring, &where, 0);
}

static int open_ring(struct loop *loop)
{
    struct io_uring_params parameters = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                                  IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                                                  IORING_SETUP_SUBMIT_ALL,
                                         .cq_entries = COMPLETIONS};
    int error = io_uring_queue_init_params(ENTRIES, &loop->ring, &parameters);

    if (error < 0)
        return error;
    (void)io_uring_register_ring_fd(&loop->ring);
    return lend_buffers(loop);
}

static int serve(const struct peer_options *options, int listener)
{
    struct loop *loop = calloc(1, sizeof *loop);
    int error;

    if (!loop)
        return peer_failed(options, "the loop", -ENOMEM);
    loop->options = options;
    loop->listener = listener;
    error = open_ring(loop);
    if (error < 0) {
        free(loop);
        return peer_failed(options, "io_uring", error);
    }
    return run(loop);
}

int main(int argc, char *argv[])
{
    return peer_main(argc, argv, serve);
}
