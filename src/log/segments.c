/* SPDX-License-Identifier: MIT */
#include "log/segments.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "util/file.h"

#define DAY INT64_C(86400000) /* ms */
#define HOUR INT64_C(3600000)
#define ENDING ".jsonl"
#define STAMP 16    /* characters of 20261127T141500Z */
#define PIECE 65536 /* bytes that are copied at a time */
#define HEAD_MOST \
    32768 /* bytes of a line that says the number of its segment, whatever the run is called */

/* --- lines */

/* "time" of a line, ms since 1970; 0 where it has none. */
static int64_t time_of_line(const char *line)
{
    struct tm tm = {0};
    int ms = 0;
    const char *at = strstr(line, "\"time\":\"");
    if (!at || sscanf(at + 8, "%d-%d-%dT%d:%d:%d.%dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                      &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000 + ms;
}

/* Where the last line that ends within `size` bytes ends; -1 with errno where that cannot be read.
 */
static int64_t whole_lines(int fd, int64_t size)
{
    char piece[4096];
    while (size > 0) {
        int64_t from = size > (int64_t)sizeof piece ? size - (int64_t)sizeof piece : 0;
        if (file_read_at(fd, (uint64_t)from, (size_t)(size - from), piece))
            return -1;
        const char *end = memrchr(piece, '\n', (size_t)(size - from));
        if (end)
            return from + (end - piece) + 1;
        size = from;
    }
    return 0;
}

/* The beginning of the line at `from`, which ends in front of `end`. */
static int64_t time_at(int fd, int64_t from, int64_t end)
{
    char line[HEAD_MOST + 1] = "";
    size_t n = (size_t)(end - from < HEAD_MOST ? end - from : HEAD_MOST);
    return file_read_at(fd, (uint64_t)from, n, line) ? 0 : time_of_line(line);
}

struct head {
    long number;
    int64_t offset, bytes;
};

/* What the first line of a segment says; the first segment's says nothing. */
static struct head head_of(char *text)
{
    struct head head = {.number = 1};
    char *end = strchr(text, '\n');
    if (!end || strncmp(text, "{\"event\":\"segment\",", 19))
        return head;
    json_t *json = json_loadb(text, (size_t)(end - text), 0, NULL);
    json_int_t number = json_integer_value(json_object_get(json, "number"));
    json_int_t offset = json_integer_value(json_object_get(json, "offset"));
    json_decref(json);
    if (number > 1 && number < 1000000000 && offset >= 0)
        head = (struct head){(long)number, offset, end - text + 1};
    return head;
}

/* --- closed segments */

struct closed {
    char *path;
    long number;
    int64_t last; /* time of its last line, ms since 1970 */
};

struct closed_list {
    struct closed *item;
    size_t count;
};

static void list_free(struct closed_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i].path);
    free(list->item);
}

static void stamp_of(int64_t ms, char out[STAMP + 1])
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, STAMP + 1, "%Y%m%dT%H%M%SZ", &tm);
}

/* Reads what stamp_of() writes; 0: it is none. */
static int64_t read_stamp(const char *text)
{
    struct tm tm = {0};
    int n = 0;
    if (sscanf(text, "%4d%2d%2dT%2d%2d%2dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &n) != 6 ||
        n != STAMP)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000;
}

/* Length of the name of a segment's file without its ending. */
static size_t stem_of(const char *name)
{
    size_t n = strlen(name), ending = strlen(ENDING);
    return n > ending && !strcmp(name + n - ending, ENDING) ? n - ending : n;
}

/* STEM.NUMBER.FIRST.LAST.jsonl.gz: 1. The same of a draft, with .PID.tmp behind: 2. Else 0. */
static int is_closed(const char *entry, const char *name, struct closed *closed)
{
    static const char behind[] = ENDING ".gz";
    size_t n = stem_of(name);
    char *end;
    if (strncmp(entry, name, n) || entry[n] != '.' || !isdigit((unsigned char)entry[n + 1]))
        return 0;
    closed->number = strtol(entry + n + 1, &end, 10);
    if (strlen(end) < 2 * (STAMP + 1) || *end != '.' || !read_stamp(end + 1) ||
        end[STAMP + 1] != '.' || !(closed->last = read_stamp(end + STAMP + 2)))
        return 0;
    end += 2 * (STAMP + 1);
    if (strncmp(end, behind, sizeof behind - 1))
        return 0;
    end += sizeof behind - 1;
    if (!*end)
        return 1;
    size_t length = strlen(end);
    return length > 4 && !strcmp(end + length - 4, ".tmp") ? 2 : 0;
}

static int by_number(const void *a, const void *b)
{
    const struct closed *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* All closed segments, the oldest first; drafts that killed processes left are removed. Where they
 * cannot be listed there are none. */
static struct closed_list list_closed(const struct segments *s)
{
    struct closed_list list = {NULL, 0};
    char *folder = strdup(s->path), *last = strdup(s->path);
    const char *in = folder ? dirname(folder) : NULL, *name = last ? basename(last) : NULL;
    DIR *dir = in && name ? opendir(in) : NULL;
    for (struct dirent *d; dir && (d = readdir(dir));) {
        struct closed closed, *more;
        int is = is_closed(d->d_name, name, &closed);
        if (is == 2)
            unlinkat(dirfd(dir), d->d_name, 0);
        if (is != 1 || !(closed.path = file_join(in, d->d_name)))
            continue;
        if ((more = realloc(list.item, (list.count + 1) * sizeof *more))) {
            list.item = more;
            more[list.count++] = closed;
        } else {
            free(closed.path);
        }
    }
    if (dir)
        closedir(dir);
    free(folder);
    free(last);
    if (list.count)
        qsort(list.item, list.count, sizeof *list.item, by_number);
    return list;
}

/* Where the copy of a closed segment lies; freed by the caller, NULL: nowhere. */
static char *copy_path(const struct segments *s, const char *closed)
{
    const char *to = s->settings.copy_to, *run = s->settings.run ? s->settings.run : "";
    const char *slash = strrchr(closed, '/'), *name = slash ? slash + 1 : closed;
    if (!to || !*to)
        return NULL;
    char *copy = malloc(strlen(to) + strlen(run) + strlen(name) + 3);
    if (!copy)
        return NULL;
    char *at = copy + sprintf(copy, "%s/", to);
    for (; *run; run++)
        *at++ = isalnum((unsigned char)*run) || strchr("-_", *run) ? *run : '_';
    sprintf(at, ".%s", name);
    return copy;
}

static void remove_closed(const struct segments *s, const char *path)
{
    char *copy = copy_path(s, path);
    if (copy) { /* first: nobody would find it without the other */
        unlink(copy);
        file_sweep(copy, 0);
    }
    unlink(path);
    free(copy);
}

/* --- compressed files */

static int write_gz(struct segments *s, const char *path, struct error *err)
{
    char piece[PIECE];
    struct file_draft *draft = file_begin(path, err);
    int fd = draft ? dup(fileno(draft->stream)) : -1, failed = 0;
    gzFile gz = fd >= 0 ? gzdopen(fd, "wb") : NULL;
    if (!gz) {
        if (fd >= 0)
            close(fd);
        if (draft) {
            error_errno(err, STATUS_FAILED, path);
            file_abort(draft);
        }
        return -1;
    }
    for (int64_t at = 0; at < s->bytes && !failed; at += PIECE) {
        size_t n = (size_t)(s->bytes - at < PIECE ? s->bytes - at : PIECE);
        failed =
            file_read_at(s->fd, (uint64_t)at, n, piece) || gzwrite(gz, piece, (unsigned)n) <= 0;
    }
    if (gzclose_w(gz) != Z_OK)
        failed = 1;
    if (!failed)
        return file_commit(draft, err);
    error_errno(err, STATUS_FAILED, path);
    file_abort(draft);
    return -1;
}

static int copy_file(const char *from, const char *to, struct error *err)
{
    char piece[PIECE];
    FILE *in = fopen(from, "rbe");
    if (!in)
        return error_errno(err, STATUS_FAILED, from);
    struct file_draft *draft = file_begin(to, err);
    for (size_t n; draft && (n = fread(piece, 1, sizeof piece, in));)
        fwrite(piece, 1, n, draft->stream); /* what fails is told by the commit */
    int failed = ferror(in);
    fclose(in);
    if (!draft)
        return -1;
    if (!failed)
        return file_commit(draft, err);
    file_abort(draft);
    return error_set(err, STATUS_FAILED, "%s cannot be read", from);
}

static gzFile open_gz(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    gzFile gz = fd >= 0 ? gzdopen(fd, "rb") : NULL;
    if (!gz && fd >= 0)
        close(fd);
    return gz;
}

/* What the first line of a closed segment says. */
static struct head head_of_closed(const char *path)
{
    char text[HEAD_MOST + 1] = "";
    gzFile gz = open_gz(path);
    int n = gz ? gzread(gz, text, HEAD_MOST) : 0;
    if (gz)
        gzclose_r(gz);
    text[n > 0 ? n : 0] = 0;
    return head_of(text);
}

/* The first `most` bytes of a closed segment, or as many as can be read. */
static int unpack(const char *path, int64_t most, FILE *out)
{
    char piece[PIECE];
    gzFile gz = open_gz(path);
    int failed = !gz;
    for (int64_t left = most; !failed && left > 0;) {
        int n = gzread(gz, piece, (unsigned)(left < PIECE ? left : PIECE));
        if (n <= 0)
            break;
        failed = fwrite(piece, 1, (size_t)n, out) != (size_t)n;
        left -= n;
    }
    if (gz)
        gzclose_r(gz);
    return failed ? -1 : 0;
}

/* --- the current file */

static int lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? -1 : 0;
}

/* Whether the file of this name is the open one. */
static int is_open(int fd, const char *path)
{
    struct stat a, b;
    return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The draft takes the place of the current file. */
static int replace(struct segments *s, struct file_draft *draft, struct error *err)
{
    int fd = open(draft->aside, O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd < 0 || lock(fd)) {
        error_errno(err, STATUS_FAILED, s->path);
        file_abort(draft);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (file_commit(draft, err) && !is_open(fd, s->path)) {
        close(fd);
        return -1;
    }
    close(s->fd);
    s->fd = fd;
    return 0;
}

/* Cuts the current file to whole lines of its first `most` bytes; what is in it is known then. */
static int cut(struct segments *s, int64_t most)
{
    struct stat st;
    char text[HEAD_MOST + 1] = "";
    if (fstat(s->fd, &st))
        return -1;
    const int64_t bytes = whole_lines(s->fd, most < st.st_size ? most : st.st_size);
    if (bytes < 0)
        return -1;
    s->bytes = bytes;
    if (s->bytes < st.st_size && ftruncate(s->fd, (off_t)s->bytes))
        return -1;
    size_t n = (size_t)(s->bytes < HEAD_MOST ? s->bytes : HEAD_MOST);
    if (n && file_read_at(s->fd, 0, n, text))
        return -1;
    const struct head head = head_of(text);
    s->number = head.number;
    s->offset = head.offset;
    s->head = head.bytes;
    s->first = s->bytes ? time_of_line(text) : 0;
    const int64_t last = s->bytes ? whole_lines(s->fd, s->bytes - 1) : 0;
    if (last < 0)
        return -1;
    s->last = s->bytes ? time_at(s->fd, last, s->bytes) : 0;
    return 0;
}

/* The closed segment becomes the current one, up to the position `keep`. */
static int reopen(struct segments *s, const struct closed *closed, int64_t keep, struct error *err)
{
    const int64_t offset = head_of_closed(closed->path).offset;
    struct file_draft *draft = file_begin(s->path, err);
    if (!draft)
        return -1;
    if (unpack(closed->path, keep - offset, draft->stream)) {
        error_errno(err, STATUS_FAILED, closed->path);
        file_abort(draft);
        return -1;
    }
    if (replace(s, draft, err))
        return -1;
    return cut(s, INT64_MAX) ? error_errno(err, STATUS_FAILED, s->path) : 0;
}

/* The last closed segment that begins in front of `keep`, and of the current one unless that is
 * gone; not one whose head cannot be read. */
static const struct closed *closed_before(const struct segments *s, const struct closed_list *list,
                                          int64_t keep, int gone)
{
    for (size_t i = list->count; i > 0; i--) {
        const struct closed *closed = &list->item[i - 1];
        const struct head head = head_of_closed(closed->path);
        if ((gone || closed->number < s->number) && head.number == closed->number &&
            head.offset < keep)
            return closed;
    }
    return NULL;
}

/* Cuts the log to its first `keep` bytes. What is closed and lies behind goes. */
static int cut_all(struct segments *s, int64_t keep, int *lost, struct error *err)
{
    struct closed_list list = list_closed(s);
    int failed = cut(s, INT64_MAX) ? error_errno(err, STATUS_FAILED, s->path) : 0;
    const int gone = !s->bytes && list.count; /* somebody removed the current file */
    const int earlier = keep > 0 && (gone || (s->offset && keep <= s->offset));
    const struct closed *from = earlier ? closed_before(s, &list, keep, gone) : NULL;
    if (!failed && from)
        failed = reopen(s, from, keep, err);
    else if (!failed && cut(s, earlier ? s->head : keep > 0 ? keep - s->offset : 0))
        failed = error_errno(err, STATUS_FAILED, s->path);
    const int none = keep <= 0 || (earlier && !from); /* of the closed ones is kept */
    for (size_t i = 0; !failed && i < list.count; i++)
        if (none || list.item[i].number >= s->number)
            remove_closed(s, list.item[i].path);
    list_free(&list);
    *lost = keep != INT64_MAX && ((earlier && !from) || segments_position(s) < keep);
    return failed;
}

int segments_open(struct segments *s, const char *path, int64_t keep,
                  const struct segments_settings *settings, int *lost, struct error *err)
{
    struct stat st;
    *lost = 0;
    *s = (struct segments){.settings = *settings, .fd = -1, .number = 1, .path = strdup(path)};
    s->fd = s->path ? open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (s->fd < 0 || fstat(s->fd, &st)) {
        error_errno(err, STATUS_FAILED, path);
        segments_close(s);
        return -1;
    }
    s->is_regular = S_ISREG(st.st_mode);
    /* two processes on one log would write into each other's lines; a device anyone may share */
    int failed = s->is_regular && lock(s->fd)
                     ? error_set(err, STATUS_FAILED, "%s: another process is writing to it", path)
                 : s->is_regular ? cut_all(s, keep < 0 ? INT64_MAX : keep, lost, err)
                                 : 0;
    if (failed)
        segments_close(s);
    return failed;
}

int64_t segments_position(const struct segments *s)
{
    return s->offset + s->bytes;
}

int segments_due(const struct segments *s, size_t size, int64_t now)
{
    if (!s->is_regular || s->bytes <= s->head || now < s->not_before)
        return 0;
    if (s->settings.rotation == SEGMENTS_SIZE)
        return s->bytes + (int64_t)size > s->settings.size;
    return s->settings.rotation == SEGMENTS_DAILY && now / DAY > s->first / DAY;
}

/* Deletes closed segments that are too old. */
static int delete_old(struct segments *s, int64_t now, struct error *err)
{
    struct closed_list list = list_closed(s);
    int failed = 0;
    for (size_t i = 0; s->settings.keep_days && i < list.count; i++)
        if (list.item[i].last < now - s->settings.keep_days * DAY && unlink(list.item[i].path))
            failed = error_errno(err, STATUS_FAILED, list.item[i].path);
    list_free(&list);
    return failed;
}

/* The name of the current segment when it is closed; the caller frees. */
static char *closed_path(const struct segments *s)
{
    char first[STAMP + 1], last[STAMP + 1], *path;
    stamp_of(s->first, first);
    stamp_of(s->last, last);
    return asprintf(&path, "%.*s.%04ld.%s.%s" ENDING ".gz", (int)stem_of(s->path), s->path,
                    s->number, first, last) < 0
               ? NULL
               : path;
}

/* A current segment that holds `head` alone. */
static int begin_next(struct segments *s, const char *head, size_t size, int64_t now,
                      struct error *err)
{
    struct file_draft *draft = file_begin(s->path, err);
    if (!draft)
        return -1;
    fwrite(head, 1, size, draft->stream); /* what fails is told by the commit */
    if (replace(s, draft, err))
        return -1;
    s->number++;
    s->offset += s->bytes;
    s->bytes = s->head = (int64_t)size;
    s->first = s->last = now;
    return 0;
}

int segments_rotate(struct segments *s, const char *head, size_t size, int64_t now, int *told,
                    struct error *err)
{
    char *path = closed_path(s), *copy = path ? copy_path(s, path) : NULL;
    int failed = path ? write_gz(s, path, err) : error_set(err, STATUS_FAILED, "out of memory");
    *told = !failed && copy &&
            (file_mkdir(s->settings.copy_to, err) || copy_file(path, copy, err)); /* goes on */
    if (!failed && begin_next(s, head, size, now, err))
        failed = -1;
    if (failed && path)
        remove_closed(s, path);
    if (failed)
        s->not_before = now + HOUR;
    else
        *told |= delete_old(s, now, err);
    free(copy);
    free(path);
    return failed;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int segments_append(struct segments *s, const char *line, size_t size, int64_t now)
{
    if (write_all(s->fd, line, size)) {
        int number = errno;
        /* Keeps the lines after this one whole; no help for it if this fails as well. */
        if (ftruncate(s->fd, (off_t)s->bytes))
            errno = 0;
        return number;
    }
    if (!s->bytes)
        s->first = now;
    s->last = now;
    s->bytes += (int64_t)size;
    return 0;
}

int segments_close(struct segments *s)
{
    int number = s->fd >= 0 && close(s->fd) && errno != EINTR ? errno : 0;
    free(s->path);
    s->path = NULL;
    s->fd = -1;
    return number;
}
