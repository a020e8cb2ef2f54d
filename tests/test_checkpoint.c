/* SPDX-License-Identifier: MIT */
/*
 * checkpoint: what is written comes back to the bit, and what does not fit is refused. Device
 * buffers are stand-ins in host memory that see each access out of bounds; checkpoints that do not
 * fit are made of good ones, with one thing changed.
 */
#include "train/checkpoint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/reading.h"

struct buffer {
    float *value;
    size_t count;
};

int buffer_read(struct buffer *buffer, size_t offset, size_t bytes, void *to, struct error *err)
{
    (void)err;
    assert_true(offset + bytes <= buffer->count * 4);
    memcpy(to, (char *)buffer->value + offset, bytes);
    return 0;
}

int buffer_write(struct buffer *buffer, size_t offset, size_t bytes, const void *from,
                 struct error *err)
{
    (void)err;
    assert_true(offset + bytes <= buffer->count * 4);
    memcpy((char *)buffer->value + offset, from, bytes);
    return 0;
}

/* Of the model. */
static struct terms terms;

struct terms model_terms(const struct config *config)
{
    (void)config;
    return terms;
}

/* A weight of more than one piece, a bias, and a statistic that has no optimizer state. */
enum { ROWS = 130, COLUMNS = 300, ELEMS = ROWS * COLUMNS + COLUMNS, ALL = ELEMS + COLUMNS };
/* Floats of an arena's first block: the weight lies in it. */
enum { FIRST_BLOCK = ROWS * COLUMNS };

/* Nobody makes or parts a buffer here. */
struct buffer *buffer_new(struct device *dev, size_t bytes, const char *what, struct error *err)
{
    (void)dev;
    (void)bytes;
    (void)err;
    fail_msg("%s is made", what);
    return NULL;
}

struct buffer *buffer_part(struct buffer *parent, size_t offset, size_t bytes, struct error *err)
{
    (void)parent;
    (void)offset;
    (void)err;
    fail_msg("a part of %zu bytes is made", bytes);
    return NULL;
}

int buffer_zero(struct buffer *buffer, struct error *err)
{
    (void)err;
    fail_msg("a buffer of %zu is zeroed", buffer->count);
    return -1;
}

void buffer_free(struct buffer *buffer)
{
    fail_msg("a buffer of %zu is freed", buffer->count);
}

int device_counts(const struct device *dev)
{
    (void)dev;
    return 1;
}

/* An arena of two blocks. */
struct stand_in {
    struct arena arena;
    struct buffer buffer[2], *block[2];
    char *host[2];
    size_t from[3];
};

static void stand_in(struct stand_in *s, float *value, size_t count)
{
    const size_t half = FIRST_BLOCK;
    s->buffer[0] = (struct buffer){value, half};
    s->buffer[1] = (struct buffer){value + half, count - half};
    s->block[0] = &s->buffer[0];
    s->block[1] = &s->buffer[1];
    s->from[1] = half * 4;
    s->from[2] = count * 4;
    s->arena = (struct arena){.blocks = 2, .block = s->block, .host = s->host, .from = s->from};
}

/* Of two targets. */
static double ranges[] = {1.0 / 3, 7, -2, -2};

/* How the files of training are said to be written; column 2 differs among them. */
static char close_name[] = "close", hard_name[] = "p (\"mbar\")", either_name[] = "volume";
static struct reading_column reading_columns[] = {
    {close_name, DECIMAL_COMMA}, {hard_name, DECIMAL_POINT}, {either_name, DECIMAL_AUTO}};
static struct reading reading = {
    .separator = ';', .time = TIME_DMY, .column = reading_columns, .columns = 3};

static const struct optim_class two_slots = {.slots = 2, .slot = {"exp_avg", "exp_avg_sq"}};

struct fixture {
    struct config *config;
    struct dataset data;
    struct engine engine;
    struct params params, judged;
    struct param param[3], *list[3];
    struct stand_in values, judged_values, exp_avg, exp_avg_sq;
    float value[ALL], judged_value[ALL], average[ELEMS], square[ELEMS];
    double offset[2], scale[2];
    struct transform transform[2];
    char *names[2];
};

static char directory[] = "checkpoint-test-XXXXXX";
static char written[64], changed[64];

static void add_param(struct fixture *f, int i, char *name, int rank, size_t a, size_t b,
                      size_t first)
{
    struct tensor *t = &f->param[i].value;
    t->name = name;
    t->rank = rank;
    t->dim[0] = a;
    t->dim[1] = b;
    t->elems = rank == 2 ? a * b : a;
    t->offset = first * 4;
    f->list[i] = &f->param[i];
}

static char *const with_targets[] = {
    "data.source=none.csv", "data.features=close, volume", "data.scaler=standard",
    "model.type=recurrent", "data.targets=close, volume",  "data.target_transform=standard"};

/* An engine whose every value is another one, or 0 all over. */
static void fixture_init(struct fixture *f, char *const *settings, size_t count, int filled)
{
    struct error err = {0};
    memset(f, 0, sizeof *f);
    terms = (struct terms){{{.name = "mse"}, {.name = "spread"}}, 2};
    f->config = config_load(NULL, settings, count, &err);
    if (!f->config)
        fail_msg("%s", err.text);
    add_param(f, 0, "layer.weight", 2, ROWS, COLUMNS, 0);
    add_param(f, 1, "layer.bias", 1, COLUMNS, 0, ROWS * COLUMNS);
    add_param(f, 2, "norm.running_mean", 1, COLUMNS, 0, ELEMS);
    f->param[2].group = PARAM_RUNNING;
    stand_in(&f->values, f->value, ALL);
    stand_in(&f->exp_avg, f->average, ELEMS);
    stand_in(&f->exp_avg_sq, f->square, ELEMS);
    for (size_t i = 0; i < ALL && filled; i++)
        f->value[i] = (float)(i + 1) / 3;
    for (size_t i = 0; i < ELEMS && filled; i++) {
        f->average[i] = -(float)(i + 1) / 7;
        f->square[i] = (float)(i + 1) / 11;
    }
    f->params = (struct params){.list = f->list, .count = 3, .values = &f->values.arena};
    f->offset[0] = 1.0 / 3;
    f->offset[1] = -1e-9 / 7;
    f->scale[0] = 2.0 / 3;
    f->scale[1] = 1e9 / 7;
    f->data.features = f->data.targets = f->config->data.targets.count;
    f->data.channels = 1;
    f->data.reading = &reading;
    f->data.target_range = ranges;
    f->data.scaler = (struct scaler){
        .kind = f->config->data.scaler.kind, .features = 2, .offset = f->offset, .scale = f->scale};
    for (size_t i = 0; i < f->data.targets; i++) {
        assert_int_equal(transform_parse(&f->transform[i], &f->config->data.target_transform, &err),
                         0);
        f->transform[i].step[0].offset = 1.0 / (double)(9 + i);
        f->transform[i].step[0].scale = (double)(9 + i) / 13;
        f->names[i] = f->config->data.targets.item[i];
    }
    f->data.transform = f->transform;
    f->data.target_names = f->names;
    f->engine = (struct engine){
        .config = f->config,
        .data = &f->data,
        .params = &f->params,
        .judged = &f->params,
        .optim = {.class = &two_slots, .slot = {&f->exp_avg.arena, &f->exp_avg_sq.arena}},
        .data_hash = UINT64_C(0x0123456789abcdef)};
}

static void targets_init(struct fixture *f, int filled)
{
    fixture_init(f, with_targets, sizeof with_targets / sizeof *with_targets, filled);
}

static struct progress some_progress(void)
{
    struct error err;
    struct progress p = {.epoch = 2,
                         .step = 11,
                         .done = 7,
                         .best = 1.0 / 3,
                         .best_epoch = 1,
                         .stale = 4,
                         .factor = 0.1,
                         .plateau_stale = 3,
                         .seconds = 12.5,
                         .finished = 1,
                         .collapsed = 1,
                         .log_bytes = INT64_C(5000000000)};
    for (int i = 0; i < 2; i++) {
        const struct epoch_figures row = {i + 1, {1.0 / 3, {2, 3}}, {NAN, {5, 6}}, 7, 8, 9, 10 + i,
                                          NAN,   0};
        assert_int_equal(progress_add(&p, &row, &err), 0);
    }
    for (size_t i = 0; i < sizeof p.metrics; i++)
        ((unsigned char *)&p.metrics)[i] = (unsigned char)(i + 1);
    return p;
}

static void write_last(struct fixture *f, const struct progress *p)
{
    struct error err;
    if (checkpoint_write_last(&f->engine, p, "a plan", written, NULL, &err))
        fail_msg("%s", err.text);
}

/* What is loaded into an engine of zeros: 0, or -1 with an error. */
static int load(struct fixture *to, const char *path, int resume, struct progress *p,
                struct error *err)
{
    struct checkpoint c;
    memset(err, 0, sizeof *err);
    memset(p, 0, sizeof *p);
    if (checkpoint_read(&c, path, NULL, 0, NULL, err))
        return -1;
    int result = checkpoint_load_weights(&to->engine, c.st, path, err);
    if (!result && resume)
        result = checkpoint_load_state(&to->engine, c.st, path, p, err);
    checkpoint_fini(&c);
    return result;
}

/* One thing that is changed on the way from `written` to `changed`. */
struct change {
    const char *key, *old, *new; /* of this metadata; without `old` it is left out */
    const char *tensor;          /* this one is left out, or has another form: */
    int turned, flat, bits, longer;
    const char *added;
};

static void rewrite(const struct change *c)
{
    struct error err;
    struct safetensors *from = safetensors_read(written, &err), *to = safetensors_new();
    assert_true(from && to);
    int done = 0;
    for (size_t i = 0; i < from->metas; i++) {
        const char *key = from->meta[i].key, *value = from->meta[i].value;
        char text[8192];
        snprintf(text, sizeof text, "%s", value);
        if (c->key && !strcmp(key, c->key)) {
            done = 1;
            if (!c->old)
                continue;
            const char *at = strstr(value, c->old);
            if (!at)
                fail_msg("no '%s' in %s", c->old, value);
            snprintf(text, sizeof text, "%.*s%s%s", (int)(at - value), value, c->new,
                     at + strlen(c->old));
        }
        assert_int_equal(safetensors_set(to, key, text, &err), 0);
    }
    for (size_t i = 0; i < from->count; i++) {
        const struct safetensor *t = &from->tensor[i];
        uint64_t shape[SAFETENSORS_MAX_RANK];
        size_t rank = t->rank;
        enum dtype dtype = t->dtype;
        memcpy(shape, t->shape, sizeof shape);
        if (c->tensor && !strcmp(t->name, c->tensor)) {
            done = 1;
            if (c->turned) {
                shape[0] = t->shape[1];
                shape[1] = t->shape[0];
            } else if (c->flat) {
                rank = 1;
                shape[0] = t->shape[0] * t->shape[1];
            } else if (c->bits) {
                dtype = DTYPE_I32;
            } else if (c->longer) {
                rank = t->rank + 1;
                shape[t->rank] = 1;
            } else {
                continue;
            }
        }
        assert_int_equal(safetensors_add(to, t->name, dtype, rank, shape, t->data, &err), 0);
    }
    if (c->added) {
        done = 1;
        assert_int_equal(
            safetensors_add(to, c->added, DTYPE_F32, 1, (uint64_t[]){1}, &(float){1}, &err), 0);
    }
    assert_true(done);
    if (safetensors_write(to, changed, &err))
        fail_msg("%s", err.text);
    safetensors_free(from);
    safetensors_free(to);
}

/* --- what comes back */

static void the_best_model(void **state)
{
    (void)state;
    static struct fixture f, g;
    struct error err;
    struct checkpoint c;
    struct progress p;
    targets_init(&f, 1);
    targets_init(&g, 0);
    assert_int_equal(checkpoint_write_best(&f.engine, 12, "a plan", written, &err), 0);
    assert_int_equal(load(&g, written, 0, &p, &err), 0);
    assert_memory_equal(g.value, f.value, sizeof f.value); /* the running statistic as well */

    assert_int_equal(checkpoint_read(&c, written, NULL, 0, NULL, &err), 0);
    assert_int_equal(c.epoch, 12);
    assert_int_equal(c.st->count, 3); /* no state of the optimizer */
    assert_string_equal(safetensors_get(c.st, "plan"), "a plan");
    assert_string_equal(safetensors_get(c.st, "format"), "pt");
    assert_string_equal(safetensors_get(c.st, "features"), "[\"close\", \"volume\"]");
    assert_string_equal(safetensors_get(c.st, "targets"), "[\"close\", \"volume\"]");
    assert_int_equal(c.fitted.scaler.kind, SCALER_STANDARD);
    assert_int_equal(c.fitted.scaler.features, 2);
    assert_memory_equal(c.fitted.scaler.offset, f.offset, sizeof f.offset);
    assert_memory_equal(c.fitted.scaler.scale, f.scale, sizeof f.scale);
    assert_int_equal(c.fitted.targets, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(c.fitted.transform[i].steps, 1);
        assert_true(c.fitted.transform[i].step[0].kind == TRANSFORM_STANDARD);
        assert_true(c.fitted.transform[i].step[0].offset == f.transform[i].step[0].offset);
        assert_true(c.fitted.transform[i].step[0].scale == f.transform[i].step[0].scale);
    }
    assert_memory_equal(c.fitted.target_range, ranges, sizeof ranges);
    assert_non_null(c.fitted.reading);
    assert_int_equal(c.fitted.reading->separator, ';');
    assert_int_equal(c.fitted.reading->time, TIME_DMY);
    assert_int_equal(c.fitted.reading->columns, 2);
    assert_string_equal(c.fitted.reading->column[0].name, "close");
    assert_int_equal(c.fitted.reading->column[0].decimal, DECIMAL_COMMA);
    assert_string_equal(c.fitted.reading->column[1].name, "p (\"mbar\")");
    assert_int_equal(c.fitted.reading->column[1].decimal, DECIMAL_POINT);
    assert_int_equal(c.config->model.type, MODEL_RECURRENT);
    assert_null(safetensors_find(c.st, "state.metrics"));
    checkpoint_fini(&c);
    config_free(f.config);
    config_free(g.config);
}

static void where_a_run_stands(void **state)
{
    (void)state;
    static struct fixture f, g;
    struct error err;
    static const double best[] = {1.0 / 3, NAN, INFINITY};
    for (int i = 0; i < 3; i++) {
        struct progress p = some_progress(), q;
        targets_init(&f, 1);
        targets_init(&g, 0);
        p.best = best[i];
        p.finished = i != 1;
        p.collapsed = 12345 * i;
        write_last(&f, &p);
        if (load(&g, written, 1, &q, &err))
            fail_msg("%s", err.text);
        assert_memory_equal(g.value, f.value, sizeof f.value);
        assert_memory_equal(g.average, f.average, sizeof f.average);
        assert_memory_equal(g.square, f.square, sizeof f.square);
        assert_true(q.epoch == 2 && q.step == 11 && q.done == 7 && q.best_epoch == 1 &&
                    q.stale == 4 && q.factor == 0.1 && q.plateau_stale == 3 && q.seconds == 12.5 &&
                    q.log_bytes == INT64_C(5000000000));
        assert_int_equal(q.finished, i != 1);
        assert_int_equal(q.collapsed, 12345 * i);
        assert_true(i ? isnan(q.best) : q.best == 1.0 / 3);
        assert_memory_equal(&q.metrics, &p.metrics, sizeof p.metrics);
        assert_int_equal(q.epochs, 2);
        assert_memory_equal(q.history, p.history, 2 * sizeof *p.history);
        progress_fini(&p);
        progress_fini(&q);
        assert_true(!q.history && !q.epochs);
        config_free(f.config);
        config_free(g.config);
    }
}

/* Writes `changed`: the checkpoint of `written` in format 1, as 0.1.0 wrote it. */
static void write_format_1(const uint32_t metrics[32], const double history[2][11])
{
    struct error err;
    struct safetensors *from = safetensors_read(written, &err), *to = safetensors_new();
    assert_true(from && to);
    for (size_t i = 0; i < from->metas; i++)
        if (strcmp(from->meta[i].key, "seqtrain_format"))
            assert_int_equal(safetensors_set(to, from->meta[i].key, from->meta[i].value, &err), 0);
    for (size_t i = 0; i < from->count; i++) {
        const struct safetensor *t = &from->tensor[i];
        if (strncmp(t->name, "state.", 6))
            assert_int_equal(
                safetensors_add(to, t->name, t->dtype, t->rank, t->shape, t->data, &err), 0);
    }
    assert_int_equal(
        safetensors_add(to, "state.metrics", DTYPE_U32, 1, (uint64_t[]){32}, metrics, &err), 0);
    assert_int_equal(
        safetensors_add(to, "state.history", DTYPE_F64, 2, (uint64_t[]){2, 11}, history, &err), 0);
    assert_int_equal(safetensors_write(to, changed, &err), 0);
    safetensors_free(from);
    safetensors_free(to);
}

/* Checkpoints of 0.1.0: two terms whatever the model had, columns without names. */
static void the_format_before(void **state)
{
    (void)state;
    static struct fixture f, g;
    static const double history[2][11] = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                                          {2, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}};
    static const struct terms one = {{{.name = "mse"}}, 1};
    struct progress p = some_progress(), q;
    struct error err;
    uint32_t words[32];
    for (uint32_t i = 0; i < 32; i++)
        words[i] = 0x3f800000 + i; /* floats a little above 1 */
    for (int only = 0; only < 2; only++) {
        targets_init(&f, 1);
        write_last(&f, &p);
        write_format_1(words, history);
        config_free(f.config);
        targets_init(&g, 0);
        if (only)
            terms = one;
        if (load(&g, changed, 1, &q, &err))
            fail_msg("%s", err.text);
        assert_memory_equal(q.metrics.loss, words, 8);
        assert_memory_equal(q.metrics.term, words + 2, 16);
        assert_true(q.metrics.term[2][0] == 0 && q.metrics.term[TERMS_MOST - 1][1] == 0);
        assert_memory_equal(q.metrics.samples, words + 6, 8);
        assert_memory_equal(q.metrics.norm_sum, words + 8, 8);
        assert_int_equal(q.metrics.steps, words[11]);
        assert_memory_equal(&q.metrics.scale, words + 19, 4);
        assert_int_equal(q.metrics.latched, words[20]);
        assert_int_equal(q.epochs, 2);
        const struct epoch_figures *h = &q.history[1];
        assert_true(h->epoch == 2 && h->train.loss == 12 && h->train.term[0] == 13 &&
                    h->val.loss == 15 && h->val.term[0] == 16 && h->lr == 18 &&
                    h->grad_mean == 19 && h->grad_max == 20 && h->seconds == 21);
        assert_true(h->train.term[1] == (only ? 0 : 14) && h->val.term[1] == (only ? 0 : 17));
        progress_fini(&q);
        config_free(g.config);
    }
    progress_fini(&p);
}

/* Columns are found by their names, wherever they stand; those that are not known are passed over,
 * and one that is missed is a fault. */
static void columns_by_name(void **state)
{
    (void)state;
    static struct fixture f, g;
    static const struct change other_order = {.key = "state",
                                              .old = "\"train_loss\", \"train_mse\"",
                                              .new = "\"train_mse\", \"train_loss\""};
    struct progress p = some_progress(), q;
    struct error err;
    targets_init(&f, 1);
    write_last(&f, &p);
    rewrite(&other_order);
    targets_init(&g, 0);
    if (load(&g, changed, 1, &q, &err))
        fail_msg("%s", err.text);
    assert_true(q.history[1].train.loss == 2 && q.history[1].train.term[0] == 1.0 / 3 &&
                q.history[1].train.term[1] == 3);
    progress_fini(&q);
    terms.count = 1; /* this model has no "spread" */
    if (load(&g, written, 1, &q, &err))
        fail_msg("%s", err.text);
    assert_true(q.history[0].train.term[0] == 2 && q.history[0].train.term[1] == 0 &&
                q.history[0].lr == 7);
    progress_fini(&q);
    terms = (struct terms){{{.name = "mse"}, {.name = "other"}}, 2};
    assert_int_equal(load(&g, written, 1, &q, &err), -1);
    assert_non_null(strstr(err.text, ": the state of the run inside is broken"));
    progress_fini(&p);
    config_free(f.config);
    config_free(g.config);
}

/* A run that has not ended an epoch has no history. */
static void before_the_first_epoch(void **state)
{
    (void)state;
    static struct fixture f;
    struct error err;
    struct progress p = {.best = NAN, .factor = 1}, q;
    targets_init(&f, 1);
    write_last(&f, &p);
    assert_int_equal(load(&f, written, 1, &q, &err), 0);
    assert_true(!q.epochs && !q.epoch && !q.step && isnan(q.best) && q.factor == 1);
    progress_fini(&q);
    config_free(f.config);
}

/* --- what does not fit */

static void refused(int resume, enum status status, const char *wants)
{
    static struct fixture g;
    struct error err;
    struct progress q;
    targets_init(&g, 0);
    if (!load(&g, changed, resume, &q, &err))
        fail_msg("taken, though it should be refused: %s", wants);
    if (err.status != status || !strstr(err.text, wants) || !strstr(err.text, changed))
        fail_msg("status %d, '%s' does not say '%s'", (int)err.status, err.text, wants);
    progress_fini(&q);
    config_free(g.config);
}

static void metadata_that_does_not_fit(void **state)
{
    (void)state;
    static const char scaler[] = ": metadata 'scaler' does not fit its 'config'";
    static const char reading_broken[] = ": metadata 'reading' is broken";
    static const char broken[] = ": the state of the run inside is broken";
    static const struct {
        struct change change;
        const char *wants;
    } bad[] = {
        {{.key = "config"}, ": no configuration inside: not a checkpoint of seqtrain"},
        {{.key = "config", .old = "recurrent", .new = "unheard"}, "unheard"},
        {{.key = "scaler"}, ": metadata 'scaler' is missing: not a checkpoint of seqtrain"},
        {{.key = "scaler", .old = "}", .new = ""}, ": metadata 'scaler' is broken"},
        {{.key = "scaler", .old = "standard", .new = "robust"}, scaler},
        {{.key = "scaler", .old = "\"kind\"", .new = "\"king\""}, scaler},
        {{.key = "scaler", .old = "\"scale\"", .new = "\"scope\""}, scaler},
        {{.key = "scaler", .old = "\"offset\"", .new = "\"onset\""}, scaler},
        {{.key = "scaler", .old = "0.33333333333333331", .new = "\"0.3\""}, scaler},
        {{.key = "scaler", .old = "0.33333333333333331, ", .new = ""}, scaler},
        {{.key = "scaler", .old = "0.66666666666666663, ", .new = ""}, scaler},
        {{.key = "scaler", .old = "0.66666666666666663", .new = "0"}, scaler},
        {{.key = "scaler", .old = "0.66666666666666663", .new = "-0.0"}, scaler},
        {{.key = "scaler", .old = "0.66666666666666663", .new = "null"}, scaler},
        {{.key = "scaler", .old = "142857142.85714287", .new = "0.0"}, scaler},
        {{.key = "reading", .old = "}", .new = ""}, ": metadata 'reading' is broken"},
        {{.key = "reading", .old = "semicolon", .new = "colon"}, reading_broken},
        {{.key = "reading", .old = "dmy", .new = "ddmmyy"}, reading_broken},
        {{.key = "reading", .old = "\"point\"", .new = "\"dot\""}, reading_broken},
        {{.key = "reading", .old = "\"comma\"", .new = "1"}, reading_broken},
        {{.key = "reading", .old = "\"decimal\"", .new = "\"decimals\""}, reading_broken},
        {{.key = "target_range", .old = "]]", .new = "]"}, ": metadata 'target_range' is broken"},
        {{.key = "target_range", .old = "7.0", .new = "0.25"},
         ": metadata 'target_range' is broken"},
        {{.key = "target_range", .old = "7.0", .new = "null"},
         ": metadata 'target_range' is broken"},
        {{.key = "target_range", .old = ", [-2.0, -2.0]", .new = ""},
         ": metadata 'target_range' is broken"},
        {{.key = "transforms"}, ": metadata 'transforms' is missing"},
        {{.key = "transforms", .old = "}", .new = ""}, ": metadata 'transforms': "},
        {{.key = "seqtrain_format", .old = "2", .new = "3"},
         ": a newer seqtrain wrote it, in format 3; this one reads up to format 2"},
        {{.key = "seqtrain_format", .old = "2", .new = "x"},
         ": metadata 'seqtrain_format' is broken"},
        {{.key = "seqtrain_format"}, broken},
        {{.key = "state", .old = "\"lr\"", .new = "\"rate\""}, broken},
        {{.key = "state", .old = "\"history\"", .new = "\"story\""}, broken},
        {{.key = "state"}, ": metadata 'state' is missing"},
        {{.key = "state", .old = "0123456789abcdef", .new = "0123456789abcdee"},
         ": none.csv is not what it was when this run began"},
        {{.key = "state", .old = "0123456789abcdef", .new = "8123456789abcdef"},
         ": none.csv is not what it was when this run began"},
        {{.key = "state", .old = "\"0123456789abcdef\"", .new = "5"}, broken},
        {{.key = "state", .old = "\"epoch\": 2", .new = "\"epoch\": 1"}, broken},
        {{.key = "state", .old = "\"epoch\": 2", .new = "\"epoch\": 3"}, broken},
        {{.key = "state", .old = "\"step\": 11", .new = "\"step\": -1"}, broken},
        {{.key = "state", .old = "\"step\": 11", .new = "\"step\": 11.0"}, broken},
        {{.key = "state", .old = "\"done\": 7", .new = "\"done\": \"7\""}, broken},
        {{.key = "state", .old = "\"best_epoch\"", .new = "\"best epoch\""}, broken},
        {{.key = "state", .old = "\"stale\": 4", .new = "\"stale\": null"}, broken},
        {{.key = "state", .old = "\"plateau_stale\": 3", .new = "\"plateau_stale\": -3"}, broken},
        {{.key = "state", .old = "\"log_bytes\": 5", .new = "\"log_bytes\": -5"}, broken},
        {{.key = "state", .old = "\"factor\"", .new = "\"factors\""}, broken},
        {{.key = "state", .old = "\"best\"", .new = "\"beast\""}, broken},
        {{.tensor = "state.metrics"}, broken},
        {{.tensor = "state.history"}, broken},
        {{.tensor = "state.metrics", .bits = 1}, broken},
        {{.tensor = "state.history", .flat = 1}, broken},
        {{.tensor = "state.history", .turned = 1}, broken},
        {{.tensor = "state.history", .longer = 1}, broken},
    };
    static struct fixture f;
    struct progress p = some_progress();
    targets_init(&f, 1);
    write_last(&f, &p);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rewrite(&bad[i].change);
        refused(1, STATUS_INPUT, bad[i].wants);
    }
    progress_fini(&p);
    config_free(f.config);
}

static void weights_that_do_not_fit(void **state)
{
    (void)state;
    static const char shape[] = " has not the shape of this model's: another configuration?";
    static const struct {
        struct change change;
        const char *wants;
    } bad[] = {
        {{.tensor = "layer.bias"}, ": no tensor layer.bias: a checkpoint of another model?"},
        {{.tensor = "norm.running_mean"}, ": no tensor norm.running_mean"},
        {{.tensor = "optimizer.exp_avg.layer.weight"},
         ": no tensor optimizer.exp_avg.layer.weight"},
        {{.tensor = "optimizer.exp_avg_sq.layer.bias"},
         ": no tensor optimizer.exp_avg_sq.layer.bias"},
        {{.tensor = "layer.weight", .turned = 1}, shape},
        {{.tensor = "layer.weight", .flat = 1}, shape},
        {{.tensor = "layer.weight", .bits = 1}, shape},
        {{.tensor = "layer.bias", .longer = 1}, shape},
        {{.tensor = "optimizer.exp_avg.layer.weight", .turned = 1}, shape},
        {{.added = "layer.other"}, ": tensor layer.other is none of this model's"},
        {{.added = "stat"}, ": tensor stat is none of this model's"},
    };
    static struct fixture f, g;
    struct progress p = some_progress(), q;
    struct error err;
    targets_init(&f, 1);
    write_last(&f, &p);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rewrite(&bad[i].change);
        refused(1, STATUS_INPUT, bad[i].wants);
    }
    /* what is of the run and not of the model is passed over */
    rewrite(&(struct change){.added = "optimizer.exp_avg.more"});
    targets_init(&g, 0);
    assert_int_equal(load(&g, changed, 0, &q, &err), 0);
    progress_fini(&p);
    config_free(f.config);
    config_free(g.config);
}

/* --- the moving average of weights */

/* As an engine with train.ema has it. */
static void add_average(struct fixture *f, int filled)
{
    for (size_t i = 0; i < ALL && filled; i++)
        f->judged_value[i] = (float)(i + 1) / 5;
    stand_in(&f->judged_values, f->judged_value, ALL);
    f->judged = f->params;
    f->judged.values = &f->judged_values.arena;
    f->engine.judged = &f->judged;
}

/* A model is the average; what a run goes on with are the weights themselves as well. */
static void the_average_is_the_model(void **state)
{
    (void)state;
    static struct fixture f, g, h;
    struct error err;
    struct progress p = some_progress(), q;
    targets_init(&f, 1);
    add_average(&f, 1);
    write_last(&f, &p);
    targets_init(&g, 0);
    add_average(&g, 0);
    assert_int_equal(load(&g, written, 1, &q, &err), 0);
    progress_fini(&q);
    assert_memory_equal(g.judged_value, f.judged_value, sizeof f.judged_value);
    assert_memory_equal(g.value, f.value, ELEMS * sizeof *f.value);
    assert_memory_equal(g.average, f.average, sizeof f.average);
    assert_memory_equal(g.square, f.square, sizeof f.square);

    targets_init(&h, 0); /* predicts */
    assert_int_equal(load(&h, written, 0, &q, &err), 0);
    assert_memory_equal(h.value, f.judged_value, sizeof f.judged_value);
    assert_int_equal(checkpoint_write_best(&f.engine, 1, "a plan", written, &err), 0);
    memset(h.value, 0, sizeof h.value);
    assert_int_equal(load(&h, written, 0, &q, &err), 0);
    assert_memory_equal(h.value, f.judged_value, sizeof f.judged_value);

    write_last(&f, &p);
    rewrite(&(struct change){.tensor = "optimizer.trained.layer.bias"});
    assert_int_equal(load(&g, changed, 1, &q, &err), -1);
    assert_non_null(strstr(err.text, ": no tensor optimizer.trained.layer.bias"));
    progress_fini(&q);
    progress_fini(&p);
    config_free(f.config);
    config_free(g.config);
    config_free(h.config);
}

/* --- other configurations */

static void without_targets(void **state)
{
    (void)state;
    static char *const settings[] = {"data.source=none.csv", "data.features=close, volume"};
    static struct fixture f;
    struct error err;
    struct checkpoint c;
    fixture_init(&f, settings, 2, 1);
    assert_int_equal(checkpoint_write_best(&f.engine, 1, "a plan", written, &err), 0);
    assert_int_equal(checkpoint_read(&c, written, NULL, 0, NULL, &err), 0);
    assert_true(!c.fitted.transform && !c.fitted.targets);
    assert_null(safetensors_get(c.st, "targets"));
    assert_null(safetensors_get(c.st, "transforms"));
    checkpoint_fini(&c);
    config_free(f.config);
}

/* Channels apart: one target, and a transform for each channel. */
static void a_transform_for_each_channel(void **state)
{
    (void)state;
    static char *const settings[] = {"data.source=none.csv",          "data.features=close, volume",
                                     "data.scaler=standard",          "model.type=recurrent",
                                     "data.channels=apart",           "data.targets=channel",
                                     "data.target_transform=standard"};
    static struct fixture f;
    struct error err;
    struct checkpoint c;
    fixture_init(&f, settings, sizeof settings / sizeof *settings, 1);
    f.data.channels = 2;
    f.transform[1] = f.transform[0];
    f.transform[1].step[0].offset = 17;
    assert_int_equal(checkpoint_write_best(&f.engine, 1, "a plan", written, &err), 0);
    if (checkpoint_read(&c, written, NULL, 0, NULL, &err))
        fail_msg("%s", err.text);
    assert_int_equal(c.fitted.targets, 2);
    assert_true(c.fitted.transform[0].step[0].offset == 1.0 / 9);
    assert_true(c.fitted.transform[1].step[0].offset == 17);
    checkpoint_fini(&c);
    config_free(f.config);
}

/* Settings change the configuration inside; one that is wrong is the user's fault. */
static void settings_go_with_it(void **state)
{
    (void)state;
    static struct fixture f;
    struct error err;
    struct checkpoint c;
    targets_init(&f, 1);
    assert_int_equal(checkpoint_write_best(&f.engine, 1, "a plan", written, &err), 0);
    assert_int_equal(checkpoint_read(&c, written, (char *[]){"train.batch=17"}, 1, NULL, &err), 0);
    assert_int_equal(c.config->train.batch, 17);
    assert_int_equal(c.fitted.reading->separator, ';');
    checkpoint_fini(&c);
    char *found[] = {" data . separator =auto", "data.time_format=auto",
                     "data.decimals=", "data.tim=", "data.decimal"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(checkpoint_read(&c, written, found, i + 1, NULL, &err), 0);
        assert_int_equal(c.fitted.reading->separator, 0);
        assert_int_equal(c.fitted.reading->time, i ? TIME_NONE : TIME_DMY);
        assert_int_equal(c.fitted.reading->column[0].decimal, DECIMAL_COMMA);
        reading_forget(c.fitted.reading, found + 2, 3);
        assert_int_equal(c.fitted.reading->time, i ? TIME_NONE : TIME_DMY);
        assert_int_equal(c.fitted.reading->column[0].decimal, DECIMAL_COMMA);
        reading_forget(c.fitted.reading, (char *[]){"data.decimal=auto"}, 1);
        assert_int_equal(c.fitted.reading->column[0].decimal, DECIMAL_AUTO);
        checkpoint_fini(&c);
    }
    assert_int_equal(checkpoint_read(&c, written, (char *[]){"train.batch=no"}, 1, NULL, &err), -1);
    assert_int_equal(err.status, STATUS_USAGE);
    config_free(f.config);
}

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(written, sizeof written, "%s/written", directory);
    snprintf(changed, sizeof changed, "%s/changed", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(written);
    unlink(changed);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_model),          cmocka_unit_test(where_a_run_stands),
        cmocka_unit_test(the_format_before),       cmocka_unit_test(columns_by_name),
        cmocka_unit_test(before_the_first_epoch),  cmocka_unit_test(metadata_that_does_not_fit),
        cmocka_unit_test(weights_that_do_not_fit), cmocka_unit_test(the_average_is_the_model),
        cmocka_unit_test(without_targets),         cmocka_unit_test(a_transform_for_each_channel),
        cmocka_unit_test(settings_go_with_it),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("checkpoint", tests, make_directory, remove_directory);
}
