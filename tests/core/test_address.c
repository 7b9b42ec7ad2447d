/* Addresses as text: what is read, what is refused, what is written. */
/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include <iocp/address.h>

TestSuite(address, .timeout = 10);

/* What comes of reading the text and writing it again. */
static const char *read_and_write(const char *text)
{
    static char written[IOCP_ADDRESS_TEXT_SIZE];
    struct sockaddr_storage address;

    if (iocp_address_parse(text, &address) < 0)
        return "refused";
    return iocp_address_format((const struct sockaddr *)&address, written, sizeof written);
}

Test(address, ipv4_is_read_into_its_parts)
{
    struct sockaddr_storage address;
    struct sockaddr_in ipv4;

    cr_assert(eq(int, iocp_address_parse("127.0.0.1:11000", &address), sizeof ipv4));
    memcpy(&ipv4, &address, sizeof ipv4);

    cr_expect(eq(int, ipv4.sin_family, AF_INET));
    cr_expect(eq(int, ntohs(ipv4.sin_port), 11000));
    cr_expect(eq(u32, ntohl(ipv4.sin_addr.s_addr), INADDR_LOOPBACK));
}

Test(address, ipv6_is_read_into_its_parts)
{
    struct sockaddr_storage address;
    struct sockaddr_in6 ipv6;

    cr_assert(eq(int, iocp_address_parse("[::1%7]:11000", &address), sizeof ipv6));
    memcpy(&ipv6, &address, sizeof ipv6);

    cr_expect(eq(int, ipv6.sin6_family, AF_INET6));
    cr_expect(eq(int, ntohs(ipv6.sin6_port), 11000));
    cr_expect(zero(int, memcmp(&ipv6.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback)));
    cr_expect(eq(u32, ipv6.sin6_scope_id, 7));
    cr_expect(zero(u32, ipv6.sin6_flowinfo));
}

Test(address, what_is_written_is_what_was_read)
{
    static const char *const texts[] = {
        "0.0.0.0:0",
        "127.0.0.1:11000",
        "255.255.255.255:65535",
        "[::]:0",
        "[::1]:11000",
        "[2001:db8::8:800:200c:417a]:443",
        "[fe80::1%4294967295]:80",
        "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
        "[::ffff:192.0.2.1]:80",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_str_eq(read_and_write(texts[i]), texts[i], "%s", texts[i]);
}

Test(address, whatever_is_not_of_the_form_is_refused)
{
    static const char *const texts[] = {
        "",
        ":",
        ":80",
        "80",
        "*:80",
        "localhost:80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:18446744073709551696",
        "127.0.0.1:-1",
        "127.0.0.1:+80",
        "127.0.0.1: 80",
        "127.0.0.1:80 ",
        "127.0.0.1:080",
        "127.0.0.1:0x50",
        "127.0.0.1:http",
        "127.0.0.1:80:80",
        " 127.0.0.1:80",
        "127.0.0.1 :80",
        "127.1:80",
        "127.0.0.256:80",
        "127.0.0.1.1:80",
        "[127.0.0.1]:80",
        "::1:80",
        "[::1]",
        "[::1]:",
        "[::1]80",
        "[::1:80",
        "[]:80",
        "[[::1]]:80",
        "[::1]:65536",
        "[::1]:80x",
        "[1::2::3]:80",
        "[::g]:80",
        "[fe80::1%]:80",
        "[fe80::1%x]:80",
        "[fe80::1%4294967296]:80",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff]:80",
        "1111111111111111111111111111111111111111111111111111111111111111111111111.0.0.1:80",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_str_eq(read_and_write(texts[i]), "refused", "%s", texts[i]);
}

Test(address, a_refused_text_leaves_the_output_untouched)
{
    struct sockaddr_storage address;
    struct sockaddr_storage before;

    memset(&address, 0x5a, sizeof address);
    before = address;

    cr_expect(eq(int, iocp_address_parse("127.0.0.1:65536", &address), -EINVAL));
    cr_expect(eq(int, iocp_address_parse("[::1%x]:80", &address), -EINVAL));
    cr_expect(zero(int, memcmp(&address, &before, sizeof address)));
}

Test(address, the_longest_text_fits_the_size_that_is_promised)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(65535)};
    char text[IOCP_ADDRESS_TEXT_SIZE + 1];

    memset(&address.sin6_addr, 0xff, sizeof address.sin6_addr);
    address.sin6_scope_id = UINT32_MAX;
    (void)iocp_address_format((const struct sockaddr *)&address, text, sizeof text);

    cr_expect_str_eq(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
    cr_expect(lt(sz, strlen(text), IOCP_ADDRESS_TEXT_SIZE));
}

Test(address, a_text_that_does_not_fit_is_cut_and_ended)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    char text[] = "################";

    cr_expect(iocp_address_format((struct sockaddr *)&address, text, 9) == text);

    cr_expect_str_eq(text, "0.0.0.0:");
    cr_expect(eq(chr, text[9], '#'));
}

Test(address, an_address_of_another_family_is_named_by_its_number)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "somewhere"};
    char text[IOCP_ADDRESS_TEXT_SIZE];

    (void)iocp_address_format((struct sockaddr *)&address, text, sizeof text);

    cr_expect_str_eq(text, "address family 1");
}
