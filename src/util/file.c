/* SPDX-License-Identifier: MIT */
#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "util/now.h"

char *file_join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s", folder,
                 *folder && folder[strlen(folder) - 1] != '/' ? "/" : "", name);
    return path;
}

/* Whether a write leaves this number. */
static int is_of_write(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG || number == EPIPE ||
           number == ENOMEM;
}

int file_flush_errno(FILE *stream)
{
    /* after an earlier failure errno may be of another call since: EIO is the general cause */
    if (ferror(stream))
        return is_of_write(errno) ? errno : EIO;
    return fflush(stream) ? errno : 0;
}

int file_flush(FILE *stream, const char *name, struct error *err)
{
    errno = file_flush_errno(stream);
    return errno ? error_errno(err, STATUS_FAILED, name) : 0;
}

static void draft_free(struct file_draft *draft)
{
    if (!draft)
        return;
    free(draft->path);
    free(draft->aside);
    free(draft);
}

/* A file that was not there before, so that no link is followed: PATH.PID.tmp or, where a killed
 * process or one on another machine has that, PATH.PID-1.tmp and so on. -1 with errno. */
static int open_aside(struct file_draft *draft)
{
    enum { MOST = 1000 };
    size_t size = strlen(draft->path) + 48;
    if (!(draft->aside = malloc(size)))
        return -1;
    for (int i = 0; i < MOST; i++) {
        snprintf(draft->aside, size, i ? "%s.%ld-%d.tmp" : "%s.%ld.tmp", draft->path,
                 (long)getpid(), i);
        int fd = open(draft->aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

struct file_draft *file_begin(const char *path, struct error *err)
{
    struct file_draft *draft = calloc(1, sizeof *draft);
    int fd = draft && (draft->path = strdup(path)) ? open_aside(draft) : -1;
    if (fd >= 0 && (draft->stream = fdopen(fd, "wb")))
        return draft;
    error_errno(err, STATUS_FAILED, path);
    if (fd >= 0) {
        close(fd);
        unlink(draft->aside);
    }
    draft_free(draft);
    return NULL;
}

int file_read_at(int fd, uint64_t offset, size_t bytes, void *to)
{
    for (size_t done = 0; done < bytes;) {
        errno = 0;
        ssize_t got = pread(fd, (char *)to + done, bytes - done, (off_t)(offset + done));
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return -1;
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

int file_sync_name(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return -1;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0)
        return -1;
    int failed = fsync(fd) && errno != EINVAL && errno != EROFS;
    close(fd);
    return failed ? -1 : 0;
}

/* Gives the file `path`, if there is one, the name `former` as well: so that it never lacks its own
 * name. Where the file system knows no second name, it is renamed. */
static int keep_former(const char *path, const char *former)
{
    if (unlink(former) && errno != ENOENT)
        return -1;
    if (!link(path, former) || errno == ENOENT || !rename(path, former) || errno == ENOENT)
        return 0;
    return -1;
}

/* The draft takes its name; what has the name is kept as `former` unless that is NULL. */
static int take_name(const struct file_draft *draft, const char *former)
{
    if (former && keep_former(draft->path, former))
        return -1;
    return rename(draft->aside, draft->path) || file_sync_name(draft->path) ? -1 : 0;
}

int file_commit_keeping(struct file_draft *draft, const char *former, struct error *err)
{
    FILE *stream = draft->stream;
    int saved = file_flush_errno(stream), failed = saved != 0;
    if (!failed && fsync(fileno(stream))) {
        failed = 1;
        saved = errno;
    }
    if (fclose(stream) && !failed) {
        failed = 1;
        saved = errno;
    }
    if (!failed && take_name(draft, former)) {
        failed = 1;
        saved = errno;
    }
    if (failed) {
        unlink(draft->aside);
        errno = saved;
        error_errno(err, STATUS_FAILED, draft->path);
    }
    draft_free(draft);
    return failed ? -1 : 0;
}

int file_commit(struct file_draft *draft, struct error *err)
{
    return file_commit_keeping(draft, NULL, err);
}

void file_abort(struct file_draft *draft)
{
    fclose(draft->stream);
    unlink(draft->aside);
    draft_free(draft);
}

/* Whether `entry` is NAME.tmp, NAME.PID.tmp or NAME.PID-1.tmp: others are the user's. */
static int is_aside(const char *entry, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(entry, name, n) || entry[n] != '.')
        return 0;
    entry += n + strspn(entry + n, ".-0123456789");
    return entry[-1] == '.' && !strcmp(entry, "tmp");
}

void file_sweep(const char *path, double seconds)
{
    char *folder = strdup(path), *last = strdup(path);
    const char *name = last ? basename(last) : NULL;
    DIR *dir = folder && name ? opendir(dirname(folder)) : NULL;
    struct stat st;
    for (struct dirent *d; dir && (d = readdir(dir));)
        if (is_aside(d->d_name, name) &&
            !fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
            (seconds <= 0 || difftime(time(NULL), st.st_mtime) >= seconds)) /* by two clocks */
            unlinkat(dirfd(dir), d->d_name, 0);
    if (dir)
        closedir(dir);
    free(folder);
    free(last);
}

int file_write(const char *path, const void *bytes, size_t size, struct error *err)
{
    struct file_draft *draft = file_begin(path, err);
    if (!draft)
        return -1;
    fwrite(bytes, 1, size, draft->stream);
    return file_commit(draft, err);
}

/* --- reading */

double file_patience = 5;

/* Whether a process has an empty pipe open for writing: tee() tells without taking anything. */
static int has_writer(int fd, const int probe[2])
{
    ssize_t got = tee(fd, probe[1], 1, SPLICE_F_NONBLOCK);
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Waits until a pipe has data or a writer, or had one; -1 if none comes. */
static int await_writer(int fd, const char *path, struct error *err)
{
    const double until = now() + file_patience;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int probe[2], there = 0;
    if (pipe2(probe, O_CLOEXEC))
        return error_errno(err, STATUS_FAILED, path);
    do {
        there = poll(&p, 1, 0) > 0 || has_writer(fd, probe) || poll(&p, 1, 20) > 0;
    } while (!there && now() < until);
    close(probe[0]);
    close(probe[1]);
    return there ? 0
                 : error_set(err, STATUS_INPUT,
                             "%s: a pipe that no process opened for writing within %g seconds",
                             path, file_patience);
}

/* A descriptor on which reading waits for data, but that nobody waited for. */
static int prepare(int fd, int only_regular, struct stat *state, const char *path,
                   struct error *err)
{
    if (fstat(fd, state))
        return error_errno(err, STATUS_INPUT, path);
    if (only_regular && !S_ISREG(state->st_mode))
        return error_set(err, STATUS_INPUT, "%s: not a regular file", path);
    if (S_ISFIFO(state->st_mode) && await_writer(fd, path, err))
        return -1;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK))
        return error_errno(err, STATUS_INPUT, path);
    return 0;
}

static int open_to_read(const char *path, int only_regular, struct stat *state, struct error *err)
{
    /* to open a pipe would wait for a writer */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_errno(err, STATUS_INPUT, path);
    if (!prepare(fd, only_regular, state, path, err))
        return fd;
    close(fd);
    return -1;
}

int file_open(const char *path, struct stat *state, struct error *err)
{
    return open_to_read(path, 0, state, err);
}

int file_open_regular(const char *path, struct stat *state, struct error *err)
{
    return open_to_read(path, 1, state, err);
}

int file_same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_size == other->st_size &&
           one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

int file_unchanged(int fd, const struct stat *state, const char *path, struct error *err)
{
    struct stat after;
    if (!S_ISREG(state->st_mode))
        return 0;
    if (fstat(fd, &after))
        return error_errno(err, STATUS_INPUT, path);
    if (file_same(&after, state))
        return 0;
    return error_set(err, STATUS_INPUT, "%s: the file changed while it was read", path);
}

char *file_read(const char *path, size_t limit, size_t *size, struct error *err)
{
    struct stat state;
    int fd = file_open(path, &state, err);
    if (fd < 0)
        return NULL;
    FILE *stream = fdopen(fd, "rb");
    if (!stream) {
        close(fd);
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
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
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else if (ferror(stream))
        error_errno(err, STATUS_INPUT, path);
    else if (used > limit)
        error_set(err, STATUS_INPUT, "%s: larger than %zu bytes", path, limit);
    else if (!file_unchanged(fd, &state, path, err)) {
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

int file_is_folder(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return 0;
    errno = 0;
    return S_ISDIR(st.st_mode);
}

char *file_real(const char *path)
{
    char *real = realpath(*path ? path : ".", NULL);
    if (real || errno == ENOMEM)
        return real;
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t name = length;
    while (name && path[name - 1] != '/')
        name--;
    char *folder = strndup(path, name), *last = strndup(path + name, length - name);
    char *above = folder && last && name < length ? file_real(folder) : NULL;
    real = above ? file_join(above, last) : NULL;
    free(above);
    free(folder);
    free(last);
    return real;
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

/* Of a path that is not there, the folder that would hold it, and so on. */
static int space_of(char *path, struct statvfs *fs)
{
    const char *at = *path ? path : ".";
    while (statvfs(at, fs)) {
        if (errno != ENOENT || !strcmp(at, "/") || !strcmp(at, "."))
            return -1;
        at = dirname(path);
    }
    return 0;
}

int file_free_space(const char *path, uint64_t *bytes, struct error *err)
{
    struct statvfs fs;
    char *copy = strdup(path);
    int failed = !copy || space_of(copy, &fs) ? error_errno(err, STATUS_FAILED, path) : 0;
    if (!failed)
        *bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    free(copy);
    return failed;
}

char *file_cache(const char *name, struct error *err)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int has_xdg = xdg && *xdg == '/';
    if (!has_xdg && (!home || *home != '/')) {
        error_set(err, STATUS_FAILED, "neither XDG_CACHE_HOME nor HOME is set to a whole path");
        return NULL;
    }
    char *top = file_join(has_xdg ? xdg : home, has_xdg ? "seqtrain" : ".cache/seqtrain");
    char *folder = top && *name ? file_join(top, name) : top;
    if (folder != top)
        free(top);
    if (folder && !file_mkdir(folder, err))
        return folder;
    if (!folder)
        error_set(err, STATUS_FAILED, "out of memory");
    free(folder);
    return NULL;
}
