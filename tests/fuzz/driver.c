/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without a fuzzer: over the files named on the command line or, without any,
 * over $srcdir/tests/fuzz/corpus/NAME/ for a program called fuzz_NAME. Each file is a test point:
 * the target aborts where something is wrong.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "util/file.h"

/* Runs one file as test point `number`; 0 or -1. */
static int run(const char *path, int number)
{
    struct error err;
    size_t size;
    char *bytes = file_read(path, 1 << 26, &size, &err);
    if (!bytes) {
        printf("not ok %d - %s\n# %s\n", number, path, err.text);
        return -1;
    }
    fflush(stdout);
    /* An exact copy: the byte behind it is out of bounds for a sanitizer. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(bytes);
    printf("ok %d - %s\n", number, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    return 0;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Runs every file of a folder; the number of files, or -1. */
static int run_folder(const char *folder)
{
    struct dirent **entry;
    int count = scandir(folder, &entry, visible, alphasort), failed = 0;
    if (count < 0) {
        printf("Bail out! %s: %s\n", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, entry[i]->d_name);
        failed |= path ? run(path, i + 1) : -1;
        free(path);
        free(entry[i]);
    }
    free(entry);
    return failed ? -1 : count;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc > 1) {
        for (int i = 1; i < argc; i++)
            failed |= run(argv[i], i);
        printf("1..%d\n", argc - 1);
        return failed ? 1 : 0;
    }
    const char *name = strstr(argv[0], "fuzz_"), *srcdir = getenv("srcdir");
    for (const char *next; name && (next = strstr(name + 1, "fuzz_"));)
        name = next;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
             name ? name + 5 : "");
    int count = run_folder(folder);
    if (count < 0)
        return 1;
    printf("1..%d\n", count);
    return count ? 0 : 1;
}
