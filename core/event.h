/* event.h - how many wait on an event: lets a test wait for the waiters. */
/* SPDX-License-Identifier: MIT */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stddef.h>

#include <iocp/event.h>

/* The threads that the next set finds: registered, and not yet released by a set of this event. */
size_t event_waiter_count(struct iocp_event *event);

#endif
