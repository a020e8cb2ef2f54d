/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes data/caption_table: any bytes are a table, once of columns and once of JSON lines, with
 * captions that must be there and with such that need not.
 */
#include <string.h>
#include <unistd.h>

#include "data/caption_table.h"
#include "fuzz.h"
#include "text/utf8.h"

static void try_file(const char *path, int may_lack)
{
    struct caption_table c = {0};
    struct error err;
    char *said = NULL;
    size_t size;
    FILE *told = open_memstream(&said, &size);
    check(told != NULL);
    const struct caption_file file = {
        .path = path, .file_column = "file", .column = "caption", .may_lack = may_lack};
    if (caption_table_read(&c, &file, told, &err))
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    for (size_t i = 0; i < c.count; i++) {
        const struct caption *item = &c.item[i];
        check(item->clip < c.clips && item->line > 0 && strlen(item->text) == item->size);
        check(utf8_whole(item->text, item->size) == item->size && (item->size || may_lack));
    }
    for (size_t i = 0; i < c.clips; i++)
        for (size_t k = 0; k < i; k++)
            check(*c.clip[i].path && strcmp(c.clip[i].path, c.clip[k].path) != 0);
    caption_table_fini(&c);
    fclose(told);
    free(said);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[FUZZ_PATH], named[FUZZ_PATH];
    if (size > 4096)
        return 0;
    const int fd = fuzz_file(bytes, size, path);
    snprintf(named, sizeof named, "fuzz_table_%ld.jsonl", (long)getpid());
    unlink(named);
    check(!symlink(path, named));
    for (int may_lack = 0; may_lack < 2; may_lack++) {
        try_file(path, may_lack);
        try_file(named, may_lack);
    }
    unlink(named);
    close(fd);
    return 0;
}
