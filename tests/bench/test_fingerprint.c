/* test_fingerprint.c - the machine and the build are found out. */
/* SPDX-License-Identifier: MIT */
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <iocp/port.h>

#include "made_results.h"

TestSuite(fingerprint, .timeout = 60);

Test(fingerprint, tells_the_machine_and_the_build)
{
    struct fingerprint machine;
    struct utsname system;
    bool engine_known = false;

    cr_assert(zero(int, uname(&system)));
    memset(&machine, 'x', sizeof machine);
    fingerprint_read(&machine);
    cr_expect(lt(uint, 0, machine.cpus));
    cr_expect(lt(dbl, 0, machine.memory_gib));
    cr_expect(lt(ulong, 0, machine.descriptors));
    expect_part(machine.kernel, system.release);
    expect_part(machine.kernel, system.machine);
    expect_part(machine.compiler, ".");
    expect_part(machine.flags, "-");
    expect_part(machine.version, ".");
    for (size_t i = 0; iocp_engine_name(i); i++)
        engine_known |= strcmp(iocp_engine_name(i), machine.engine) == 0;
    cr_expect(engine_known, "it is: %s", machine.engine);
    cr_expect(eq(sz, strspn(machine.commit, "0123456789abcdef"), strlen(machine.commit)));
    cr_expect(strpbrk(machine.cpu, "\n\"") == NULL, "the model is: %s", machine.cpu);
    cr_expect(strpbrk(machine.os, "\n\"=") == NULL, "the system is: %s", machine.os);
}

Test(fingerprint, counts_the_processors_that_may_be_used)
{
    struct fingerprint machine;
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    cr_assert(zero(int, sched_setaffinity(0, sizeof one, &one)));
    fingerprint_read(&machine);
    cr_expect(eq(uint, machine.cpus, 1));
}
