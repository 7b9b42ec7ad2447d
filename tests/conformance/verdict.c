/* verdict.c - from the outcomes of tests to a verdict on a statement. */
/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#define STALE "is said not to apply, but has passed"
#define BARE  "has neither a test nor a reason"

static struct verdict fail(const char *why, const char *test)
{
    return (struct verdict){FAIL, why, test};
}

static struct verdict not_applicable(const char *why, const char *test)
{
    return (struct verdict){NOT_APPLICABLE, why, test};
}

/* The verdict of the tests alone; ANY if no test used the engine, so also without any test. */
static struct verdict judge_tests(const struct statement *statement,
                                  const struct outcomes *with_engine,
                                  const struct outcomes *without)
{
    struct verdict verdict = {ANY, "", ""};

    for (size_t i = 0; i < statement->test_count; i++) {
        const char *test = statement->tests[i];
        struct outcome outcome;
        const bool uses_engine = outcomes_find(with_engine, test, &outcome);

        if (!uses_engine && !outcomes_find(without, test, &outcome))
            return fail("did not run", test);
        if (outcome.result == FAILED)
            return fail("failed", test);
        if (outcome.result == SKIPPED)
            verdict = not_applicable(outcome.remark, test);
        else if (uses_engine && verdict.mark == ANY)
            verdict.mark = PASS;
    }
    return verdict;
}

struct verdict judge(const struct statement *statement, const char *engine,
                     const struct outcomes *with_engine, const struct outcomes *without)
{
    const char *reason = statement_reason(statement, engine);
    struct verdict verdict = judge_tests(statement, with_engine, without);

    if (statement->test_count == 0 && reason == NULL)
        reason = statement_group_reason(statement, engine);
    if (statement->test_count == 0)
        return reason ? not_applicable(reason, "") : fail(BARE, "");
    if (verdict.mark == FAIL || reason == NULL)
        return verdict;
    return verdict.mark == NOT_APPLICABLE ? not_applicable(reason, verdict.test) : fail(STALE, "");
}

struct verdict judge_simulated(const struct statement *statement, bool passed,
                               const struct verdict *elsewhere)
{
    const char *reason = statement_reason(statement, "sim");

    if (statement->simulated && reason)
        return fail(STALE, "");
    if (statement->simulated)
        return passed ? (struct verdict){PASS, "", ""} : fail("failed", "simulation");
    if (reason == NULL && elsewhere->mark == ANY)
        return *elsewhere;
    if (reason == NULL)
        reason = statement_group_reason(statement, "sim");
    return reason ? not_applicable(reason, "") : fail(BARE, "");
}
