/* fault.h - failures of the system that a seed deals out. */
/* SPDX-License-Identifier: MIT */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdbool.h>

enum fault {
    FAULT_INTERRUPT,  /* EINTR */
    FAULT_SHORT_SEND, /* fewer bytes are taken than there is room for */
    FAULT_DESCRIPTOR, /* EMFILE */
    FAULT_MEMORY,     /* no memory */
    FAULT_WATCH,      /* epoll_ctl has no room */
    FAULT_THREAD,     /* EAGAIN for a new thread */
    FAULT_COUNT,
};

/* None strikes. */
void fault_clear_all(void);

/* From now on it strikes once in so many times; 0: never. */
void fault_set_odds(enum fault fault, unsigned odds);

bool fault_strikes(enum fault fault);

/* How often has it struck since the last fault_clear_all? */
unsigned fault_count(enum fault fault);

#endif
