/* address.c - socket addresses as text: 127.0.0.1:11000, [::1]:11000, [fe80::1%2]:11000. */
/* SPDX-License-Identifier: MIT */
#include <iocp/address.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PORT_MAX  65535
#define HOST_SIZE (INET6_ADDRSTRLEN + sizeof "%4294967295")

/* Nothing but digits, and no zeros in front: what is written is read back the same. */
static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;

    if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > max)
            return false;
    }
    *number = value;
    return true;
}

static bool read_port(const char *text, in_port_t *port)
{
    uint64_t number;

    if (!read_number(text, PORT_MAX, &number))
        return false;
    *port = htons((uint16_t)number);
    return true;
}

/* The part of `text` before `end`; false: too long for any address. */
static bool copy_host(const char *text, const char *end, char host[HOST_SIZE])
{
    const size_t length = (size_t)(end - text);

    if (length >= HOST_SIZE)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    return true;
}

/* The interface after '%', which is cut off; without one, 0. */
static bool cut_scope(char *host, uint32_t *scope)
{
    char *percent = strchr(host, '%');
    uint64_t number = 0;

    if (percent != NULL) {
        *percent = '\0';
        if (!read_number(percent + 1, UINT32_MAX, &number))
            return false;
    }
    *scope = (uint32_t)number;
    return true;
}

static int parse_ipv4(const char *text, struct sockaddr_storage *address)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    const char *colon = strchr(text, ':');
    char host[HOST_SIZE];

    if (colon == NULL || !copy_host(text, colon, host) || !read_port(colon + 1, &ipv4.sin_port) ||
        inet_pton(AF_INET, host, &ipv4.sin_addr) != 1)
        return -EINVAL;
    memcpy(address, &ipv4, sizeof ipv4);
    return sizeof ipv4;
}

static int parse_ipv6(const char *text, struct sockaddr_storage *address)
{
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    const char *bracket = strstr(text, "]:");
    char host[HOST_SIZE];

    if (bracket == NULL || !copy_host(text, bracket, host) ||
        !read_port(bracket + 2, &ipv6.sin6_port) || !cut_scope(host, &ipv6.sin6_scope_id) ||
        inet_pton(AF_INET6, host, &ipv6.sin6_addr) != 1)
        return -EINVAL;
    memcpy(address, &ipv6, sizeof ipv6);
    return sizeof ipv6;
}

int iocp_address_parse(const char *text, struct sockaddr_storage *address)
{
    return text[0] == '[' ? parse_ipv6(text + 1, address) : parse_ipv4(text, address);
}

static void format_ipv4(const struct sockaddr_in *ipv4, char *text, size_t size)
{
    char host[INET_ADDRSTRLEN];

    (void)inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof host);
    (void)snprintf(text, size, "%s:%u", host, ntohs(ipv4->sin_port));
}

static void format_ipv6(const struct sockaddr_in6 *ipv6, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    char scope[sizeof "%4294967295"] = "";

    (void)inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof host);
    if (ipv6->sin6_scope_id != 0)
        (void)snprintf(scope, sizeof scope, "%%%u", ipv6->sin6_scope_id);
    (void)snprintf(text, size, "[%s%s]:%u", host, scope, ntohs(ipv6->sin6_port));
}

const char *iocp_address_format(const struct sockaddr *address, char *text, size_t size)
{
    if (address->sa_family == AF_INET)
        format_ipv4((const struct sockaddr_in *)(const void *)address, text, size);
    else if (address->sa_family == AF_INET6)
        format_ipv6((const struct sockaddr_in6 *)(const void *)address, text, size);
    else
        (void)snprintf(text, size, "address family %u", address->sa_family);
    return text;
}
