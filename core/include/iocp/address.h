/* address.h - socket addresses as text: 127.0.0.1:11000, [::1]:11000. */
/* SPDX-License-Identifier: MIT */
/* Source  IPEndPoint.ToString and IPEndPoint.Parse of .NET. */
#ifndef IOCP_ADDRESS_H
#define IOCP_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

#include <iocp/export.h>

/* Enough for any address as text, its end included. */
#define IOCP_ADDRESS_TEXT_SIZE 80

/*
 * Read "a.b.c.d:port" or "[v6]:port", with the interface where that is needed: "[fe80::1%2]:port"
 * (numbers only, no names; port 0 to 65535).
 *
 * Returns  The length of the address in bytes. -EINVAL: it is not of that form.
 */
IOCP_API IOCP_MUST_CHECK int iocp_address_parse(const char *text, struct sockaddr_storage *address);

/* Write an IPv4 or IPv6 address as text, cut to `size` bytes; returns `text`. */
IOCP_API const char *iocp_address_format(const struct sockaddr *address, char *text, size_t size);

#endif
