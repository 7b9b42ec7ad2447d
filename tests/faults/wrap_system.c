/* wrap_system.c - threads and files; and the operations that are begun and completed. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "op.h"
#include "shim.h"

typedef void *thread_start(void *argument);

int REAL(pthread_create)(pthread_t *id, const pthread_attr_t *attributes, thread_start *start,
                         void *argument);
int REAL(pthread_join)(pthread_t id, void **result);
int REAL(open)(const char *path, int flags, ...);
ssize_t REAL(read)(int fd, void *bytes, size_t size);
ssize_t REAL(write)(int fd, const void *bytes, size_t size);
int REAL(sched_getaffinity)(pid_t process, size_t size, cpu_set_t *set);
void REAL(op_begin)(struct iocp_op *op, enum op_kind kind, struct iocp_socket *socket,
                    iocp_callback *callback, void *context);
void REAL(op_revoke)(struct iocp_op *op);
void REAL(op_complete)(struct iocp_op *op);
int WRAP(pthread_create)(pthread_t *id, const pthread_attr_t *attributes, thread_start *start,
                         void *argument);
int WRAP(pthread_join)(pthread_t id, void **result);
int WRAP(open)(const char *path, int flags, ...);
ssize_t WRAP(read)(int fd, void *bytes, size_t size);
ssize_t WRAP(write)(int fd, const void *bytes, size_t size);
int WRAP(sched_getaffinity)(pid_t process, size_t size, cpu_set_t *set);
void WRAP(op_begin)(struct iocp_op *op, enum op_kind kind, struct iocp_socket *socket,
                    iocp_callback *callback, void *context);
void WRAP(op_revoke)(struct iocp_op *op);
void WRAP(op_complete)(struct iocp_op *op);

int WRAP(pthread_create)(pthread_t *id, const pthread_attr_t *attributes, thread_start *start,
                         void *argument)
{
    int error = shim_fails(CALL_PTHREAD_CREATE);

    if (error == 0)
        error = REAL(pthread_create)(id, attributes, start, argument);
    if (error == 0)
        atomic_fetch_add(&shim_threads, 1);
    return error;
}

int WRAP(pthread_join)(pthread_t id, void **result)
{
    atomic_fetch_sub(&shim_threads, 1);
    return REAL(pthread_join)(id, result);
}

/* The product opens nothing that it would have to create. */
int WRAP(open)(const char *path, int flags, ...)
{
    return shim_fails(CALL_OPEN) ? -1 : REAL(open)(path, flags);
}

ssize_t WRAP(read)(int fd, void *bytes, size_t size)
{
    return shim_fails(CALL_READ) ? -1 : REAL(read)(fd, bytes, size);
}

/* What the server logs, thousands of times over, is for nobody. */
ssize_t WRAP(write)(int fd, const void *bytes, size_t size)
{
    if (shim_fails(CALL_WRITE))
        return -1;
    return fd == STDERR_FILENO && !shim_is_outside() ? (ssize_t)size : REAL(write)(fd, bytes, size);
}

int WRAP(sched_getaffinity)(pid_t process, size_t size, cpu_set_t *set)
{
    return shim_fails(CALL_SCHED_GETAFFINITY) ? -1 : REAL(sched_getaffinity)(process, size, set);
}

void WRAP(op_begin)(struct iocp_op *op, enum op_kind kind, struct iocp_socket *socket,
                    iocp_callback *callback, void *context)
{
    if (kind != OP_CALL)
        atomic_fetch_add(&shim_operations, 1);
    REAL(op_begin)(op, kind, socket, callback, context);
}

void WRAP(op_revoke)(struct iocp_op *op)
{
    if (op->kind != OP_CALL)
        atomic_fetch_sub(&shim_operations, 1);
    REAL(op_revoke)(op);
}

/* Whether twice or never: the balance tells. A posted call has no outcome, and only runs. */
void WRAP(op_complete)(struct iocp_op *op)
{
    if (op->kind != OP_CALL)
        atomic_fetch_sub(&shim_operations, 1);
    REAL(op_complete)(op);
}
