/* plain_port.c - scenarios of a port, a pool and sockets, without a server. */
/* SPDX-License-Identifier: MIT */
/*
 * Every begin may fail, and then its callback does not run; what has begun is to run exactly once,
 * and while the port is open none is to be waited for in vain.
 */
#include "plain_port.h"

#include <errno.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iocp/event.h>
#include <iocp/pool.h>
#include <iocp/socket.h>

#include "pair.h"
#include "shim.h"

enum { STEPS = 8, LARGE = 4 << 20, BYTES = 64, DEADLINE_MS = 20, WORKERS = 2 };
enum { AS_PROCESSORS, ONE }; /* concurrency */

/* One operation and what came of it. */
struct step {
    struct iocp_vector_op vector;
    char bytes[BYTES];
    sem_t bell; /* of a callback that sleeps */
};

static struct stage {
    struct iocp_port *port;
    struct iocp_pool *pool;
    struct iocp_socket *listener;
    struct sockaddr_in address;
    struct iocp_event all_run;
    atomic_uint due; /* callbacks, and one more while nobody waits for them */
    struct step steps[STEPS];
} stage;

static char large[LARGE];

static void release(void)
{
    if (atomic_fetch_sub(&stage.due, 1) == 1)
        iocp_event_set(&stage.all_run);
}

static void on_completed(struct iocp_op *op, void *context)
{
    (void)op;
    (void)context;
    release();
}

static struct iocp_op *op_at(unsigned index)
{
    return &stage.steps[index].vector.op;
}

/* What a begin returned. Its callback may have run already: it is counted before. */
static bool has_begun(int result)
{
    if (result < 0)
        release();
    return result >= 0;
}

/* Before each begin. */
static void *promise(void)
{
    atomic_fetch_add(&stage.due, 1);
    return NULL;
}

static void await_all(void)
{
    release();
    if (iocp_event_wait(&stage.all_run, IOCP_INFINITE) < 0)
        shim_blame("a wait without an end ended");
    iocp_event_reset(&stage.all_run);
    atomic_fetch_add(&stage.due, 1);
}

static bool open_stage(const char *engine, unsigned concurrency)
{
    memset(&stage, 0, sizeof stage);
    iocp_event_init(&stage.all_run, IOCP_MANUAL_RESET, false);
    atomic_init(&stage.due, 1);
    if (iocp_port_create(engine, concurrency, &stage.port) < 0)
        return false;
    if (iocp_pool_create(stage.port, WORKERS, &stage.pool) < 0)
        stage.pool = NULL;
    return stage.pool != NULL;
}

static void close_stage(void)
{
    iocp_socket_free(stage.listener);
    if (stage.pool != NULL && iocp_pool_stop(stage.pool, IOCP_DRAIN) < 0)
        shim_blame("the pool did not stop");
    iocp_pool_free(stage.pool);
    iocp_port_free(stage.port);
    iocp_event_destroy(&stage.all_run);
}

/* Without one nothing more can be played. */
static bool open_listener(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_storage found;

    if (iocp_socket_create(stage.port, AF_INET, 0, &stage.listener) < 0)
        return false;
    if (iocp_socket_bind(stage.listener, (struct sockaddr *)&any, sizeof any) < 0 ||
        iocp_socket_listen(stage.listener, STEPS) < 0 ||
        iocp_socket_local_address(stage.listener, &found) < 0)
        return false;
    memcpy(&stage.address, &found, sizeof stage.address);
    return true;
}

static struct iocp_socket *begin_connect(unsigned index, size_t size)
{
    const struct iocp_destination to = {
        .address = (struct sockaddr *)&stage.address,
        .length = sizeof stage.address,
        .buffer = large,
        .size = size,
    };
    struct iocp_socket *socket;

    if (iocp_socket_create(stage.port, AF_INET, 0, &socket) < 0)
        return NULL;
    (void)has_begun(iocp_begin_connect_send(socket, op_at(index), &to, on_completed, promise()));
    return socket;
}

/* The accepts that were begun; a client who did not come leaves them waiting. */
static void end_accept(unsigned index)
{
    struct iocp_socket *accepted;

    if (iocp_op_completed(op_at(index)) &&
        iocp_end_accept(stage.listener, op_at(index), 0, &accepted) == 0)
        iocp_socket_free(accepted);
}

static void begin_accepts(void)
{
    struct step *first = &stage.steps[0];

    (void)has_begun(iocp_begin_accept_receive(stage.listener, op_at(0), first->bytes, BYTES,
                                              on_completed, promise()));
    (void)has_begun(iocp_begin_accept(stage.listener, op_at(1), on_completed, promise()));
}

/* It fails if nothing is in flight: not begun, or completed already. */
static void cancel(struct iocp_socket *socket, struct iocp_op *op)
{
    int asked = socket != NULL ? iocp_socket_cancel(socket, op) : 0;

    (void)asked;
}

static bool is_connected(struct iocp_socket *socket, unsigned index)
{
    return socket != NULL && iocp_op_wait(op_at(index), IOCP_INFINITE) == 0 &&
           iocp_end_connect(socket, op_at(index)) == 0;
}

void plain_connect(const char *engine)
{
    if (open_stage(engine, AS_PROCESSORS) && open_listener()) {
        begin_accepts();
        struct iocp_socket *speaker = begin_connect(2, BYTES);
        struct iocp_socket *silent = begin_connect(3, 0);
        bool all_come = is_connected(speaker, 2);

        all_come = is_connected(silent, 3) && all_come;
        if (!all_come) /* an accept would wait for ever */
            cancel(stage.listener, NULL);
        await_all();
        end_accept(0);
        end_accept(1);
        iocp_socket_free(speaker);
        iocp_socket_free(silent);
    }
    close_stage();
}

/* A socket of the port with a peer outside. NULL: there is none; the peer is to be closed. */
static struct iocp_socket *adopt_connected(int *peer)
{
    struct iocp_socket *socket = NULL;
    int fds[2] = {-1, -1};

    shim_stand_outside(true);
    if (!pair_open(fds))
        shim_blame("there is no pair of sockets");
    shim_stand_outside(false);
    *peer = fds[1];
    if (iocp_socket_adopt(stage.port, fds[0], 0, &socket) < 0)
        close(fds[0]);
    return socket;
}

/* A receive that nothing comes for, into two parts, and a send that nobody takes. */
static void begin_both(struct iocp_socket *socket, unsigned index, int timeout_ms)
{
    struct step *first = &stage.steps[index];
    const struct iovec parts[2] = {{first->bytes, 1}, {first->bytes + 1, BYTES - 1}};

    if (socket == NULL)
        return;
    iocp_op_set_timeout(op_at(index), timeout_ms);
    iocp_op_set_timeout(op_at(index + 1), timeout_ms);
    (void)has_begun(
        iocp_begin_receive_vector(socket, &first->vector, parts, 2, on_completed, promise()));
    (void)has_begun(
        iocp_begin_send(socket, op_at(index + 1), large, LARGE, on_completed, promise()));
}

/* Take what is there, until the operation has completed or was never begun. */
static void drain_until(int peer, struct iocp_op *op)
{
    static char taken[LARGE];

    do {
        shim_stand_outside(true);
        (void)!recv(peer, taken, sizeof taken, MSG_DONTWAIT);
        shim_stand_outside(false);
    } while (iocp_op_wait(op, 1) == -ETIMEDOUT);
}

void plain_sends(const char *engine)
{
    if (open_stage(engine, WORKERS)) {
        const size_t size = shim_is_dribble() ? BYTES : LARGE; /* byte by byte it would take long */
        int peer;
        struct iocp_socket *socket = adopt_connected(&peer);
        bool both =
            socket != NULL &&
            has_begun(iocp_begin_send(socket, op_at(0), large, size, on_completed, promise())) &&
            has_begun(iocp_begin_send(socket, op_at(1), large, 1, on_completed, promise()));

        if (both) {
            drain_until(peer, op_at(1));
            if (iocp_end_send(socket, op_at(0)) < 0 && iocp_op_count(op_at(0)) > 0 &&
                iocp_end_send(socket, op_at(1)) >= 0)
                shim_blame("a send went out behind one that was cut short");
        }
        cancel(socket, NULL);
        await_all();
        iocp_socket_free(socket);
        close(peer);
    }
    close_stage();
}

void plain_cancel(const char *engine)
{
    if (open_stage(engine, WORKERS) && open_listener()) {
        int peers[3];
        struct iocp_socket *one_by_one = adopt_connected(&peers[0]);
        struct iocp_socket *at_once = adopt_connected(&peers[1]);
        struct iocp_socket *by_deadline = adopt_connected(&peers[2]);

        begin_accepts();
        begin_both(one_by_one, 2, 0);
        begin_both(at_once, 4, 0);
        begin_both(by_deadline, 6, DEADLINE_MS);
        for (unsigned i = 2; i < 4; i++)
            cancel(one_by_one, op_at(i));
        cancel(at_once, NULL);
        cancel(stage.listener, NULL);
        await_all();
        iocp_socket_free(one_by_one);
        iocp_socket_free(at_once);
        iocp_socket_free(by_deadline);
        for (unsigned i = 0; i < 3; i++)
            close(peers[i]);
    }
    close_stage();
}

/* The port drops what it holds when it is closed: nobody waits for callbacks then. */
void plain_close(const char *engine)
{
    if (open_stage(engine, WORKERS) && open_listener()) {
        int peers[2];
        struct iocp_socket *closed = adopt_connected(&peers[0]);
        struct iocp_socket *left = adopt_connected(&peers[1]);

        begin_accepts();
        begin_both(closed, 2, 0);
        begin_both(left, 4, DEADLINE_MS);
        if (closed != NULL)
            (void)iocp_socket_close(closed);
        (void)iocp_port_close(stage.port);
        iocp_socket_free(closed);
        iocp_socket_free(left);
        for (unsigned i = 0; i < 2; i++)
            close(peers[i]);
    }
    close_stage();
}

static void on_sleep(struct iocp_op *op, void *bell)
{
    (void)op;
    while (sem_wait(bell) < 0)
        continue; /* a signal */
    release();
}

static void on_wake(struct iocp_op *op, void *bell)
{
    (void)op;
    (void)sem_post(bell);
    release();
}

/* It allocates nothing, so it cannot fail. */
static void post(unsigned index, iocp_callback *callback, sem_t *bell)
{
    (void)promise();
    if (!has_begun(iocp_port_post_callback(stage.port, op_at(index), 0, callback, bell)))
        shim_blame("a callback was not taken");
}

/* There is room for one: only a port that finds each sleeper asleep lets the others run. */
void plain_blocked(const char *engine)
{
    if (open_stage(engine, ONE)) {
        for (unsigned i = 0; i < STEPS; i += 2) {
            sem_t *bell = &stage.steps[i].bell;

            (void)sem_init(bell, 0, 0);
            post(i, on_sleep, bell);
            post(i + 1, on_wake, bell);
        }
        await_all();
        for (unsigned i = 0; i < STEPS; i += 2)
            sem_destroy(&stage.steps[i].bell);
    }
    close_stage();
}
