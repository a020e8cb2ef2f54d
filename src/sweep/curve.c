/* SPDX-License-Identifier: MIT */
#include "sweep/curve.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/jsonnumber.h"

/* Longer lines are no epochs. */
#define MOST_LINE ((size_t)1 << 20)

struct reading {
    struct curve *curve;
    const char *figure;
    size_t room;
};

/* Room for so many epochs. */
static int make_room(struct reading *r, size_t epoch)
{
    if (epoch <= r->room)
        return 0;
    size_t room = 2 * r->room + 64;
    double *more = realloc(r->curve->value, room * sizeof *more);
    if (!more)
        return -1;
    r->curve->value = more;
    r->room = room;
    return 0;
}

/* 1: no memory. */
static int take_line(void *ctx, const char *line, size_t size)
{
    struct reading *r = ctx;
    struct curve *c = r->curve;
    json_t *object = line ? json_loadb(line, size, 0, NULL) : NULL;
    const char *event = json_string_value(json_object_get(object, "event"));
    const json_int_t epoch = json_integer_value(json_object_get(object, "epoch"));
    int failed = 0;
    if (event && !strcmp(event, "end"))
        c->is_whole = 1;
    if (event && !strcmp(event, "epoch") && epoch > 0 && (size_t)epoch <= c->epochs + 1 &&
        !(failed = make_room(r, (size_t)epoch))) {
        c->epochs = (size_t)epoch;
        c->value[epoch - 1] = jsonnumber_of(object, r->figure);
        c->is_whole = epoch == json_integer_value(json_object_get(object, "epochs"));
    }
    json_decref(object);
    return failed ? 1 : 0;
}

int curve_read(struct curve *c, const struct run_row *row)
{
    struct reading r = {.curve = c, .figure = row->figure};
    struct lines lines = {0};
    *c = (struct curve){0};
    char *path = file_join(row->folder, "log.jsonl");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1, no_memory = !path;
    free(path);
    if (fd >= 0) {
        no_memory = lines_read(&lines, fd, MOST_LINE, take_line, &r) > 0;
        close(fd);
    }
    return no_memory ? -1 : 0;
}
