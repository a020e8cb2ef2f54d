/* SPDX-License-Identifier: MIT */
/* Fuzzes the reader of a sweep's journal: any bytes are a file of it. The file is read at once, and
 * by another reader as it grows: both see the same events. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "log/log.h"
#include "sweep/journal.h"
#include "util/file.h"

static char folder[] = "/tmp/fuzz_journal.XXXXXX", path[64];

static void clean(void)
{
    unlink(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
    rmdir(folder);
}

static void prepare(void)
{
    struct error err;
    if (*path)
        return;
    check(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/journal", folder);
    check(!file_mkdir(path, &err));
    snprintf(path, sizeof path, "%s/journal/host.1.jsonl", folder);
    check(!atexit(clean) && freopen("/dev/null", "w", stderr));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error err;
    struct log *log = log_new(LOG_QUIET);
    prepare();
    unlink(path);
    struct journal *grown = journal_open(folder, log, &err);
    check(log && grown);
    for (size_t from = 0, most = size > 4096 ? size / 8 : 97; from < size; from += most) {
        FILE *file = fopen(path, "ab");
        size_t part = size - from < most ? size - from : most;
        check(file && fwrite(bytes + from, 1, part, file) == part && !fclose(file));
        check(!journal_read(grown, &err));
    }
    struct journal *once = journal_open(folder, log, &err);
    check(once && journal_count(once) == journal_count(grown));
    for (size_t i = 0; i < journal_count(once); i++) {
        const struct journal_event *a = journal_event(once, i), *b = journal_event(grown, i);
        check(a->n > 0 && a->n == b->n && a->line == b->line && json_equal(a->object, b->object));
        check(!i || journal_event(once, i - 1)->n <= a->n);
    }
    journal_free(once);
    journal_free(grown);
    check(!log_close(log, &err));
    return 0;
}
