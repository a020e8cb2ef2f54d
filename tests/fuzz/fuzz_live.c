/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes rows that come: the first byte says how they are read, and any bytes behind it are the
 * text, in small or large pieces. What a window holds is finite; where no row was refused, the last
 * window is that of a file with the same bytes.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../data_fakes.h"
#include "data/live_text.h"
#include "fuzz.h"

enum { WINDOW = 3, FEATURES = 2 };

static char *features[] = {"b", "ma(b,2)"};
static char *targets[] = {"ret(b)"};
static char *times[] = {"t", "u"};
static double offset[FEATURES] = {1, 2}, scale[FEATURES] = {2, 3};
static struct transform transform[1];

static const struct fitted fitted = {
    .scaler = {.kind = SCALER_STANDARD, .features = FEATURES, .offset = offset, .scale = scale},
    .transform = transform,
    .targets = 1,
};

/* Bits of the first byte, from the lowest: 2 the separator, 2 what a missing value does, 2 the
 * columns of a time, 1 that there is a target, 1 that pieces are of one byte. */
static struct config make_config(unsigned how)
{
    static const int separator[] = {SEPARATOR_COMMA, SEPARATOR_SEMICOLON, SEPARATOR_TAB,
                                    SEPARATOR_PIPE};
    static const int missing[] = {MISSING_ERROR, MISSING_SKIP, MISSING_PREVIOUS, MISSING_SKIP};
    const size_t timed = how >> 4 & 3;
    return (struct config){.data = {.features = {features, FEATURES},
                                    .targets = {targets, how >> 6 & 1},
                                    .time = {times, timed < 3 ? timed : 0},
                                    .time_format = "auto",
                                    .time_zone = "UTC",
                                    .window = WINDOW,
                                    .horizon = 1,
                                    .target_rows = TARGET_HORIZON,
                                    .stride = -1,
                                    .eval_window = -1,
                                    .separator = separator[how & 3],
                                    .missing = missing[how >> 2 & 3],
                                    .missing_limit = 2,
                                    .gap = timed % 3 ? 7200000 : 0,
                                    .scaler = {.kind = SCALER_STANDARD}}};
}

struct bytes {
    const char *text;
    size_t size, taken, piece;
};

static long give(void *ctx, char *to, size_t room)
{
    struct bytes *b = ctx;
    size_t n = b->size - b->taken;
    n = n < b->piece ? n : b->piece;
    n = n < room ? n : room;
    memcpy(to, b->text + b->taken, n);
    b->taken += n;
    return (long)n;
}

/* A sentence of one line. */
static void check_told(const struct error *err)
{
    check(err->status && *err->text && !strchr(err->text, '\n'));
}

static float
    last[WINDOW * FEATURES]; /* the last window: rows of the next one move those of the live */

static void check_window(struct live *live)
{
    const struct dataset *d = live_data(live);
    for (size_t i = 0; i < WINDOW * FEATURES; i++)
        check(isfinite(last[i] = d->series[i]));
    for (size_t i = 1; d->time && i < WINDOW; i++)
        check(d->time[i - 1] < d->time[i]);
}

/* Windows of all rows that are taken; whether every row was. */
static int take_rows(struct live *live, struct live_text *text, size_t *windows)
{
    struct live_row row;
    struct error err;
    enum live_read read;
    int all = 1;
    while ((read = live_text_next(text, &row, &err)) != LIVE_END && read != LIVE_BROKEN) {
        if (read == LIVE_LOST)
            check_told(&err);
        all &= read == LIVE_ROW;
        if (read != LIVE_ROW) {
            live_cut(live);
            continue;
        }
        const enum live_taken taken = live_push(live, &row, &err);
        all &= taken != LIVE_REFUSED;
        if (taken == LIVE_REFUSED)
            check_told(&err);
        if (taken == LIVE_WINDOW) {
            check_window(live);
            ++*windows;
        }
    }
    if (read == LIVE_BROKEN)
        check_told(&err);
    return all && read == LIVE_END;
}

/* The file may be refused as a whole, for what rows cannot know. */
static void compare(const struct config *config, const struct bytes *bytes, size_t windows)
{
    struct error err;
    char path[FUZZ_PATH];
    const int fd = fuzz_file((const uint8_t *)bytes->text, bytes->size, path);
    struct dataset *data = dataset_load_all(config, path, &fitted, NULL, &err);
    close(fd);
    if (!data) {
        check_told(&err);
        return;
    }
    const size_t count = data->count[PART_TEST];
    check(count == windows);
    if (count)
        check(!memcmp(last, data->series + data->start[PART_TEST][count - 1] * FEATURES,
                      sizeof last));
    dataset_free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (!size)
        return 0;
    const struct config config = make_config(*bytes);
    struct bytes from = {(const char *)bytes + 1, size - 1, 0, *bytes >> 7 ? 1 : 4096};
    const struct csv_source source = {give, &from};
    struct error err;
    size_t windows = 0;
    struct live *live = live_open(&config, &fitted, 0, NULL, &err);
    check(live != NULL);
    struct live_text *text = live_text_open(live, "rows", &source, &err);
    if (!text)
        check_told(&err);
    else if (take_rows(live, text, &windows))
        compare(&config, &from, windows);
    live_text_close(text);
    live_close(live);
    return 0;
}
