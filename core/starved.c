/* starved.c - tell when completions waited and no thread of the port was free for long. */
/* SPDX-License-Identifier: MIT */
#include "blocked.h"
#include "clock.h"
#include "port.h"

enum { WORTH_TELLING_NS = 100000000, BETWEEN_TWO_NS = 1000000000 };

static bool is_due(const struct iocp_port *port, int64_t now_ns) REQUIRES(port->lock);
static void describe(const struct iocp_port *port, struct iocp_starvation *starvation)
    REQUIRES(port->lock);
static void tell(struct iocp_port *port, const struct iocp_starvation *starvation)
    REQUIRES(port->lock);

void iocp_port_on_starvation(struct iocp_port *port, iocp_starved *starved, void *context)
{
    lock_acquire(&port->lock);
    port->starved = starved;
    port->starved_context = context;
    port_unlock(port);
}

void starved_desert(struct iocp_port *port)
{
    if (port->starved != NULL && port->waiting == 0 && port->deserted_ns == 0)
        port->deserted_ns = clock_coarse_ns();
}

static void describe(const struct iocp_port *port, struct iocp_starvation *starvation)
{
    starvation->queued = port->queued;
    starvation->threads = 1; /* the calling one is back */
    for (const struct runner *runner = port->runners; runner != NULL; runner = runner->next) {
        starvation->threads++;
        if (runner->state != RUNNER_RUNS || blocked_is_asleep(runner->thread))
            starvation->blocked++;
    }
}

static void tell(struct iocp_port *port, const struct iocp_starvation *starvation)
{
    iocp_starved *starved = port->starved;
    void *context = port->starved_context;

    port_let_go(port);
    port_unlock(port);
    starved(context, starvation);
    lock_acquire(&port->lock);
}

static bool is_due(const struct iocp_port *port, int64_t now_ns)
{
    return port->deserted_ns != 0 && !port->closed && port->starved != NULL &&
           now_ns - port->deserted_ns >= WORTH_TELLING_NS &&
           now_ns - port->told_ns >= BETWEEN_TWO_NS;
}

bool starved_pass(struct iocp_port *port)
{
    const int64_t now_ns = clock_coarse_ns();
    const bool due = is_due(port, now_ns);

    if (!due && port->deserted_ns != 0)
        port->deserted_ns = now_ns;
    return due;
}

void starved_return(struct iocp_port *port, struct runner *runner)
{
    struct iocp_starvation starvation = {0};
    const int64_t now_ns = clock_coarse_ns(), since_ns = port->deserted_ns;
    const bool due = is_due(port, now_ns);

    port->deserted_ns = 0;
    if (!due)
        return;
    port_gather_all(port); /* what lanes hold is late, and what waits unseen in engines too */
    if (port->queued == 0)
        lanes_glance(port, runner);
    if (port->queued == 0)
        return;

    port->told_ns = now_ns;
    starvation.milliseconds = (unsigned)((now_ns - since_ns) / 1000000);
    describe(port, &starvation);
    tell(port, &starvation);
    port_gather_all(port); /* what the told function has completed may lie in the thread's lane */
}
