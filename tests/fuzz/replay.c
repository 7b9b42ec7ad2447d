/* replay.c - gives a fuzz target every file of a corpus. */
/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

enum { BYTES_MAX = 65536 };

static void replay_file(const char *directory, const char *name)
{
    static uint8_t bytes[BYTES_MAX];
    char path[4096];
    uint8_t *copy; /* with no room behind it */
    size_t size;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "rb");
    require(file != NULL, "a file of the corpus can be opened");
    size = fread(bytes, 1, sizeof bytes, file);
    require(feof(file) && !ferror(file), "it can be read, and is not too long");
    (void)fclose(file);

    copy = malloc(size > 0 ? size : 1);
    require(copy != NULL, "there is memory");
    for (size_t i = 0; i < size; i++)
        copy[i] = bytes[i];
    (void)fprintf(stderr, "%s\n", name);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

int main(int count, char *arguments[])
{
    const char *name = count == 2 ? arguments[1] : "";
    DIR *directory = opendir(name);
    unsigned files = 0;

    require(directory != NULL, "the argument is a directory");
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        replay_file(name, entry->d_name);
        files++;
    }
    (void)closedir(directory);
    require(files > 0, "there are files in it");
    printf("%u files replayed\n", files);
    return 0;
}
