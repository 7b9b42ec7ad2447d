/* wrap.h - names of the linker's --wrap: a call of `name` comes to WRAP(name). */
/* SPDX-License-Identifier: MIT */
/*
 * A wrapped call that does not come from a simulated thread, or is about a descriptor that is
 * not simulated, goes on to REAL(name), the C library's.
 */
#ifndef SIM_WRAP_H
#define SIM_WRAP_H

#define WRAP(name) __wrap_##name
#define REAL(name) __real_##name

#endif
