/* test_engine.c - which engine a port gets, and what it says where the kernel refuses one. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <iocp/port.h>

#include "refusal.h"

TestSuite(engine, .timeout = 60);

static bool is_built_in(const char *wanted)
{
    const char *name;

    for (size_t i = 0; (name = iocp_engine_name(i)) != NULL; i++) {
        if (strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

static void expect_fallback(int error)
{
    struct iocp_port *port;

    refuse_io_uring(error);
    cr_assert(zero(int, iocp_port_create("auto", 1, &port)));

    cr_expect_str_eq(iocp_port_engine(port), "epoll");
    cr_assert_not_null(iocp_port_engine_note(port));
    cr_expect_not_null(strstr(iocp_port_engine_note(port), "io_uring"));
    cr_expect_not_null(strstr(iocp_port_engine_note(port), strerror(error)));
    iocp_port_free(port);

    cr_expect(eq(int, iocp_port_create("io_uring", 1, &port), -ENOTSUP));
}

Test(engine, auto_says_why_it_passed_io_uring_over_that_a_policy_forbids)
{
    if (!is_built_in("io_uring"))
        cr_skip_test("io_uring is not built in");
    expect_fallback(EPERM);
}

Test(engine, auto_says_why_it_passed_io_uring_over_that_the_kernel_lacks)
{
    if (!is_built_in("io_uring"))
        cr_skip_test("io_uring is not built in");
    expect_fallback(ENOSYS);
}

Test(engine, that_is_named_passes_no_other_over)
{
    struct iocp_port *port;

    cr_assert(zero(int, iocp_port_create("epoll", 1, &port)));

    cr_expect_str_eq(iocp_port_engine(port), "epoll");
    cr_expect_null(iocp_port_engine_note(port));
    iocp_port_free(port);
}

Test(engine, without_a_name_is_the_one_that_auto_gets)
{
    struct iocp_port *any, *automatic;

    cr_assert(zero(int, iocp_port_create(NULL, 1, &any)));
    cr_assert(zero(int, iocp_port_create("auto", 1, &automatic)));

    cr_expect_str_eq(iocp_port_engine(any), iocp_port_engine(automatic));
    iocp_port_free(any);
    iocp_port_free(automatic);
}

Test(engine, of_an_unknown_name_is_refused)
{
    struct iocp_port *port = NULL;

    cr_expect(eq(int, iocp_port_create("kqueue", 1, &port), -EINVAL));
    cr_expect_null(port);
}
