/* fuzz_address.c - what is read as an address and written is the same address. */
/* SPDX-License-Identifier: MIT */
/* Input  Taken twice: as a text that is to be read, and as an address that is to be written: its
 *        family (1 byte), the rest as it stands in memory. */
#include <iocp/address.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "utf8.h"

enum { MARK = 0xa5 };

/* Written into exactly as much room as it takes, then with ever less. */
static void check_room(const struct sockaddr *address, const char *text)
{
    const size_t length = strlen(text);

    for (size_t room = 1; room <= length + 1; room++) {
        char *cut = malloc(room);

        require(cut != NULL, "there is memory");
        require(iocp_address_format(address, cut, room) == cut, "the text is returned");
        require(strlen(cut) == room - 1 && strncmp(cut, text, room - 1) == 0,
                "less room cuts the text");
        free(cut);
    }
}

static void check_written(const struct sockaddr_storage *address, int length)
{
    const struct sockaddr *plain = (const struct sockaddr *)(const void *)address;
    struct sockaddr_storage again;
    char text[IOCP_ADDRESS_TEXT_SIZE];

    memset(&again, 0, sizeof again);
    (void)iocp_address_format(plain, text, sizeof text);
    require(utf8_is_harmless(text), "an address is harmless");
    check_room(plain, text);
    if (length == 0)
        return; /* of another family */
    require(iocp_address_parse(text, &again) == length, "what is written can be read");
    require(memcmp(&again, address, (size_t)length) == 0, "and is the same");
}

static void check_text(const char *text)
{
    struct sockaddr_storage address, untouched;
    char again[IOCP_ADDRESS_TEXT_SIZE];
    int length;

    memset(&untouched, MARK, sizeof untouched);
    memset(&address, MARK, sizeof address);
    length = iocp_address_parse(text, &address);
    if (length < 0) {
        require(length == -EINVAL, "it is refused so");
        require(memcmp(&address, &untouched, sizeof address) == 0, "it is left alone then");
        return;
    }
    check_written(&address, length);
    if (address.ss_family == AF_INET) {
        (void)iocp_address_format((struct sockaddr *)(void *)&address, again, sizeof again);
        require(strcmp(text, again) == 0, "an IPv4 address has one form");
    }
}

static void check_bytes(const uint8_t *bytes, size_t size)
{
    static const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, 65535};
    struct sockaddr_storage address = {0};
    struct sockaddr_in ipv4 = {0};
    struct sockaddr_in6 ipv6 = {0};
    int length = 0;

    if (size < 1 + sizeof ipv6)
        return;
    memcpy(&ipv4, bytes + 1, sizeof ipv4);
    memcpy(&ipv6, bytes + 1, sizeof ipv6);
    ipv6.sin6_flowinfo = 0; /* has no text */
    memset(ipv4.sin_zero, 0, sizeof ipv4.sin_zero);
    ipv4.sin_family = ipv6.sin6_family = address.ss_family = families[bytes[0] % 4];
    if (address.ss_family == AF_INET)
        memcpy(&address, &ipv4, (size_t)(length = sizeof ipv4));
    if (address.ss_family == AF_INET6)
        memcpy(&address, &ipv6, (size_t)(length = sizeof ipv6));
    check_written(&address, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = text_of(bytes, size);

    check_text(text);
    free(text);
    check_bytes(bytes, size);
    return 0;
}
