/* SPDX-License-Identifier: MIT */
#include "run/stream_batch.h"

#include <stdlib.h>
#include <string.h>

#include "run/prepare.h"

#define PROBES 4   /* windows that are run both ways, or blocks of rows */
#define ROWS 64    /* rows of a block that are compared, at most */
#define MANY 65536 /* more windows than any batch has */

/* An engine with drawn weights, whose batch is the dataset's windows at most. */
static struct engine *open_engine(struct stream *s, struct session *session, struct live *live,
                                  size_t windows, struct error *err)
{
    struct config *config = s->checkpoint.config;
    struct engine_options with = prepare_engine(s->options.log, 0, 0);
    with.session = session;
    if (live_repeat(live, windows, err))
        return NULL;
    struct engine *e = prepare_open(config, live_data(live), with, s->options.log, err);
    if (e && !params_init(e->params, (uint64_t)config->run.seed, err))
        return e;
    engine_close(e);
    return NULL;
}

/* Numbers from -1 to 1, of a probe; where windows are divided by a value, from 1 to 3. */
static void fill(struct dataset *data, size_t from, size_t rows, size_t probe)
{
    const float shift = data->scaler.kind == SCALER_RELATIVE ? 2 : 0;
    uint64_t state = 1 + probe * 7919;
    for (size_t i = 0; i < from * data->features; i++)
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    for (size_t i = 0; i < rows * data->features; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        data->series[i] = (float)((double)(state >> 40) / 8388608.0 - 1) + shift;
    }
}

/* What an engine gives for the probes: [PROBES, elems] of windows. */
static int run_windows(struct engine *e, struct live *live, float *to, struct error *err)
{
    const size_t elems = engine_window_elems(e);
    struct dataset *data = live_data(live);
    const size_t rows = data->eval_window ? data->eval_window : data->window;
    for (size_t probe = 0; probe < PROBES; probe++) {
        fill(data, 0, rows, probe);
        if (engine_window(e, 1, to + probe * elems, err))
            return -1;
    }
    return 0;
}

/* Whether an engine of so many copies gives the same; -1 with an error. Keeps it if it does. */
static int try_batch(struct stream *s, struct session *session, size_t batch, const float *wanted,
                     size_t elems, struct engine **kept, struct error *err)
{
    float *got = calloc(PROBES * elems, sizeof *got);
    s->checkpoint.config->train.evaluate_batch = (long)batch;
    struct engine *e = got ? open_engine(s, session, s->live, batch, err) : NULL;
    int same = -1;
    if (!got)
        error_set(err, STATUS_FAILED, "out of memory");
    else if (e && !run_windows(e, s->live, got, err))
        same = !memcmp(got, wanted, PROBES * elems * sizeof *got);
    free(got);
    if (same == 1)
        *kept = e;
    else
        engine_close(e);
    return same;
}

/* The smallest batch that gives the bits of a whole one. */
static struct engine *find_batch(struct stream *s, struct session *session, struct error *err)
{
    struct engine *kept = NULL, *whole = open_engine(s, session, s->live, MANY, err);
    const size_t most = whole ? engine_batch(whole) : 0,
                 elems = whole ? engine_window_elems(whole) : 0;
    float *wanted = calloc(PROBES * elems + 1, sizeof *wanted);
    int same = 0;
    if (whole && !wanted)
        error_set(err, STATUS_FAILED, "out of memory");
    if (!whole || !wanted || run_windows(whole, s->live, wanted, err))
        same = -1;
    engine_close(whole);
    for (size_t batch = 1; !same && batch < most; batch *= 2)
        same = try_batch(s, session, batch, wanted, elems, &kept, err);
    free(wanted);
    if (!same) {
        s->checkpoint.config->train.evaluate_batch = (long)most;
        kept = open_engine(s, session, s->live, most, err);
    }
    return kept;
}

/* --- with a state */

/* Rows of a whole block at once, and one by one: whether both give the same; -1 with an error. */
static int compare_rows(struct engine *one, struct live *live, struct engine *block,
                        struct live *beside, struct error *err)
{
    const size_t n = engine_window_elems(one), all = live_data(beside)->eval_window;
    float *a = calloc(engine_window_elems(block) + n, sizeof *a),
          *b = a + engine_window_elems(block);
    int same = a ? 1 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t probe = 0; same == 1 && probe < PROBES; probe++) {
        fill(live_data(beside), 0, all, probe);
        if (engine_window(block, 1, a, err))
            same = -1;
        for (size_t row = 0; same == 1 && row < all && row < ROWS; row++) {
            fill(live_data(live), row, 1, probe);
            same = engine_window(one, !row, b, err) ? -1 : !memcmp(a + row * n, b, n * sizeof *b);
        }
    }
    free(a);
    return same;
}

/* Tells where rows one by one have other last bits than a block of them. */
static int judge_rows(struct stream *s, struct session *session, struct engine *one,
                      struct error *err)
{
    struct live *beside =
        live_open(s->checkpoint.config, &s->checkpoint.fitted, 0, s->options.log, err);
    struct engine *block = beside ? open_engine(s, session, beside, 1, err) : NULL;
    const int same = block ? compare_rows(one, s->live, block, beside, err) : -1;
    engine_close(block);
    live_close(beside);
    if (!same)
        log_warn(s->options.log,
                 "products of one row are added in another order than those of a file's rows: the "
                 "last bits of answers are not those of predict over a file; -s device.gemm=own "
                 "gives both the same");
    return same < 0 ? -1 : 0;
}

struct engine *stream_batch_open(struct stream *s, struct session *session, struct error *err)
{
    if (!s->by_row)
        return find_batch(s, session, err);
    struct engine *one = open_engine(s, session, s->live, 1, err);
    if (!one || !judge_rows(s, session, one, err))
        return one;
    engine_close(one);
    return NULL;
}
