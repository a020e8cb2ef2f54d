/* SPDX-License-Identifier: MIT */
/* Fuzzes what reads a run's folder for a report: the bytes up to the first NUL are its config.ini,
 * the others its log.jsonl. The page that comes of them is whole and lets nothing out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "report/compare.h"
#include "report/page.h"
#include "util/file.h"

static char folder[] = "/tmp/fuzz_record.XXXXXX", config[64], log_path[64];

static void clean(void)
{
    unlink(config);
    unlink(log_path);
    rmdir(folder);
}

static void prepare(void)
{
    if (*config)
        return;
    check(mkdtemp(folder) != NULL);
    snprintf(config, sizeof config, "%s/config.ini", folder);
    snprintf(log_path, sizeof log_path, "%s/log.jsonl", folder);
    check(!atexit(clean));
}

static void put(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    check(file && fwrite(bytes, 1, size, file) == size && !fclose(file));
}

/* Only what the page itself has may look like a tag. */
static void check_page(const char *page, size_t size)
{
    static const char end[] = "</body>\n</html>\n";
    check(size > sizeof end && !strcmp(page + size - sizeof end + 1, end) && strlen(page) == size);
    check(!strstr(page, "<script") && !strstr(page, "<img") && !strstr(page, "javascript:<"));
    for (const char *at = page; (at = strchr(at, '<')); at++)
        check(strchr("!/abcdefghilmnpstuv", at[1]) && at[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct record run[2];
    struct error err = {0};
    char *page = NULL;
    size_t length;
    prepare();
    const uint8_t *nul = memchr(bytes, 0, size);
    const size_t first = nul ? (size_t)(nul - bytes) : 0, from = nul ? first + 1 : 0;
    put(config, bytes, first);
    put(log_path, bytes + from, size - from);
    for (size_t i = 0; i < 2; i++)
        check(!record_read(&run[i], folder, &err));
    FILE *out = open_memstream(&page, &length);
    check(out && !page_write(&run[0], out, &err) && !fclose(out));
    check_page(page, length);
    free(page);
    out = open_memstream(&page, &length);
    check(out && !compare_print(run, 2, out, &err) && !fclose(out));
    for (size_t i = 0; i < length; i++)
        check((unsigned char)page[i] >= ' ' ? page[i] != 127 : page[i] == '\n');
    free(page);
    record_fini(&run[0]);
    record_fini(&run[1]);
    return 0;
}
