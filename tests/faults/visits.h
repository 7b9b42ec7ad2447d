/* visits.h - what the clients of a server do, each scenario its own. */
/* SPDX-License-Identifier: MIT */
#ifndef FAULTS_VISITS_H
#define FAULTS_VISITS_H

#include <netinet/in.h>
#include <stdbool.h>

/* Who visits: a thread of its own, from the time the server listens until it has ended. */
struct visits {
    void (*serve)(void); /* before the stop; NULL: nothing */
    void (*stop)(void);  /* after the server has been told to stop; NULL: nothing */
    int send_room;       /* what the server can send before a client receives; 0: as usual */
};

/* Start the thread; false: there is none. The shim is not armed yet. */
bool visits_start(struct visits *visits);

/* Of the visits that have been started; 0: as usual. */
int visits_send_room(void);

/* The server listens there. */
void visits_invite(in_port_t port);

/* The server has ended. Returns whether it served, at last, a client whom nothing stood in the way
 * of. */
bool visits_end(void);

extern struct visits visits_none;
extern struct visits visits_one;
extern struct visits visits_many;
extern struct visits visits_chat;
extern struct visits visits_crowd;
extern struct visits visits_narrow;
extern struct visits visits_silent;
extern struct visits visits_unfinished;

#endif
