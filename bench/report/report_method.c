/* report_method.c - see report_parts.h. */
/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "html.h"
#include "report_parts.h"

static bool any_placed(const struct results *results, const char *placement)
{
    for (size_t i = 0; i < results->case_count; i++)
        if (strcmp(results->cases[i].placement, placement) == 0)
            return true;
    return false;
}

static void put_placement(FILE *page, const struct results *results)
{
    if (any_placed(results, "same"))
        html_element(page, "li",
                     "Placement \"same\": server and load generator share one processor, so that "
                     "its time is the only thing they compete for.");
    if (any_placed(results, "apart"))
        html_element(page, "li",
                     "Placement \"apart\": the server has one processor for itself, the load "
                     "generator another.");
    if (any_placed(results, "free"))
        html_element(page, "li",
                     "Placement \"free\": the kernel decides which processors server and load "
                     "generator run on.");
}

static bool any_of(const struct results *results, const char *scenario)
{
    for (size_t i = 0; i < results->case_count; i++)
        if (strcmp(results->cases[i].scenario, scenario) == 0)
            return true;
    return false;
}

static void put_scenarios(FILE *page, const struct results *results)
{
    if (any_of(results, "blocked"))
        html_element(
            page, "li",
            "Scenario \"blocked\": libiocp has 8 workers, of which as many may run at once "
            "as the peers have threads; \"threads\" has one for each connection.");
    if (any_of(results, "idle"))
        html_element(page, "li",
                     "Scenario \"idle\": the memory is the server process's own; that of its "
                     "sockets in the kernel is not in it.");
    if (any_of(results, "overload"))
        html_element(
            page, "li",
            "Scenario \"overload\": what a connection has no room for waits in a line as long as "
            "its depth; where another message would have to wait, the oldest is never sent. An "
            "answer within 100 ms of its message's moment is in time; what is possible is the mean "
            "of the server's own peaks in a closed loop, before and after. Latency is back when it "
            "is what a calm load, half of the peak before, had.");
    if (any_of(results, "soak"))
        html_element(
            page, "li",
            "Scenario \"soak\": loads of five kinds at once, at 70 % of the rate at which "
            "they go without a schedule. The growth of memory is that from the first tenth "
            "of the measured time to the last.");
    if (any_of(results, "port") || any_of(results, "queue"))
        html_element(page, "li",
                     "Scenarios \"port\" and \"queue\": the processor time is that of producers "
                     "and workers together.");
}

static size_t most_rounds(const struct results *results)
{
    size_t most = 0;

    for (size_t i = 0; i < results->row_count; i++)
        for (size_t figure = 0; figure < FIGURES; figure++)
            if (results->rows[i].figures[figure].count > most)
                most = results->rows[i].figures[figure].count;
    return most;
}

static void put_method(FILE *page, const struct results *results)
{
    size_t rounds = most_rounds(results);

    html_element(page, "h2", "How it was measured");
    html_put(page, "<ul>\n");
    if (rounds > 0)
        html_put(page,
                 "<li>%zu round%s, of which the median counts. In each round the subjects take "
                 "turns, so that what else the machine does meets all of them alike.</li>\n",
                 rounds, rounds == 1 ? "" : "s");
    html_element(
        page, "li",
        "One load generator for all, a thread that uses nothing of libiocp. It compares what "
        "comes back with what it has sent.");
    put_placement(page, results);
    put_scenarios(page, results);
    html_element(page, "li",
                 "INVALID: it was measured, but is not to be believed, for instance because the "
                 "load generator was the one that was busy. It stands in the table with the "
                 "reason, and in no chart and no comparison.");
    html_element(page, "li", "FAILED: something went wrong; the rounds before that count.");
    html_element(page, "li", "SKIPPED: it is not installed here, or cannot do this.");
    html_put(page, "</ul>\n");
}

static void put_line(FILE *page, const char *name, const char *value)
{
    if (!*value)
        return;
    html_put(page, "<tr>");
    html_element(page, "th scope=\"row\"", name);
    html_element(page, "td", value);
    html_put(page, "</tr>\n");
}

static void put_number(FILE *page, const char *name, const char *format, double value)
{
    char text[48];

    (void)snprintf(text, sizeof text, "%.*f%s", value < 100 && *format == ' ' ? 1 : 0, value,
                   format);
    if (value > 0)
        put_line(page, name, text);
}

static void put_machine(FILE *page, const struct fingerprint *machine)
{
    char commit[96];

    (void)snprintf(commit, sizeof commit, "%s%s", machine->commit,
                   machine->dirty ? ", with changes" : "");
    html_element(page, "h2", "The machine");
    html_put(page, "<table class=\"machine\"><tbody>\n");
    put_line(page, "processor", machine->cpu);
    put_number(page, "processors to use", "", machine->cpus);
    put_number(page, "memory", " GiB", machine->memory_gib);
    put_line(page, "kernel", machine->kernel);
    put_line(page, "system", machine->os);
    put_line(page, "TCP congestion control", machine->congestion);
    put_number(page, "open files, at most", "", (double)machine->descriptors);
    put_line(page, "engine \"auto\"", machine->engine);
    put_line(page, "compiler", machine->compiler);
    put_line(page, "build", machine->flags);
    put_line(page, "libiocp", machine->version);
    put_line(page, "commit", machine->commit[0] ? commit : "");
    html_put(page, "</tbody></table>\n");
}

void report_method(FILE *page, const struct results *results)
{
    put_method(page, results);
    put_machine(page, &results->machine);
    if (results->command[0]) {
        html_element(page, "h2", "To do it again");
        html_put(page, "<pre tabindex=\"0\">");
        html_element(page, "code", results->command);
        html_put(page, "</pre>\n");
    }
}
