/* fingerprint.h - the machine and the build that figures were measured with. */
/* SPDX-License-Identifier: MIT */
#ifndef BENCH_FINGERPRINT_H
#define BENCH_FINGERPRINT_H

#include <stdbool.h>

struct fingerprint {
    char cpu[96];              /* model */
    unsigned cpus;             /* that may be used */
    double memory_gib;         /* of the machine */
    char kernel[96];           /* release and machine, as uname tells them */
    char os[96];               /* PRETTY_NAME */
    char congestion[24];       /* control of TCP, as new sockets have it */
    unsigned long descriptors; /* the hard limit */
    char engine[24];           /* what "auto" chooses here */
    char compiler[96];
    char flags[160];  /* build type and its flags */
    char version[24]; /* of libiocp */
    char commit[48];  /* of the sources; empty: not known */
    bool dirty;       /* the sources differed from that commit */
};

/* What cannot be found out stays empty. Call it before the process is bound to some of its CPUs. */
void fingerprint_read(struct fingerprint *machine);

#endif
