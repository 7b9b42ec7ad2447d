/* fuzz.c - what fuzz targets have in common. */
/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void require(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "fuzz: it does not hold that %s\n", what);
    abort();
}

char *text_of(const uint8_t *bytes, size_t size)
{
    char *text = strndup((const char *)bytes, size);

    require(text != NULL, "there is memory");
    return text;
}
