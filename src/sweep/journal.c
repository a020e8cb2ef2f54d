/* SPDX-License-Identifier: MIT */
#include "sweep/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/array.h"
#include "util/clocale.h"
#include "util/file.h"
#include "util/host.h"
#include "util/jsonmem.h"
#include "util/lines.h"

#define SUFFIX ".jsonl"

/* Of numbers in lines. */
#define DIGITS 10

/* A longer line is none of ours. */
#define MOST_LINE ((size_t)4 << 20)

/* A larger n is none of ours either: the next ones would not fit. */
#define MOST_N ((json_int_t)1 << 53)

struct reader {
    char *name;
    struct lines lines;
    size_t seen, told; /* lines that journal_seen() gave, and those that have been journaled */
};

struct journal {
    char *folder; /* FOLDER/journal */
    struct log *log;
    struct reader **reader;
    size_t readers;
    struct journal_event **event;
    size_t count;
    json_int_t n; /* the largest */
    int fd;       /* this process's file; -1: none yet */
    int cut;      /* a write to it failed: it may not end with a line */
};

size_t journal_count(const struct journal *j)
{
    return j->count;
}

const struct journal_event *journal_event(const struct journal *j, size_t index)
{
    return j->event[index];
}

/* --- reading */

json_t *journal_parse(const char *line, size_t size, json_int_t *n)
{
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *place = json_object_get(object, "n");
    *n = json_integer_value(place);
    if (json_is_string(json_object_get(object, "event")) && *n > 0 && *n <= MOST_N)
        return object;
    json_decref(object);
    return NULL;
}

static int out_of_memory(struct error *err)
{
    return error_set(err, STATUS_FAILED, "out of memory");
}

/* A line of a file is being read. */
struct reading {
    struct journal *journal;
    const struct reader *reader;
    struct error *err;
};

static int take_line(void *ctx, const char *line, size_t size)
{
    const struct reading *r = ctx;
    struct journal *j = r->journal;
    json_int_t n = 0;
    if (line && !size) /* behind a write of which nothing came */
        return 0;
    json_t *object = line ? journal_parse(line, size, &n) : NULL;
    if (!object && jsonmem_short())
        return out_of_memory(r->err);
    if (!object) {
        log_warn(j->log, "%s/%s:%zu: this line is damaged and passed over", j->folder,
                 r->reader->name, r->reader->lines.count);
        return 0;
    }
    struct journal_event *e = array_append((void ***)&j->event, &j->count, sizeof *e);
    if (!e) {
        json_decref(object);
        return out_of_memory(r->err);
    }
    *e = (struct journal_event){object, n, r->reader->name, r->reader->lines.count};
    if (n > j->n)
        j->n = n;
    return 0;
}

static struct reader *reader_of(struct journal *j, const char *name)
{
    for (size_t i = 0; i < j->readers; i++)
        if (!strcmp(j->reader[i]->name, name))
            return j->reader[i];
    struct reader *r = array_append((void ***)&j->reader, &j->readers, sizeof *r);
    if (r && !(r->name = strdup(name)))
        j->readers--, free(r), r = NULL;
    return r;
}

static int read_file(struct journal *j, const char *name, struct error *err)
{
    struct reader *r = reader_of(j, name);
    char *path = r ? file_join(j->folder, name) : NULL;
    if (!path)
        return out_of_memory(err);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    struct reading reading = {j, r, err};
    *err->text = 0;
    int failed = fd < 0 || fstat(fd, &st) ? error_errno(err, STATUS_FAILED, path) : 0;
    if (!failed && S_ISREG(st.st_mode) && (uint64_t)st.st_size > r->lines.offset)
        failed = lines_read(&r->lines, fd, MOST_LINE, take_line, &reading);
    if (failed && !*err->text)
        error_errno(err, STATUS_FAILED, path);
    if (fd >= 0)
        close(fd);
    free(path);
    return failed;
}

static int compare_events(const void *va, const void *vb)
{
    const struct journal_event *a = *(struct journal_event *const *)va;
    const struct journal_event *b = *(struct journal_event *const *)vb;
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    int order = strcmp(a->file, b->file);
    return order ? order : a->line < b->line ? -1 : a->line > b->line;
}

static int is_journal(const char *name)
{
    size_t length = strlen(name), suffix = strlen(SUFFIX);
    return *name != '.' && length > suffix && !strcmp(name + length - suffix, SUFFIX);
}

int journal_read(struct journal *j, struct error *err)
{
    DIR *dir = opendir(j->folder);
    const size_t before = j->count;
    const struct dirent *entry;
    int failed = 0;
    if (!dir)
        return errno == ENOENT ? 0 : error_errno(err, STATUS_FAILED, j->folder);
    while (!failed && (errno = 0, entry = readdir(dir)))
        if (is_journal(entry->d_name))
            failed = read_file(j, entry->d_name, err);
    if (!failed && errno)
        failed = error_errno(err, STATUS_FAILED, j->folder);
    closedir(dir);
    for (size_t i = before ? before : 1; i < j->count; i++)
        if (compare_events(&j->event[i - 1], &j->event[i]) > 0) {
            qsort(j->event, j->count, sizeof *j->event, compare_events);
            break;
        }
    return failed;
}

struct journal *journal_open(const char *folder, struct log *log, struct error *err)
{
    struct journal *j = calloc(1, sizeof *j);
    if (j) {
        j->fd = -1;
        j->log = log;
        j->folder = file_join(folder, "journal");
    }
    if (!j || !j->folder)
        out_of_memory(err);
    else if (!journal_read(j, err))
        return j;
    journal_free(j);
    return NULL;
}

void journal_free(struct journal *j)
{
    for (size_t i = 0; j && i < j->readers; i++) {
        free(j->reader[i]->name);
        free(j->reader[i]);
    }
    for (size_t i = 0; j && i < j->count; i++) {
        json_decref(j->event[i]->object);
        free(j->event[i]);
    }
    if (j) {
        if (j->fd >= 0)
            close(j->fd);
        free(j->reader);
        free(j->event);
        free(j->folder);
    }
    free(j);
}

json_t *journal_seen(struct journal *j)
{
    json_t *seen = json_object();
    for (size_t i = 0; i < j->readers; i++) {
        struct reader *r = j->reader[i];
        r->seen = r->lines.count;
        if (r->seen != r->told)
            json_object_set_new(seen, r->name, json_integer((json_int_t)r->seen));
    }
    return seen;
}

/* --- writing */

/* A file that no process has had: HOST.PID.jsonl or, where that is there, HOST.PID-1.jsonl ... */
static int make_own(struct journal *j, struct error *err)
{
    enum { MOST = 1000 };
    char host[HOST_NAME], name[HOST_NAME + 64];
    if (file_mkdir(j->folder, err))
        return -1;
    for (int i = 0; i < MOST && j->fd < 0; i++) {
        snprintf(name, sizeof name, i ? "%s.%ld-%d" SUFFIX : "%s.%ld" SUFFIX, host_name(host),
                 (long)getpid(), i);
        char *path = file_join(j->folder, name);
        if (!path)
            return out_of_memory(err);
        j->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
        int failed = j->fd < 0 && errno != EEXIST;
        if (failed)
            error_errno(err, STATUS_FAILED, path);
        free(path);
        if (failed)
            return -1;
    }
    return j->fd < 0 ? error_set(err, STATUS_FAILED, "%s: no name is free", j->folder) : 0;
}

double journal_number(double x)
{
    char text[40];
    locale_t before = clocale_enter();
    snprintf(text, sizeof text, "%.*g", DIGITS, x);
    x = isfinite(x) ? strtod(text, NULL) : NAN;
    clocale_leave(before);
    return x;
}

/* The object as a line; one behind a cut line begins with a line feed. */
static char *event_line(struct journal *j, const char *event, json_t *members, size_t *size)
{
    char day[32], stamp[64];
    struct timespec at;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &at);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", gmtime_r(&at.tv_sec, &tm));
    snprintf(stamp, sizeof stamp, "%s.%03ldZ", day, at.tv_nsec / 1000000);
    json_t *object = json_pack("{s:I, s:s, s:s}", "n", j->n + 1, "event", event, "time", stamp);
    json_object_update_missing(object, members);
    locale_t locale = clocale_enter();
    char *text = jsonmem_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS)), *line = NULL;
    clocale_leave(locale);
    json_decref(object);
    int length = text ? asprintf(&line, "%s%s\n", j->cut ? "\n" : "", text) : -1;
    free(text);
    *size = length > 0 ? (size_t)length : 0;
    return length > 0 ? line : NULL;
}

int journal_append(struct journal *j, const char *event, json_t *members, struct error *err)
{
    size_t size;
    const int is_told = json_object_get(members, "from") != NULL;
    if (journal_read(j, err) || (j->fd < 0 && make_own(j, err))) {
        json_decref(members);
        return -1;
    }
    char *line = event_line(j, event, members, &size);
    json_decref(members);
    if (!line)
        return out_of_memory(err);
    ssize_t written = write(j->fd, line, size); /* one write: readers see a line or its start */
    int failed = written != (ssize_t)size || fsync(j->fd);
    if (written >= 0 && written < (ssize_t)size)
        errno = ENOSPC;
    j->cut |= failed;
    if (failed)
        error_errno(err, STATUS_FAILED, j->folder);
    else
        j->cut = 0;
    for (size_t i = 0; is_told && !failed && i < j->readers; i++)
        j->reader[i]->told = j->reader[i]->seen;
    free(line);
    return failed ? -1 : journal_read(j, err);
}
