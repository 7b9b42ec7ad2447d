/* socket.h - TCP sockets whose operations are begun by any thread and complete at a port. */
/* SPDX-License-Identifier: MIT */
/*
 * Source     Socket.BeginX/EndX of .NET; WSARecv, WSASend, AcceptEx, ConnectEx, CancelIoEx and
 *            closesocket of Windows.
 * Threads    Every function may be called from any thread, also from the socket's callbacks.
 * Two errors begin < 0: nothing was begun, the callback never runs. begin = 0: the callback
 *            runs exactly once, and end yields what the operation itself came to. Every
 *            begin fails with
 *              -EBADF      the socket is closed
 *              -EBUSY      `op` is in flight
 *              -ESHUTDOWN  the port is closed, or this direction of the socket was shut down
 *              -EINVAL     a missing or impossible argument
 *              -ENOMEM, -ENOSPC  the kernel has no room to watch one more socket
 *            and beside these as its own text says.
 * Start      What a callback begins may be left until its thread next waits, or looks after its
 *            sockets: after 32 callbacks, or when some milliseconds have passed and the one it is
 *            in returns. If that one is long, another thread that waits at the port finds that:
 *            after about a millisecond. So the operations of several callbacks go to the kernel in
 *            one call.
 * Order      Receives (sends) in flight on a socket are filled (sent) in the order of their
 *            begins, never interleaved.
 */
#ifndef IOCP_SOCKET_H
#define IOCP_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <iocp/export.h>
#include <iocp/op.h>
#include <iocp/port.h>

struct iocp_socket;

/*
 * Create a TCP socket at `port`; its completions carry `key`. It is non-blocking and
 * close-on-exec, belongs to this port for good, and has TCP_NODELAY on. `family` is AF_INET or
 * AF_INET6 (which then takes IPv6 alone).
 *
 * Ownership  The caller ends it with iocp_socket_free.
 * Returns    0. -EAFNOSUPPORT, -EMFILE, -ENFILE, -ENOMEM, -ESHUTDOWN (the port is closed).
 */
IOCP_API IOCP_MUST_CHECK int iocp_socket_create(struct iocp_port *port, int family, uintptr_t key,
                                                struct iocp_socket **socket);

/*
 * Take over an open TCP descriptor: listening, connected or neither. It becomes non-blocking
 * and close-on-exec, with TCP_NODELAY on. An option that has no function here, such as
 * SO_REUSEPORT before a bind, is set on the descriptor first.
 *
 * Ownership  On success the descriptor is the socket's; on failure it stays the caller's.
 * Returns    0. -ENOTSOCK, -EBADF, -ENOMEM, -ESHUTDOWN (the port is closed).
 */
IOCP_API IOCP_MUST_CHECK int iocp_socket_adopt(struct iocp_port *port, int descriptor,
                                               uintptr_t key, struct iocp_socket **socket);

/*
 * The same for a descriptor that accept4(2) has just returned, with SOCK_NONBLOCK and
 * SOCK_CLOEXEC: it is taken as it is, and the kernel asked nothing. Its options are those of the
 * listener, TCP_NODELAY too.
 *
 * Ownership  As iocp_socket_adopt.
 * Returns    0. -ENOMEM, -ESHUTDOWN.
 */
IOCP_API IOCP_MUST_CHECK int iocp_socket_adopt_accepted(struct iocp_port *port, int descriptor,
                                                        uintptr_t key, struct iocp_socket **socket);

/* Bind to a local address, with SO_REUSEADDR. Returns 0 or bind(2)'s negative errno, -EBADF. */
IOCP_API IOCP_MUST_CHECK int iocp_socket_bind(struct iocp_socket *socket,
                                              const struct sockaddr *address, socklen_t length);

/* Listen, with room for `backlog` connections nobody has accepted yet (the kernel caps it at
 * net.core.somaxconn). Returns 0 or listen(2)'s negative errno, -EBADF. */
IOCP_API IOCP_MUST_CHECK int iocp_socket_listen(struct iocp_socket *socket, int backlog);

/* The socket's own, or its peer's, address. Returns its length in bytes, or the negative errno
 * of getsockname(2) or getpeername(2), -EBADF. */
IOCP_API IOCP_MUST_CHECK int iocp_socket_local_address(struct iocp_socket *socket,
                                                       struct sockaddr_storage *address);
IOCP_API IOCP_MUST_CHECK int iocp_socket_remote_address(struct iocp_socket *socket,
                                                        struct sockaddr_storage *address);

/* From now on an operation that succeeds inside begin posts no completion: any begin may return
 * 1, and end is due at once. Cannot be taken back. (FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) */
IOCP_API void iocp_socket_skip_on_success(struct iocp_socket *socket);

/*
 * Begin accepting a connection on a listening socket. Several may be in flight.
 * Returns  0, 1; -EINVAL also if the socket does not listen.
 */
IOCP_API IOCP_MUST_CHECK int iocp_begin_accept(struct iocp_socket *listener, struct iocp_op *op,
                                               iocp_callback *callback, void *context);

/*
 * The same, and receive the connection's first bytes: completes with at least one of them, at
 * most `size`, or with 0 when the client has ended its sending, or the connection, without any.
 * (If it was reset, the first receive on the new socket says so: nothing that a client does
 * makes an accept fail.) iocp_op_count tells how many. With `size` 0 there is no difference.
 *
 * A client that is connected and silent keeps this operation waiting, not the listener's
 * others; so have several in flight, and set a deadline (it counts from begin). If the operation
 * is cancelled or past its deadline while it waits for data, the client sees a reset.
 *
 * Ownership  `op` and `buffer` are the library's until the callback starts.
 * Returns    As iocp_begin_accept.
 */
IOCP_API IOCP_MUST_CHECK int iocp_begin_accept_receive(struct iocp_socket *listener,
                                                       struct iocp_op *op, void *buffer,
                                                       size_t size, iocp_callback *callback,
                                                       void *context);

/*
 * End an accept of either kind: the new socket stands at the listener's port, and its
 * completions carry `key`. If it cannot be made the connection is closed.
 *
 * Returns  0 and *socket (the caller's, as from iocp_socket_create). -ECANCELED, -EMFILE,
 *          -ENFILE, -ENOMEM, -ETIMEDOUT, -ESHUTDOWN (the port is closed); or as every end, below.
 */
IOCP_API IOCP_MUST_CHECK int iocp_end_accept(struct iocp_socket *listener, struct iocp_op *op,
                                             uintptr_t key, struct iocp_socket **socket);

/*
 * Begin connecting to `address`, which is read before this returns.
 * Returns  0, 1; -EISCONN, -EALREADY (a connect is in flight); -EINVAL (neither IPv4 nor IPv6).
 *          After a connect that failed the socket is good for nothing but closing.
 */
IOCP_API IOCP_MUST_CHECK int iocp_begin_connect(struct iocp_socket *socket, struct iocp_op *op,
                                                const struct sockaddr *address, socklen_t length,
                                                iocp_callback *callback, void *context);

/* Where to connect, and what to send there first: `size` bytes from `buffer`. */
struct iocp_destination {
    const struct sockaddr *address;
    socklen_t length;
    const void *buffer;
    size_t size;
};

/*
 * Begin connecting, and send the first data before it completes: all of them, or an error;
 * iocp_op_count tells how many bytes went. Until then the socket counts as unconnected: begins
 * fail with -ENOTCONN. If the send fails it is good for nothing but closing. With `size` 0 this
 * is iocp_begin_connect.
 *
 * Ownership  `op` and the buffer are the library's until the callback starts; `to` and the
 *            address are read before this returns.
 * Returns    As iocp_begin_connect.
 */
IOCP_API IOCP_MUST_CHECK int iocp_begin_connect_send(struct iocp_socket *socket, struct iocp_op *op,
                                                     const struct iocp_destination *to,
                                                     iocp_callback *callback, void *context);

/* End a connect of either kind. Returns 0, connect(2)'s negative errno, the error of the send, or
 * as every end. */
IOCP_API IOCP_MUST_CHECK int iocp_end_connect(struct iocp_socket *socket, struct iocp_op *op);

/*
 * Begin receiving up to `size` bytes into `buffer`. Completes with at least one byte, or with
 * 0 when the peer has ended its sending; never waits for more. With `size` 0 it completes with
 * 0 when something is there to be received, and takes none of it.
 *
 * Ownership  `op` and `buffer` are the library's until the callback starts.
 * Returns    0, 1; -ENOTCONN, or the error which ended the
 *            connection (-ECONNRESET, again and again; once all that came before is received).
 */
IOCP_API IOCP_MUST_CHECK int iocp_begin_receive(struct iocp_socket *socket, struct iocp_op *op,
                                                void *buffer, size_t size, iocp_callback *callback,
                                                void *context);

/* The same into 1 to IOCP_PARTS_MAX buffers, filled in their order. The array is copied. */
IOCP_API IOCP_MUST_CHECK int iocp_begin_receive_vector(struct iocp_socket *socket,
                                                       struct iocp_vector_op *op,
                                                       const struct iovec *parts, size_t part_count,
                                                       iocp_callback *callback, void *context);

/*
 * End a receive, plain or vectored; waits if it has not completed. (Someone has to carry it out
 * meanwhile: a thread that waits at the port, or this one, if it takes completions there.) This
 * holds for every end:
 *
 * Returns  Bytes received; 0 at the end of the stream. The operation's error: -ECONNRESET,
 *          -ECANCELED (cancelled or closed), -ETIMEDOUT (its deadline). -EALREADY: it has
 *          been ended before. -EINVAL: it is not a receive of this socket, or was never begun;
 *          its result stays as it is.
 */
IOCP_API IOCP_MUST_CHECK ssize_t iocp_end_receive(struct iocp_socket *socket, struct iocp_op *op);

/*
 * Begin sending `size` bytes from `buffer`: all of them, or an error. Completes when the kernel
 * has taken them, not when the peer has. A send that was cut short (cancelled, past its
 * deadline, failed) leaves the stream broken: every later send fails with -EPIPE.
 *
 * Ownership  `op` and `buffer` are the library's until the callback starts.
 * Returns    As iocp_begin_receive.
 */
IOCP_API IOCP_MUST_CHECK int iocp_begin_send(struct iocp_socket *socket, struct iocp_op *op,
                                             const void *buffer, size_t size,
                                             iocp_callback *callback, void *context);

/* The same from 1 to IOCP_PARTS_MAX buffers, sent in their order. The array is copied. */
IOCP_API IOCP_MUST_CHECK int iocp_begin_send_vector(struct iocp_socket *socket,
                                                    struct iocp_vector_op *op,
                                                    const struct iovec *parts, size_t part_count,
                                                    iocp_callback *callback, void *context);

/*
 * Begin sending the last bytes, and shut the sending down behind them: the peer sees the end with
 * them, in the same segment, where iocp_socket_shutdown sends it one more. Sends in flight go
 * first; begins of sends afterwards fail with -ESHUTDOWN. If the send fails the peer does not see
 * the end, and cannot take what it got for all: a close or an abort is then to tell it which. If
 * begin fails the sending stays open. (TransmitFile with TF_DISCONNECT)
 *
 * Ownership  As iocp_begin_send.
 * Returns    As iocp_begin_receive.
 */
IOCP_API IOCP_MUST_CHECK int iocp_begin_send_shutdown(struct iocp_socket *socket,
                                                      struct iocp_op *op, const void *buffer,
                                                      size_t size, iocp_callback *callback,
                                                      void *context);

/* End a send of any kind. Returns the number of bytes, all of them; or as every end. */
IOCP_API IOCP_MUST_CHECK ssize_t iocp_end_send(struct iocp_socket *socket, struct iocp_op *op);

/*
 * Shut down one direction or both: SHUT_RD, SHUT_WR, SHUT_RDWR. Operations in flight go on: a
 * receive may still take what arrives, sends are sent before the peer sees the end; if the last of
 * them fails it sees none. Begins afterwards fail with -ESHUTDOWN.
 *
 * Returns  0, -ENOTCONN, -EBADF, -EINVAL.
 */
IOCP_API IOCP_MUST_CHECK int iocp_socket_shutdown(struct iocp_socket *socket, int how);

/*
 * Ask for `op`, or with NULL for every operation in flight on the socket, to be cancelled. Each
 * still completes, exactly once: with -ECANCELED, or as it would have if that came first. No
 * data is lost. Never waits. (CancelIoEx)
 *
 * Returns  How many were asked for. -ENOENT: none is in flight. -EBADF.
 */
IOCP_API IOCP_MUST_CHECK int iocp_socket_cancel(struct iocp_socket *socket, struct iocp_op *op);

/*
 * Close the socket; never waits. Operations in flight complete with -ECANCELED, and their
 * callbacks run after this. The peer sees an orderly end if nothing was in flight and all
 * input was received, else a reset, which may overtake what was sent last: shut the sending
 * down first, and receive to the end, where that matters. (On io_uring the kernel may have received
 * for a socket that was received from before: what came so and no thread has looked at yet is
 * dropped without a reset.)
 *
 * Returns  0. -EBADF: it is closed already.
 */
IOCP_API int iocp_socket_close(struct iocp_socket *socket);

/* Close the socket so that the peer sees a reset in any case. Returns as iocp_socket_close. */
IOCP_API int iocp_socket_abort(struct iocp_socket *socket);

/* Close the socket if it is open and give up the caller's hold on it. Operations in flight keep
 * what they need; end may still be called with the pointer, nothing else. NULL is allowed. */
IOCP_API void iocp_socket_free(struct iocp_socket *socket);

#endif
