/* SPDX-License-Identifier: MIT */
#include "log/board.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/records.h"
#include "log/tfevent.h"
#include "util/file.h"

#define PICTURE_MOST (64 << 20) /* bytes of a PNG file */
#define TAG_MOST 512

struct board {
    struct records file;
    struct proto event; /* the one that is written */
    int64_t first;      /* step of what belongs to the process as a whole */
    int64_t step;       /* the latest */
    int stopped;        /* no more training: what follows is a report */
};

/* --- files of a folder */

/* The seconds in the name of an event file of ours; -1: it is none. */
static int64_t seconds_of(const char *name)
{
    int64_t seconds;
    int end = 0;
    return sscanf(name, "events.out.tfevents.%10" SCNd64 ".seqtrain%n", &seconds, &end) == 1 &&
                   end && !name[end]
               ? seconds
               : -1;
}

typedef int visitor(void *ctx, const char *path, struct error *err);

/* Calls for each event file; *latest is the largest number of seconds in a name. */
static int visit(const char *folder, visitor *call, void *ctx, int64_t *latest, struct error *err)
{
    DIR *dir = opendir(folder);
    int failed = dir || errno == ENOENT ? 0 : error_errno(err, STATUS_FAILED, folder);
    *latest = 0;
    for (struct dirent *d; !failed && dir && (d = readdir(dir));) {
        const int64_t seconds = seconds_of(d->d_name);
        if (seconds < 0)
            continue;
        char *path = file_join(folder, d->d_name);
        failed = path ? call(ctx, path, err)
                      : error_set(err, STATUS_FAILED, "%s: out of memory", folder);
        free(path);
        *latest = seconds > *latest ? seconds : *latest;
    }
    if (dir)
        closedir(dir);
    return failed;
}

static int drop(void *ctx, const char *path, struct error *err)
{
    (void)ctx;
    return unlink(path) && errno != ENOENT ? error_errno(err, STATUS_FAILED, path) : 0;
}

int board_clear(const char *folder, struct error *err)
{
    int64_t latest;
    return visit(folder, drop, NULL, &latest, err);
}

/* Whether an event that was written before belongs to what the checkpoint knows of. */
static int stays(void *ctx, const unsigned char *bytes, size_t size)
{
    const struct board_from *from = ctx;
    struct tfevent_seen seen;
    if (tfevent_read(&seen, bytes, size) || seen.step > from->step)
        return 0;
    return seen.session != TFEVENT_STOP || seen.step < from->step || from->finished;
}

/* Cuts a file to that. None is removed: a TensorBoard that reads it would read no other any more.
 */
static int cut(void *ctx, const char *path, struct error *err)
{
    return records_cut(path, stays, ctx, err);
}

/* --- writing */

static int write_event(struct board *b, struct error *err)
{
    if (!b->event.failed)
        return records_append(&b->file, b->event.bytes, b->event.size, err);
    b->event.failed = 0;
    return error_set(err, STATUS_FAILED, "%s: out of memory", b->file.path);
}

static int write_session(struct board *b, enum tfevent_session session, int64_t step, int64_t now,
                         struct error *err)
{
    tfevent_begin(&b->event, now, step);
    tfevent_session(&b->event, session);
    return write_event(b, err);
}

/* Makes this process' file, whose name comes behind those there are. */
static int make(struct board *b, const char *folder, int64_t latest, int64_t now, struct error *err)
{
    char name[64];
    const int64_t seconds = now / 1000 > latest ? now / 1000 : latest + 1;
    snprintf(name, sizeof name, "events.out.tfevents.%010" PRId64 ".seqtrain", seconds);
    char *path = file_join(folder, name);
    if (!path)
        return error_set(err, STATUS_FAILED, "%s: out of memory", folder);
    if (records_new(&b->file, path, err))
        return -1;
    tfevent_begin(&b->event, now, 0);
    tfevent_version(&b->event);
    return write_event(b, err);
}

struct board *board_open(const char *folder, const struct board_from *from, int64_t now,
                         struct error *err)
{
    struct board_from how = *from;
    int64_t latest;
    if (visit(folder, cut, &how, &latest, err))
        return NULL;
    struct board *b = calloc(1, sizeof *b);
    if (!b) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    b->file.fd = -1;
    b->step = how.step > 0 ? how.step : 0;
    b->first = how.step + 1; /* readers drop what they have of this step and of later ones */
    if (make(b, folder, latest, now, err) || write_session(b, TFEVENT_START, b->first, now, err)) {
        board_close(b);
        return NULL;
    }
    return b;
}

void board_close(struct board *b)
{
    if (!b)
        return;
    records_close(&b->file);
    proto_fini(&b->event);
    free(b);
}

int board_sync(const struct board *b, struct error *err)
{
    return records_sync(&b->file, err);
}

/* The training is over: a resume that does it again drops what follows. */
static int stop(struct board *b, int64_t now, struct error *err)
{
    if (b->stopped)
        return 0;
    b->stopped = 1;
    return write_session(b, TFEVENT_STOP, b->step, now, err);
}

/* --- numbers */

/* A number of an object in `w`; others are not written. */
static void put_number(struct proto *w, const char *group, const char *name, const json_t *x)
{
    char tag[TAG_MOST];
    if (!json_is_number(x) || !strcmp(name, "step") || !strcmp(name, "epochs"))
        return;
    snprintf(tag, sizeof tag, "%s%s", group, name);
    tfevent_scalar(w, tag, json_number_value(x));
}

static void put_numbers(struct proto *w, const char *group, const json_t *members)
{
    const char *name;
    json_t *x;
    json_object_foreach((json_t *)members, name, x) put_number(w, group, name, x);
}

/* Of an epoch: what has a part is named as train.monitor names it. */
static void put_epoch(struct proto *w, const json_t *members)
{
    const char *name;
    json_t *x;
    json_object_foreach((json_t *)members, name, x)
    {
        if (!strncmp(name, "train_", 6))
            put_number(w, "train/", name + 6, x);
        else if (!strncmp(name, "val_", 4))
            put_number(w, "val/", name + 4, x);
        else
            put_number(w, "run/", name, x);
    }
    put_numbers(w, "telemetry/", json_object_get(members, "telemetry"));
}

/* Of the figures of a part after training: "test/loss". */
static void put_verdict(struct proto *w, const json_t *members)
{
    const char *part = json_string_value(json_object_get(members, "part"));
    char group[64];
    snprintf(group, sizeof group, "%s/", part ? part : "report");
    put_numbers(w, group, members);
}

static void put_end(struct proto *w, const json_t *members, int64_t now)
{
    put_number(w, "run/", "best", json_object_get(members, "best"));
    put_number(w, "run/", "best_epoch", json_object_get(members, "best_epoch"));
    tfevent_hparams_end(w, TFEVENT_SUCCESS, now);
}

enum told { NOTHING, EPOCH, STEP, TELEMETRY, VERDICT, PRUNED, END, ERROR };

static enum told told_by(const char *event)
{
    static const char *const name[] = {"",        "epoch",  "step", "telemetry",
                                       "verdict", "pruned", "end",  "error"};
    for (size_t i = EPOCH; i < sizeof name / sizeof *name; i++)
        if (!strcmp(event, name[i]))
            return (enum told)i;
    return NOTHING;
}

/* What an event says, as values of a summary. */
static void put_event(struct proto *w, enum told what, const json_t *members, int64_t now)
{
    switch (what) {
    case EPOCH:
        put_epoch(w, members);
        break;
    case STEP:
        put_numbers(w, "steps/", members);
        break;
    case TELEMETRY:
        put_numbers(w, "steps/telemetry/", json_object_get(members, "telemetry"));
        break;
    case VERDICT:
        put_verdict(w, members);
        break;
    case PRUNED:
    case END:
        put_end(w, members, now);
        break;
    case ERROR:
        tfevent_hparams_end(w, TFEVENT_FAILURE, now);
        break;
    case NOTHING:
        break;
    }
}

int board_event(struct board *b, const char *event, const json_t *members, int64_t now,
                struct error *err)
{
    const enum told what = told_by(event);
    const json_t *step = json_object_get(members, "step");
    if (what == NOTHING)
        return 0;
    if (json_is_integer(step))
        b->step = json_integer_value(step);
    if (what >= VERDICT && stop(b, now, err))
        return -1;
    tfevent_begin(&b->event, now, b->step);
    const size_t summary = tfevent_summary(&b->event);
    put_event(&b->event, what, members, now);
    tfevent_summary_end(&b->event, summary);
    return write_event(b, err);
}

/* --- others */

/* As a block of code in Markdown, in memory that the caller frees. */
static char *code_block(const char *text)
{
    char *block = NULL;
    size_t size;
    FILE *out = open_memstream(&block, &size);
    if (!out)
        return NULL;
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        fprintf(out, "    %.*s\n", (int)strcspn(line, "\n"), line);
    if (!fclose(out))
        return block;
    free(block);
    return NULL;
}

int board_hparams(struct board *b, const json_t *values, const char *config, int64_t now,
                  struct error *err)
{
    char *text = code_block(config);
    if (!text)
        return error_set(err, STATUS_FAILED, "%s: out of memory", b->file.path);
    tfevent_begin(&b->event, now, b->first);
    const size_t summary = tfevent_summary(&b->event);
    tfevent_hparams(&b->event, values, now);
    tfevent_text(&b->event, "config", text);
    tfevent_summary_end(&b->event, summary);
    free(text);
    return write_event(b, err);
}

int board_histogram(struct board *b, const char *name, int64_t step, const float *value,
                    size_t count, int64_t now, struct error *err)
{
    const struct histogram h = histogram_of(value, count);
    char tag[TAG_MOST];
    tfevent_begin(&b->event, now, step);
    const size_t summary = tfevent_summary(&b->event);
    if (h.count)
        tfevent_histogram(&b->event, name, &h);
    if (h.not_finite) {
        snprintf(tag, sizeof tag, "not_finite/%s", name);
        tfevent_scalar(&b->event, tag, (double)h.not_finite);
    }
    tfevent_summary_end(&b->event, summary);
    return write_event(b, err);
}

int board_picture(struct board *b, const char *name, const char *path, int64_t now,
                  struct error *err)
{
    size_t size;
    char *png = stop(b, now, err) ? NULL : file_read(path, PICTURE_MOST, &size, err);
    if (!png)
        return -1;
    tfevent_begin(&b->event, now, b->step);
    const size_t summary = tfevent_summary(&b->event);
    int failed = tfevent_png(&b->event, name, (const unsigned char *)png, size);
    tfevent_summary_end(&b->event, summary);
    free(png);
    return failed ? error_set(err, STATUS_FAILED, "%s: not a PNG file", path) : write_event(b, err);
}
