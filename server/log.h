/* log.h - one-line records on stderr. */
/* SPDX-License-Identifier: MIT */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

/* Write one line, its end added, by one write(2): lines of several threads never mix. What is
 * longer than LOG_LINE_SIZE is cut. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define LOG_LINE_SIZE 4096

#endif
