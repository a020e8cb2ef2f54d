/* SPDX-License-Identifier: MIT */
#include "util/content.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "util/file.h"

#define WEIGHTS ".safetensors"
#define CHUNK ((size_t)1 << 18)

const char *content_text(struct content hash, char to[CONTENT_TEXT])
{
    snprintf(to, CONTENT_TEXT, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
    return to;
}

int content_same(struct content one, struct content other)
{
    return one.high == other.high && one.low == other.low;
}

struct content content_of(const void *bytes, size_t size)
{
    const XXH128_hash_t hash = XXH3_128bits(bytes, size);
    return (struct content){hash.high64, hash.low64};
}

/* --- files, one after the other */

struct reading {
    XXH3_state_t *state;
    char *chunk; /* [CHUNK] */
};

static void reading_fini(struct reading *r)
{
    XXH3_freeState(r->state);
    free(r->chunk);
}

static int reading_init(struct reading *r, const char *path, struct error *err)
{
    r->state = XXH3_createState();
    r->chunk = malloc(CHUNK);
    if (r->state && r->chunk) {
        XXH3_128bits_reset(r->state);
        return 0;
    }
    reading_fini(r);
    return error_set(err, STATUS_FAILED, "%s: out of memory", path);
}

static struct content reading_end(struct reading *r)
{
    const XXH128_hash_t hash = XXH3_128bits_digest(r->state);
    reading_fini(r);
    return (struct content){hash.high64, hash.low64};
}

/* A number counts as eight bytes, the lowest first. */
static void add_number(struct reading *r, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++, number >>= 8)
        bytes[i] = (unsigned char)number;
    XXH3_128bits_update(r->state, bytes, sizeof bytes);
}

static int add_bytes(struct reading *r, int fd, uint64_t size, const char *path, struct error *err)
{
    for (uint64_t at = 0; at < size; at += CHUNK) {
        const size_t bytes = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        if (file_read_at(fd, at, bytes, r->chunk))
            return errno ? error_errno(err, STATUS_INPUT, path)
                         : error_set(err, STATUS_INPUT, "%s: the file changed while it was read",
                                     path);
        XXH3_128bits_update(r->state, r->chunk, bytes);
    }
    return 0;
}

/* The bytes of a file, behind its size if `sized`. */
static int add_file(struct reading *r, const char *path, int sized, struct error *err)
{
    struct stat state;
    int fd = file_open_regular(path, &state, err);
    if (fd < 0)
        return -1;
    const uint64_t size = (uint64_t)state.st_size;
    if (sized)
        add_number(r, size);
    int failed = add_bytes(r, fd, size, path, err) || file_unchanged(fd, &state, path, err);
    close(fd);
    return failed ? -1 : 0;
}

int content_of_file(const char *path, struct content *hash, struct error *err)
{
    struct reading r;
    if (reading_init(&r, path, err))
        return -1;
    int failed = add_file(&r, path, 0, err);
    *hash = reading_end(&r);
    return failed;
}

int content_of_files(char *const *path, size_t count, struct content *hash, struct error *err)
{
    struct reading r;
    int failed = 0;
    if (reading_init(&r, count ? path[0] : "no files", err))
        return -1;
    add_number(&r, count);
    for (size_t i = 0; i < count && !failed; i++)
        failed = add_file(&r, path[i], 1, err);
    *hash = reading_end(&r);
    return failed;
}

/* --- a folder of weights */

static int is_weights(const char *name)
{
    const size_t n = strlen(name), end = sizeof WEIGHTS - 1;
    return n > end && !strcmp(name + n - end, WEIGHTS);
}

static int counts(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return is_weights(name) || !strcmp(name, "config.json") ||
           !strcmp(name, "preprocessor_config.json") || !strcmp(name, "processor_config.json");
}

/* By bytes, whatever the locale. */
static int by_name(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

static int add_named(struct reading *r, const char *folder, const char *name, struct error *err)
{
    char *path = file_join(folder, name);
    add_number(r, strlen(name));
    XXH3_128bits_update(r->state, name, strlen(name));
    int failed = path ? add_file(r, path, 1, err)
                      : error_set(err, STATUS_FAILED, "%s: out of memory", folder);
    free(path);
    return failed;
}

static int add_folder(struct reading *r, const char *folder, struct error *err)
{
    struct dirent **entry = NULL;
    const int count = scandir(folder, &entry, counts, by_name);
    int weights = 0, failed = 0;
    if (count < 0)
        return error_errno(err, STATUS_INPUT, folder);
    add_number(r, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        weights |= is_weights(entry[i]->d_name);
        failed = failed ? failed : add_named(r, folder, entry[i]->d_name, err);
        free(entry[i]);
    }
    free(entry);
    if (!failed && !weights)
        return error_set(err, STATUS_INPUT, "%s: no file *%s in this folder", folder, WEIGHTS);
    return failed;
}

int content_of_weights(const char *path, struct content *hash, struct error *err)
{
    struct reading r;
    if (!file_is_folder(path))
        return errno ? error_errno(err, STATUS_INPUT, path) : content_of_file(path, hash, err);
    if (reading_init(&r, path, err))
        return -1;
    int failed = add_folder(&r, path, err);
    *hash = reading_end(&r);
    return failed;
}
