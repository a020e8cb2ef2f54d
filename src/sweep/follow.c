/* SPDX-License-Identifier: MIT */
#include "sweep/follow.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/jsonnumber.h"

/* Longer lines are no epochs. */
#define MOST_LINE ((size_t)1 << 20)

void follow_init(struct follow *f, const char *folder, const char *figure)
{
    *f = (struct follow){.folder = folder,
                         .figure = figure,
                         .loss = NAN,
                         .best = NAN,
                         .rate = NAN,
                         .left = NAN,
                         .bytes = NAN};
}

void follow_fini(struct follow *f)
{
    json_decref(f->tested);
}

static long count_of(const json_t *object, const char *key)
{
    return (long)json_integer_value(json_object_get(object, key));
}

static void take_epoch(struct follow *f, const json_t *e)
{
    double seconds = jsonnumber_of(e, "seconds");
    f->epoch = count_of(e, "epoch");
    f->epochs = count_of(e, "epochs");
    f->loss = jsonnumber_of(e, "val_loss");
    if (isnan(f->loss))
        f->loss = jsonnumber_of(e, "train_loss");
    f->rate = jsonnumber_of(e, "windows_per_second");
    f->bytes = jsonnumber_of(e, "device_bytes");
    if (f->epoch == 1)
        f->seconds = 0;
    if (isfinite(seconds))
        f->seconds += seconds;
    f->left = seconds * (double)(f->epochs - f->epoch);
    if (f->epoch == 1 || json_is_true(json_object_get(e, "best"))) {
        f->best = jsonnumber_of(e, f->figure);
        f->best_epoch = f->epoch;
    }
}

/* What has been found on the test of a fold. */
static void take_verdict(struct follow *f, json_t *verdict)
{
    static const char *const kept[] = {"fold", "folds", "windows", "original", "skill"};
    const char *part = json_string_value(json_object_get(verdict, "part"));
    if (!json_object_get(verdict, "fold") || !part || strcmp(part, "test") != 0)
        return;
    json_decref(f->tested);
    f->tested = json_object();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(f->tested, kept[i], json_object_get(verdict, kept[i]));
}

static int take_line(void *ctx, const char *line, size_t size)
{
    struct follow *f = ctx;
    json_t *object = line ? json_loadb(line, size, 0, NULL) : NULL;
    const char *event = json_string_value(json_object_get(object, "event"));
    if (event && !strcmp(event, "start"))
        f->ended = 0;
    if (event && !strcmp(event, "epoch"))
        take_epoch(f, object);
    if (event && !strcmp(event, "verdict"))
        take_verdict(f, object);
    if (event && !strcmp(event, "end")) {
        f->epoch = count_of(object, "epochs");
        f->best = jsonnumber_of(object, "best");
        f->best_epoch = count_of(object, "best_epoch");
        f->seconds = jsonnumber_of(object, "seconds");
        f->left = 0;
        f->ended = 1;
    }
    json_decref(object);
    return 0;
}

void follow_read(struct follow *f)
{
    struct stat st;
    char *path = file_join(f->folder, "log.jsonl");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    free(path);
    if (fd < 0)
        return;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
        /* another file, or one that a resumed run has cut */
        if (st.st_ino != f->inode || (uint64_t)st.st_size < f->lines.offset)
            f->lines = (struct lines){0};
        f->inode = st.st_ino;
        lines_read(&f->lines, fd, MOST_LINE, take_line, f);
    }
    close(fd);
}
