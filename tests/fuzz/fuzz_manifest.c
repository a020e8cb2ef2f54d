/* SPDX-License-Identifier: MIT */
/* Fuzzes the manifest reader: any bytes are a manifest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../data_fakes.h"
#include "data/source.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[FUZZ_PATH];
    struct sources sources = {0};
    struct error err;
    int fd = fuzz_file(bytes, size, path);
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
