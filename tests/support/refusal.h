/* refusal.h - a kernel that refuses something to this process. */
/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_REFUSAL_H
#define SUPPORT_REFUSAL_H

/* From now on io_uring_setup(2) fails with that errno, as by the policy of a container. The test
 * is skipped where nothing can be refused. */
void refuse_io_uring(int error);

#endif
