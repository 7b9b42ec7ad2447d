/* crew.c - see crew.h. */
/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <errno.h>

int crew_start(struct crew *crew, size_t count, void *(*body)(void *), void *argument)
{
    int error = count <= CREW_MAX ? 0 : -EINVAL;

    crew->count = 0;
    while (crew->count < count && error == 0) {
        error = -pthread_create(&crew->threads[crew->count], NULL, body, argument);
        crew->count += error == 0;
    }
    return error;
}

void crew_join(struct crew *crew)
{
    while (crew->count > 0)
        pthread_join(crew->threads[--crew->count], NULL);
}
