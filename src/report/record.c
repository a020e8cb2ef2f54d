/* SPDX-License-Identifier: MIT */
#include "report/record.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/closed.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/jsonnumber.h"
#include "util/lines.h"

/* Longer lines, and larger files, are none of a run's. */
#define MOST_LINE ((size_t)1 << 20)
#define MOST_CONFIG ((size_t)1 << 20)
#define MOST_PLAN ((size_t)1 << 26)

/* --- epochs */

/* The place of a column, made where it is new; RECORD_COLUMNS: there is no room for it. */
static size_t column_of(struct record *r, const char *name)
{
    size_t i = 0;
    while (i < r->columns && strcmp(r->column[i].name, name))
        i++;
    if (i < r->columns || i == RECORD_COLUMNS)
        return i;
    struct record_column *c = &r->column[i];
    *c = (struct record_column){strdup(name), malloc(r->room * sizeof(double))};
    if (!c->name || !c->value) {
        free(c->name);
        free(c->value);
        jsonmem_lacks();
        return RECORD_COLUMNS;
    }
    for (size_t e = 0; e < r->epochs; e++)
        c->value[e] = NAN;
    r->columns++;
    return i;
}

static int make_room(struct record *r)
{
    const size_t room = 2 * r->room + 64;
    for (size_t i = 0; i < r->columns; i++) {
        double *more = realloc(r->column[i].value, room * sizeof *more);
        if (!more)
            return -1;
        r->column[i].value = more;
    }
    r->room = room;
    return 0;
}

/* A run that goes on from a checkpoint has forgotten the epochs behind it. */
static void forget_from(struct record *r, double epoch)
{
    const double *number = record_column(r, "epoch");
    while (number && r->epochs && !(number[r->epochs - 1] < epoch))
        r->epochs--;
}

static void take_epoch(struct record *r, json_t *event)
{
    const char *name;
    json_t *x;
    const double epoch = jsonnumber_of(event, "epoch");
    if (!isfinite(epoch))
        return;
    forget_from(r, epoch);
    if (r->epochs == RECORD_EPOCHS) {
        r->epochs_more++;
        return;
    }
    if (r->epochs == r->room && make_room(r)) {
        jsonmem_lacks();
        return;
    }
    for (size_t i = 0; i < r->columns; i++)
        r->column[i].value[r->epochs] = NAN;
    json_object_foreach(event, name, x)
    {
        const int is_number = json_is_number(x) || json_is_true(x);
        const size_t i = is_number ? column_of(r, name) : RECORD_COLUMNS;
        if (i < RECORD_COLUMNS)
            r->column[i].value[r->epochs] = json_is_true(x) ? 1 : json_number_value(x);
    }
    r->epochs++;
}

/* --- events */

/* Keeps an event: the first one, or the last. */
static void put(json_t **to, json_t *event, int first)
{
    if (first && *to)
        return;
    json_decref(*to);
    *to = json_incref(event);
}

static void take_note(struct record *r, json_t *event)
{
    if (!r->notes)
        r->notes = json_array();
    if (json_array_size(r->notes) < RECORD_NOTES)
        json_array_append(r->notes, event);
    else
        r->notes_more++;
}

static void take_start(struct record *r, json_t *event)
{
    put(&r->start, event, 1);
    r->state = RECORD_UNFINISHED;
}

static void take_resume(struct record *r, json_t *event)
{
    r->resumes++;
    forget_from(r, jsonnumber_of(event, "epoch") + 1);
}

static void take_error(struct record *r, json_t *event)
{
    put(&r->error, event, 0);
    r->state = RECORD_FAILED;
}

static void take_end(struct record *r, json_t *event)
{
    put(&r->end, event, 0);
    r->state = r->state == RECORD_PRUNED ? RECORD_PRUNED : RECORD_ENDED;
}

static void take_pruned(struct record *r, json_t *event)
{
    (void)event;
    r->state = RECORD_PRUNED;
}

static void take_data(struct record *r, json_t *event)
{
    put(&r->data, event, 0);
}

static void take_verdict(struct record *r, json_t *event)
{
    put(&r->verdict, event, 0);
}

static void take_captions(struct record *r, json_t *event)
{
    put(&r->captions, event, 0);
}

static void take_categories(struct record *r, json_t *event)
{
    put(&r->categories, event, 0);
}

static void take_map(struct record *r, json_t *event)
{
    put(&r->map, event, 0);
}

static const struct {
    const char *name;
    void (*take)(struct record *r, json_t *event);
} events[] = {
    {"start", take_start},
    {"resume", take_resume},
    {"data", take_data},
    {"epoch", take_epoch},
    {"warning", take_note},
    {"advice", take_note},
    {"slow", take_note},
    {"diverging", take_note},
    {"stalled", take_note},
    {"hot", take_note},
    {"verdict", take_verdict},
    {"captions", take_captions},
    {"categories", take_categories},
    {"map", take_map},
    {"pruned", take_pruned},
    {"error", take_error},
    {"end", take_end},
};

/* The time of a line, if it looks like one. */
static void take_time(struct record *r, const json_t *event)
{
    const char *time = json_string_value(json_object_get(event, "time"));
    if (!time || strlen(time) >= RECORD_TIME || !isdigit((unsigned char)*time))
        return;
    if (!*r->first)
        strcpy(r->first, time);
    strcpy(r->last, time);
}

static int take_line(void *ctx, const char *line, size_t size)
{
    struct record *r = ctx;
    json_t *object = line ? json_loadb(line, size, 0, NULL) : NULL;
    const char *event = json_string_value(json_object_get(object, "event"));
    r->strange += !event;
    if (event)
        take_time(r, object);
    for (size_t i = 0; event && i < sizeof events / sizeof *events; i++)
        if (!strcmp(event, events[i].name))
            events[i].take(r, object);
    json_decref(object);
    return jsonmem_short();
}

/* --- files */

/* 0; -1 with `err`; 1: there is none. */
static int read_log(struct record *r, const char *path, struct error *err)
{
    struct lines lines = {0};
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 1 : error_errno(err, STATUS_INPUT, path);
    int failed = 0;
    if (fstat(fd, &st))
        failed = error_errno(err, STATUS_INPUT, path);
    else if (!S_ISREG(st.st_mode))
        failed = error_set(err, STATUS_INPUT, "%s: this is no plain file", path);
    else if (closed_read(path, fd, MOST_LINE, take_line, r, err))
        failed = -1;
    else if (lines_read(&lines, fd, MOST_LINE, take_line, r) < 0)
        failed = error_errno(err, STATUS_INPUT, path);
    close(fd);
    return failed;
}

/* A file that may be missing, but if it is there can be read; NULL with `err` or with an empty one.
 */
static char *read_small(const char *path, size_t most, size_t *size, struct error *err)
{
    struct stat st;
    *err = (struct error){0};
    if (stat(path, &st) && errno == ENOENT)
        return NULL;
    if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
        error_set(err, STATUS_INPUT, "%s: this is no plain file", path);
        return NULL;
    }
    return file_read(path, most, size, err);
}

static int read_config(struct record *r, const char *path, struct error *err)
{
    r->config = read_small(path, MOST_CONFIG, &r->config_size, err);
    if (!r->config)
        return *err->text ? -1 : 1;
    return listed_read(&r->keys, r->config, r->config_size)
               ? error_set(err, STATUS_FAILED, "%s: out of memory", path)
               : 0;
}

/* The texts in front of the launches; a plan that is broken tells nothing. */
static int read_plan(struct record *r, const char *path, struct error *err)
{
    size_t size;
    char *text = read_small(path, MOST_PLAN, &size, err);
    if (!text)
        return *err->text ? -1 : 1;
    json_t *plan = json_loadb(text, size, 0, NULL), *x;
    const char *name;
    void *next;
    free(text);
    if (!plan)
        return 0;
    json_object_foreach_safe(plan, next, name, x) if (!json_is_string(x))
        json_object_del(plan, name);
    r->plan = plan;
    return 0;
}

/* Reads one of its files. */
static int read_named(struct record *r, const char *name,
                      int (*read)(struct record *, const char *, struct error *), struct error *err)
{
    char *path = file_join(r->folder, name);
    const int result = path ? read(r, path, err) : error_set(err, STATUS_FAILED, "out of memory");
    free(path);
    return result;
}

/* Whether a file is there, whatever it is. */
static int has(const char *folder, const char *name)
{
    struct stat st;
    char *path = file_join(folder, name);
    const int there = path && !stat(path, &st);
    free(path);
    return there;
}

static int no_run(const char *folder, struct error *err)
{
    if (has(folder, "journal") || has(folder, "sweep.json"))
        return error_set(err, STATUS_USAGE,
                         "%s: this is the folder of a sweep: 'seqtrain report' takes the folder of "
                         "one of its runs, 'seqtrain compare' several of them",
                         folder);
    return error_set(err, STATUS_INPUT,
                     "%s: this is not the folder of a run: it has neither log.jsonl nor config.ini",
                     folder);
}

/* run.name, else the last part of the folder's name. */
static char *name_of(const struct record *r)
{
    const char *name = json_string_value(json_object_get(r->start, "run"));
    if (!name || !*name)
        name = listed_find(&r->keys, "run.name");
    if (name && *name)
        return strdup(name);
    size_t n = strlen(r->folder);
    while (n > 1 && r->folder[n - 1] == '/')
        n--;
    size_t from = n;
    while (from && r->folder[from - 1] != '/')
        from--;
    return strndup(r->folder + from, n - from);
}

int record_read(struct record *r, const char *folder, struct error *err)
{
    *r = (struct record){.folder = folder};
    if (!file_is_folder(folder))
        return errno ? error_errno(err, STATUS_INPUT, folder)
                     : error_set(err, STATUS_INPUT, "%s: not a folder", folder);
    const int log = read_named(r, "log.jsonl", read_log, err);
    const int config = log < 0 ? -1 : read_named(r, "config.ini", read_config, err);
    if (log < 0 || config < 0 || read_named(r, "plan.json", read_plan, err) < 0)
        return -1;
    if (log && config)
        return no_run(folder, err);
    r->name = name_of(r);
    return r->name && !jsonmem_short() ? 0 : error_set(err, STATUS_FAILED, "out of memory");
}

void record_fini(struct record *r)
{
    json_t *const all[] = {r->start, r->data, r->verdict, r->captions, r->categories,
                           r->map,   r->end,  r->error,   r->notes,    r->plan};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        json_decref(all[i]);
    for (size_t i = 0; i < r->columns; i++) {
        free(r->column[i].name);
        free(r->column[i].value);
    }
    listed_fini(&r->keys);
    free(r->config);
    free(r->name);
}

/* --- what follows from these */

const double *record_column(const struct record *r, const char *name)
{
    for (size_t i = 0; i < r->columns; i++)
        if (!strcmp(r->column[i].name, name))
            return r->column[i].value;
    return NULL;
}

const char *record_monitor(const struct record *r)
{
    const char *monitor = listed_find(&r->keys, "train.monitor");
    return monitor && *monitor ? monitor : "val/loss";
}

const double *record_monitored(const struct record *r, char name[64])
{
    snprintf(name, 64, "%s", record_monitor(r));
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '_';
    const double *column = record_column(r, name);
    if (!column && !strcmp(name, "val_loss")) {
        strcpy(name, "train_loss");
        column = record_column(r, name);
    }
    return column;
}

long record_best(const struct record *r)
{
    const double *number = record_column(r, "epoch"), *best = record_column(r, "best");
    const double told = jsonnumber_of(r->end, "best_epoch");
    long row = -1;
    for (size_t i = 0; number && i < r->epochs; i++)
        if (r->state != RECORD_UNFINISHED && isfinite(told) ? number[i] == told
                                                            : best && best[i] > 0)
            row = (long)i;
    return row;
}

double record_seconds(const struct record *r)
{
    const double told = jsonnumber_of(r->end, "seconds");
    const double *seconds = record_column(r, "seconds");
    double sum = 0;
    if (r->state != RECORD_UNFINISHED && isfinite(told))
        return told;
    for (size_t i = 0; seconds && i < r->epochs; i++)
        sum += isfinite(seconds[i]) ? seconds[i] : 0;
    return seconds && r->epochs ? sum : NAN;
}

const char *record_task(const struct record *r)
{
    const char *type = listed_find(&r->keys, "model.type");
    if (!type)
        return "";
    if (!strcmp(type, "language"))
        return "language";
    if (!strcmp(type, "captioner"))
        return "captions";
    if (json_object_get(r->verdict, "signal"))
        return "signal";
    return json_array_size(json_object_get(r->data, "targets")) ? "forecast" : type;
}
