/* SPDX-License-Identifier: MIT */
/* Fuzzes the manifest reader: any bytes are a manifest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../data_fakes.h"
#include "data/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    struct sources sources = {0};
    struct error err;
    int fd = memfd_create("fuzz", 0);
    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (manifest_read(path, &sources, &err))
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    else
        check(sources.count > 0);
    for (size_t i = 0; i < sources.count; i++) {
        const struct source *source = &sources.item[i];
        check(source->path && *source->path && source->name);
        for (size_t k = 0; k < source->renames; k++) {
            const char *ours = source->rename[k].ours;
            check(ours && source->rename[k].theirs && *source->rename[k].theirs);
            check(*source_column(source, ours));
        }
        check(!strcmp(source_column(source, "\x01"), "\x01") || source->renames);
    }
    sources_fini(&sources);
    close(fd);
    return 0;
}
