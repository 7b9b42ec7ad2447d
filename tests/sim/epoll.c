/* epoll.c - epoll, eventfd and poll over simulated descriptors. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "chance.h"
#include "fault.h"
#include "net.h"
#include "schedule.h"
#include "wrap.h"

enum { SETS_MAX = 16, ITEMS_MAX = NET_FILES_MAX };

struct item {
    struct file *file; /* NULL: free */
    uint32_t events;
    epoll_data_t data;
    unsigned seen; /* the file's changes that were reported */
    bool fresh;    /* added or changed since the last report */
};

struct epoll_set {
    bool open;
    struct item items[ITEMS_MAX];
};

static struct epoll_set sets[SETS_MAX];

int WRAP(epoll_create1)(int flags);
int WRAP(epoll_ctl)(int descriptor, int command, int about, struct epoll_event *event);
int WRAP(epoll_wait)(int descriptor, struct epoll_event *events, int capacity, int timeout_ms);
int WRAP(eventfd)(unsigned start, int flags);
int WRAP(eventfd_read)(int descriptor, eventfd_t *value);
int WRAP(eventfd_write)(int descriptor, eventfd_t value);
int WRAP(poll)(struct pollfd *fds, nfds_t count, int timeout_ms);

static int fail_with(int error)
{
    errno = error;
    return -1;
}

static int64_t deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? SCHEDULE_NEVER : schedule_now_ns() + (int64_t)timeout_ms * 1000000;
}

void epoll_reset(void)
{
    memset(sets, 0, sizeof sets);
}

void epoll_set_close(struct epoll_set *set)
{
    memset(set, 0, sizeof *set);
}

void epoll_forget_file(const struct file *file)
{
    for (unsigned i = 0; i < SETS_MAX; i++)
        for (unsigned j = 0; sets[i].open && j < ITEMS_MAX; j++)
            if (sets[i].items[j].file == file)
                sets[i].items[j].file = NULL;
}

/* What would be reported of it now. */
static uint32_t due(const struct item *item)
{
    if (item->file == NULL)
        return 0;
    if ((item->events & EPOLLET) && !item->fresh && item->seen == item->file->changes)
        return 0;
    return net_poll(item->file) & (item->events | EPOLLERR | EPOLLHUP);
}

unsigned epoll_set_readiness(const struct epoll_set *set)
{
    for (unsigned i = 0; i < ITEMS_MAX; i++)
        if (due(&set->items[i]) != 0)
            return POLLIN;
    return 0;
}

static struct epoll_set *set_of(int descriptor)
{
    struct file *file = net_file(descriptor);

    if (file == NULL || file->kind != FILE_SET)
        schedule_fail("descriptor %d is no epoll set", descriptor);
    return file->set;
}

int WRAP(epoll_create1)(int flags)
{
    struct epoll_set *set = sets;
    struct file *file;
    int descriptor = net_open_file(FILE_SET, &file);

    (void)flags;
    if (descriptor < 0)
        return fail_with(-descriptor);
    while (set->open)
        if (++set == sets + SETS_MAX)
            schedule_fail("more than %d epoll sets", SETS_MAX);
    set->open = true;
    file->set = set;
    return descriptor;
}

static struct item *find_item(struct epoll_set *set, const struct file *file)
{
    for (unsigned i = 0; i < ITEMS_MAX; i++)
        if (set->items[i].file == file)
            return &set->items[i];
    return NULL;
}

int WRAP(epoll_ctl)(int descriptor, int command, int about, struct epoll_event *event)
{
    struct epoll_set *set;
    struct file *file;
    struct item *item;

    schedule_point("epoll_ctl");
    set = set_of(descriptor);
    file = net_file(about);
    if (file == NULL)
        schedule_fail("epoll_ctl about a descriptor that is not open");
    item = find_item(set, file);
    if ((item == NULL) != (command == EPOLL_CTL_ADD))
        schedule_fail("epoll_ctl %d about a descriptor that is %s the set", command,
                      item != NULL ? "in" : "not in");
    if (command == EPOLL_CTL_ADD && fault_strikes(FAULT_WATCH))
        return fail_with(ENOSPC);
    if (item == NULL)
        item = find_item(set, NULL);
    if (command == EPOLL_CTL_DEL)
        *item = (struct item){0};
    else
        *item = (struct item){file, event->events, event->data, file->changes, true};
    return 0;
}

static bool set_is_ready(const void *subject)
{
    return epoll_set_readiness(subject) != 0;
}

static int report(struct epoll_set *set, struct epoll_event *events, int capacity)
{
    unsigned first = chance_below(ITEMS_MAX); /* the order of events is nobody's promise */
    int count = 0;

    for (unsigned i = 0; i < ITEMS_MAX && count < capacity; i++) {
        struct item *item = &set->items[(first + i) % ITEMS_MAX];
        uint32_t ready = due(item);

        if (ready == 0)
            continue;
        item->fresh = false;
        item->seen = item->file->changes;
        events[count].events = ready;
        events[count++].data = item->data;
    }
    return count;
}

int WRAP(epoll_wait)(int descriptor, struct epoll_event *events, int capacity, int timeout_ms)
{
    struct epoll_set *set = set_of(descriptor);

    schedule_point("epoll_wait");
    if (timeout_ms != 0) {
        if (fault_strikes(FAULT_INTERRUPT))
            return fail_with(EINTR);
        (void)schedule_until("epoll_wait", set_is_ready, set, deadline_of(timeout_ms));
    }
    return report(set, events, capacity);
}

int WRAP(eventfd)(unsigned start, int flags)
{
    struct file *file;
    int descriptor = net_open_file(FILE_COUNTER, &file);

    if (!(flags & EFD_NONBLOCK))
        schedule_fail("an eventfd that blocks is not simulated");
    if (descriptor < 0)
        return fail_with(-descriptor);
    file->counter = start;
    return descriptor;
}

static struct file *counter_of(const char *call, int descriptor)
{
    struct file *file;

    schedule_point(call);
    file = net_file(descriptor);
    if (file == NULL || file->kind != FILE_COUNTER)
        schedule_fail("%s with a descriptor that is no eventfd", call);
    return file;
}

int WRAP(eventfd_read)(int descriptor, eventfd_t *value)
{
    struct file *file = counter_of("eventfd_read", descriptor);

    if (file->counter == 0)
        return fail_with(EAGAIN);
    *value = file->counter;
    file->counter = 0;
    return 0;
}

int WRAP(eventfd_write)(int descriptor, eventfd_t value)
{
    struct file *file = counter_of("eventfd_write", descriptor);

    file->counter += value;
    net_file_changed(file);
    return 0;
}

enum { POLLED_MAX = 64 };

/* A call of poll. A file that is closed during the call is not reported: the kernel keeps the
 * old one, and does not look at who has its descriptor next. */
struct polled {
    struct pollfd *fds;
    nfds_t count;
    unsigned opened[POLLED_MAX]; /* 0: not open */
};

static void remember_files(struct polled *polled)
{
    for (nfds_t i = 0; i < polled->count; i++) {
        const struct file *file = net_file(polled->fds[i].fd);

        polled->opened[i] = file != NULL ? file->opened : 0;
    }
}

static unsigned look_at(const struct pollfd *at, unsigned opened)
{
    const struct file *file = net_file(at->fd);

    if (at->fd < 0)
        return 0;
    if (opened == 0)
        return POLLNVAL;
    if (file == NULL || file->opened != opened)
        return 0;
    return net_poll(file) & ((unsigned)at->events | POLLERR | POLLHUP);
}

static int look(const struct polled *polled)
{
    int ready = 0;

    for (nfds_t i = 0; i < polled->count; i++) {
        polled->fds[i].revents = (short)look_at(&polled->fds[i], polled->opened[i]);
        ready += polled->fds[i].revents != 0;
    }
    return ready;
}

static bool any_is_ready(const void *subject)
{
    return look(subject) > 0;
}

int WRAP(poll)(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct polled polled = {fds, count, {0}};

    if (count > POLLED_MAX)
        schedule_fail("poll with more than %d descriptors", POLLED_MAX);
    schedule_point("poll");
    remember_files(&polled);
    if (timeout_ms != 0) {
        if (fault_strikes(FAULT_INTERRUPT))
            return fail_with(EINTR);
        (void)schedule_until("poll", any_is_ready, &polled, deadline_of(timeout_ms));
    }
    return look(&polled);
}
