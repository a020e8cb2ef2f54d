/* SPDX-License-Identifier: MIT */
#include "log/closed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "util/file.h"

#define MOST_SEGMENTS 10000
#define PIECE 65536
#define ENDING ".jsonl"

struct named {
    long number;
    char *name; /* in the folder */
};

struct names {
    struct named *item;
    size_t count;
    int no_memory;
};

static int by_number(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* The number in STEM.NUMBER. ... .jsonl.gz; 0: it is no such name. */
static long number_of(const char *entry, const char *stem, size_t length)
{
    const size_t n = strlen(entry), behind = strlen(ENDING ".gz");
    char *end;
    if (n < length + behind + 3 || strncmp(entry, stem, length) || entry[length] != '.' ||
        !strchr("123456789", entry[length + 1]) || strcmp(entry + n - behind, ENDING ".gz") != 0)
        return 0;
    const long number = strtol(entry + length + 1, &end, 10);
    return *end == '.' ? number : 0;
}

/* Notes the segments in front of number `before`. */
static void list(struct names *names, DIR *dir, const char *stem, long before)
{
    const size_t ending = strlen(ENDING), n = strlen(stem);
    const size_t length = n > ending && !strcmp(stem + n - ending, ENDING) ? n - ending : n;
    for (struct dirent *d; names->count < MOST_SEGMENTS && (d = readdir(dir));) {
        const long number = number_of(d->d_name, stem, length);
        if (!number || number >= before)
            continue;
        struct named *more = realloc(names->item, (names->count + 1) * sizeof *more);
        char *name = strdup(d->d_name);
        names->item = more ? more : names->item;
        if (!more || !name) {
            names->no_memory = 1;
            free(name);
            return;
        }
        more[names->count++] = (struct named){number, name};
    }
}

/* The number of the segment whose first bytes these are: 1 where it does not say. */
static long number_in(int fd)
{
    char text[4097];
    const ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    const size_t line = strcspn(text, "\n");
    if (strncmp(text, "{\"event\":\"segment\",", 19) != 0)
        return 1;
    json_t *json = json_loadb(text, line, 0, NULL);
    const json_int_t number = json_integer_value(json_object_get(json, "number"));
    json_decref(json);
    return number > 1 && number < 1000000000 ? (long)number : 1;
}

/* Lines of bytes that come in pieces. */
struct splitter {
    char *bytes; /* [most] */
    size_t used, most;
    int too_long;
    lines_taker *take;
    void *ctx;
};

static int split(struct splitter *s, const char *piece, size_t size)
{
    while (size) {
        const char *end = memchr(piece, '\n', size);
        const size_t n = end ? (size_t)(end - piece) : size;
        s->too_long |= n > s->most - s->used;
        if (!s->too_long) {
            memcpy(s->bytes + s->used, piece, n);
            s->used += n;
        }
        if (!end)
            return 0;
        const int stop = s->take(s->ctx, s->too_long ? NULL : s->bytes, s->used);
        s->used = 0;
        s->too_long = 0;
        if (stop)
            return stop;
        piece += n + 1;
        size -= n + 1;
    }
    return 0;
}

/* 0; 1 where `take` stopped. */
static int unpack(DIR *dir, const char *name, struct splitter *s, uint64_t *left)
{
    char piece[PIECE];
    struct stat st;
    int stopped = 0, n;
    const int fd = openat(dirfd(dir), name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    gzFile gz = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) ? gzdopen(fd, "rb") : NULL;
    if (!gz && fd >= 0)
        close(fd);
    while (gz && !stopped && *left >= PIECE && (n = gzread(gz, piece, PIECE)) > 0) {
        stopped = split(s, piece, (size_t)n);
        *left -= (uint64_t)n;
    }
    if (gz)
        gzclose_r(gz);
    s->used = 0;
    s->too_long = 0;
    return stopped ? 1 : 0;
}

static int read_all(const struct names *names, DIR *dir, struct splitter *s, const char *path,
                    struct error *err)
{
    uint64_t left = CLOSED_MOST;
    int failed = names->no_memory || !s->bytes;
    for (size_t i = 0; i < names->count && !failed; i++)
        failed = unpack(dir, names->item[i].name, s, &left);
    return failed ? error_set(err, STATUS_FAILED, "%s: out of memory", path) : 0;
}

int closed_read(const char *path, int fd, size_t most, lines_taker *take, void *ctx,
                struct error *err)
{
    struct names names = {0};
    const long number = number_in(fd);
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (number < 2) {
        free(folder);
        return 0;
    }
    DIR *dir = folder ? opendir(folder) : NULL;
    if (!dir) {
        error_errno(err, STATUS_INPUT, folder ? folder : path);
        free(folder);
        return -1;
    }
    list(&names, dir, slash ? slash + 1 : path, number);
    if (names.count)
        qsort(names.item, names.count, sizeof *names.item, by_number);
    struct splitter s = {
        .bytes = names.count ? malloc(most) : NULL, .most = most, .take = take, .ctx = ctx};
    const int failed = names.count && read_all(&names, dir, &s, path, err);
    for (size_t i = 0; i < names.count; i++)
        free(names.item[i].name);
    free(names.item);
    free(s.bytes);
    free(folder);
    closedir(dir);
    return failed ? -1 : 0;
}
