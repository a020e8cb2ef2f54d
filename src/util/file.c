/* SPDX-License-Identifier: MIT */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s", folder,
                 *folder && folder[strlen(folder) - 1] != '/' ? "/" : "", name);
    return path;
}

static char *aside(const char *path)
{
    size_t size = strlen(path) + sizeof ".tmp";
    char *tmp = malloc(size);
    if (tmp)
        snprintf(tmp, size, "%s.tmp", path);
    return tmp;
}

FILE *file_begin(const char *path, struct error *err)
{
    char *tmp = aside(path);
    FILE *stream = tmp ? fopen(tmp, "wb") : NULL;
    if (!stream)
        error_errno(err, STATUS_FAILED, path);
    free(tmp);
    return stream;
}

int file_read_at(int fd, uint64_t offset, size_t bytes, void *to)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(fd, (char *)to + done, bytes - done, (off_t)(offset + done));
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return -1;
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* A rename is on disk only when the folder that holds the name is. */
static int sync_folder(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return -1;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY);
    free(copy);
    if (fd < 0)
        return -1;
    int failed = fsync(fd) && errno != EINVAL && errno != EROFS;
    close(fd);
    return failed ? -1 : 0;
}

int file_commit(FILE *stream, const char *path, struct error *err)
{
    char *tmp = aside(path);
    int failed = !tmp || ferror(stream) || fflush(stream) || fsync(fileno(stream));
    int saved = errno;
    if (fclose(stream) && !failed) {
        failed = 1;
        saved = errno;
    }
    if (!failed && (rename(tmp, path) || sync_folder(path))) {
        failed = 1;
        saved = errno;
    }
    if (failed && tmp)
        unlink(tmp);
    free(tmp);
    errno = saved;
    return failed ? error_errno(err, STATUS_FAILED, path) : 0;
}

void file_abort(FILE *stream, const char *path)
{
    char *tmp = aside(path);
    fclose(stream);
    if (tmp)
        unlink(tmp);
    free(tmp);
}

int file_write(const char *path, const void *bytes, size_t size, struct error *err)
{
    FILE *stream = file_begin(path, err);
    if (!stream)
        return -1;
    fwrite(bytes, 1, size, stream);
    return file_commit(stream, path, err);
}

char *file_read(const char *path, size_t limit, size_t *size, struct error *err)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        error_errno(err, STATUS_INPUT, path);
        return NULL;
    }
    size_t used = 0, room = 1 << 16;
    char *bytes = malloc(room + 1);
    while (bytes) {
        used += fread(bytes + used, 1, room - used, stream);
        if (used < room || used > limit)
            break;
        room *= 2;
        char *more = realloc(bytes, room + 1);
        if (!more)
            free(bytes);
        bytes = more;
    }
    if (!bytes)
        error_set(err, STATUS_INPUT, "%s: out of memory", path);
    else if (ferror(stream))
        error_errno(err, STATUS_INPUT, path);
    else if (used > limit)
        error_set(err, STATUS_INPUT, "%s: larger than %zu bytes", path, limit);
    else {
        fclose(stream);
        bytes[used] = 0;
        if (size)
            *size = used;
        return bytes;
    }
    fclose(stream);
    free(bytes);
    return NULL;
}

int file_mkdir(const char *path, struct error *err)
{
    if (!*path)
        return error_set(err, STATUS_FAILED, "a folder's name is empty");
    char *copy = strdup(path);
    if (!copy)
        return error_errno(err, STATUS_FAILED, path);
    for (char *p = copy + 1;; p++) {
        if (*p && *p != '/')
            continue;
        char end = *p;
        *p = 0;
        if (mkdir(copy, 0777) && errno != EEXIST) {
            free(copy);
            return error_errno(err, STATUS_FAILED, path);
        }
        if (!(*p = end))
            break;
    }
    free(copy);
    struct stat st;
    if (stat(path, &st))
        return error_errno(err, STATUS_FAILED, path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, STATUS_FAILED, "%s: not a folder", path);
    return 0;
}

char *file_cache(const char *name)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int has_xdg = xdg && *xdg == '/';
    struct error ignored;
    if (!has_xdg && (!home || *home != '/'))
        return NULL;
    char *top = file_join(has_xdg ? xdg : home, has_xdg ? "seqtrain" : ".cache/seqtrain");
    char *folder = top && *name ? file_join(top, name) : top;
    if (folder != top)
        free(top);
    if (!folder || !file_mkdir(folder, &ignored))
        return folder;
    free(folder);
    return NULL;
}
