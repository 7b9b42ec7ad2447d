/* export.h - marks of the public functions: visible outside, result must be looked at. */
/* SPDX-License-Identifier: MIT */
#ifndef IOCP_EXPORT_H
#define IOCP_EXPORT_H

#define IOCP_API        __attribute__((visibility("default")))
#define IOCP_MUST_CHECK __attribute__((warn_unused_result))

/* As a time-out in milliseconds: wait for ever. 0 means: look, do not wait. */
#define IOCP_INFINITE (-1)

#endif
